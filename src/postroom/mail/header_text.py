"""A header field's value for people: unfolded, RFC 2047 words decoded, one line, no control characters.

Lenient as receivers must be: words inside quotes, words that split a character between them, wrong base64, raw
8-bit octets (RFC 6532 or none). Guarantees text from any octets in linear time; a value is at most `VALUE_LIMIT`
octets. Never raises.
"""

from __future__ import annotations

import binascii
import re

from postroom.mail.charsets import codec_for, decode

VALUE_LIMIT = 65_536

_FOLD = re.compile(r"[\r\n]++[ \t]*+")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?[^?\s]{1,64}\?[bBqQ]\?)")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")


def unfolded(value: bytes, charset: str | None = None) -> str:
    """The value as one line of text, RFC 2047 words left as they are: what parsers of fields read."""
    value = value[:VALUE_LIMIT].strip()
    text = value.decode("ascii") if value.isascii() else _from_8_bit(value, charset)
    if "\n" in text or "\r" in text:
        text = _FOLD.sub(" ", text)
    return text


def _from_8_bit(value: bytes, charset: str | None) -> str:
    """UTF-8 (RFC 6532) where it is, else the charset that the body declares, else a guess."""
    try:
        return value.decode("utf-8").replace("\0", "")
    except UnicodeDecodeError:
        return decode(value, charset)


def header_text(value: bytes | str, charset: str | None = None) -> str:
    """The value as text for people. `charset` is the first guess for raw 8-bit octets."""
    text = unfolded(value, charset) if isinstance(value, bytes) else _FOLD.sub(" ", value[:VALUE_LIMIT].strip())
    if "=?" in text:
        text = decode_words(text).strip()
    return text if text.isprintable() else one_line(text)


def one_line(text: str) -> str:
    """Control characters (line ends too) become one space, so that a value can never become two fields."""
    return _CONTROL.sub(" ", text).strip()


def decode_words(text: str) -> str:
    """RFC 2047 words decoded; adjacent words of one charset are joined first: senders split characters."""
    text = _BETWEEN_WORDS.sub("", text)
    parts: list[str] = []
    pending: list[bytes] = []
    charset = ""
    last = 0
    for match in _WORD.finditer(text):
        name = match[1].partition("*")[0]
        if pending and (match.start() > last or name.lower() != charset.lower()):
            parts.append(decode(b"".join(pending), charset))
            pending = []
        parts.append(text[last : match.start()])
        last = match.end()
        charset = name
        pending.append(_from_base64(match[3]) if match[2] in "bB" else _from_q(match[3], name))
    if pending:
        parts.append(decode(b"".join(pending), charset))
    parts.append(text[last:])
    return "".join(parts)


def _from_base64(text: str) -> bytes:
    clean = _NOT_BASE64.sub("", text)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + "=" * (-len(clean) % 4))


def _from_q(text: str, charset: str) -> bytes:
    try:  # raw 8-bit characters inside a word were meant in its charset
        octets = text.encode("utf-8" if text.isascii() else codec_for(charset) or "utf-8")
    except UnicodeError:
        octets = text.encode("utf-8", "replace")
    octets = octets.replace(b"_", b" ")
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode("ascii")), octets)
