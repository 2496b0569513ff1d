"""Words for people: texts from mail made fit for a reason, a log line or a header. Bounded, one line, no controls."""

from __future__ import annotations

import unicodedata


def one_line(text: str, limit: int = 80) -> str:
    """The text on one line of at most `limit` characters; no control, format or private-use characters."""
    text = text[: limit * 4]
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if character.isspace() else character for character in text if _fit(character))
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def quoted(text: str, limit: int = 80) -> str:
    """The text on one line in quotation marks."""
    return f"“{one_line(text, limit)}”"


def _fit(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] != "C"
