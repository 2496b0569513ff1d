"""Content-Type and Content-Disposition: a value and its parameters (RFC 2045, 2183, 2231).

Lenient: no semicolon, no quotes, RFC 2047 words in parameters, continuations with gaps, unclosed quotes. Guarantees
linear time, at most `VALUE_LIMIT` characters
and `_PARAMETERS_LIMIT` parameters read, and no exception.
"""

from __future__ import annotations

import re
from itertools import islice
from urllib.parse import unquote_to_bytes

from postroom.mail.charsets import decode
from postroom.mail.header_text import decode_words, unfolded

VALUE_LIMIT = 16_384
_PARAMETERS_LIMIT = 500

_VALUE = re.compile(r"[\s;,]*+([^\s;,=\"]{0,127}+)")
_PARAMETER = re.compile(r"([^\s=;\",]{1,64}+)\s*+=\s*+(?:\"((?:[^\"\\]++|\\.)*+)(?:\"|\\?$)|([^;\"]*+))", re.DOTALL)
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_QUOTED_PAIR = re.compile(r"\\([\"\\])")
_SECTION = re.compile(r"([^*]{1,60})(?:\*(\d{1,3}))?(\*?)")
_TYPE = re.compile(r"[!#$&^_.+a-z0-9-]{1,127}/[!#$&^_.+a-z0-9-]{1,127}")


def content_type(raw: bytes | None, default: str) -> tuple[str, dict[str, str]]:
    """The media type in lower case and its parameters. What is no type/subtype is text/plain."""
    if raw is None:
        return default, {}
    value, parameters = parameterised(raw)
    if not value:
        return default, parameters
    if _TYPE.fullmatch(value):
        return value, parameters
    return ("multipart/mixed" if value.startswith("multipart/") else "text/plain"), parameters


def parameterised(raw: bytes) -> tuple[str, dict[str, str]]:
    """The value (lower case) and its parameters (names in lower case, values decoded)."""
    text = unfolded(raw[:VALUE_LIMIT])
    found = _VALUE.match(text)
    value = found[1].lower() if found else ""
    rest = text[found.end() :] if found else ""
    if "=" not in rest:
        return value, {}
    if "(" in rest:
        rest = _COMMENT.sub(" ", rest) if '"' not in rest else rest
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in islice(_PARAMETER.finditer(rest), _PARAMETERS_LIMIT):
        name, quoted, bare = match[1].lower(), match[2], match[3]
        content = _unquoted(quoted) if quoted is not None else bare.strip()
        if "*" not in name:
            plain.setdefault(name, decode_words(content) if "=?" in content else content)
        elif section := _SECTION.fullmatch(name):
            sections.setdefault(section[1], {}).setdefault(int(section[2] or 0), (content, bool(section[3])))
    for name, parts in sections.items():
        plain[name] = _extended(parts)
    return value, plain


def _unquoted(text: str) -> str:
    """Quoted pairs undone, but a Windows path keeps its backslashes."""
    return _QUOTED_PAIR.sub(r"\1", text) if "\\" in text else text


def _extended(parts: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231: all sections joined as octets, then decoded with the charset that the first one names."""
    charset = ""
    octets: list[bytes] = []
    for number in sorted(parts):
        content, encoded = parts[number]
        if number == min(parts) and encoded and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        octets.append(unquote_to_bytes(content) if encoded else content.encode("utf-8", "replace"))
    text = decode(b"".join(octets), charset)
    return decode_words(text) if "=?" in text else text
