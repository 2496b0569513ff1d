"""How a text part is written: which charset, which transfer encoding (RFC 2045).

The plainest that carries the text is chosen: 7bit for ASCII with short lines, quoted-printable for text that is
mostly ASCII, base64 for the rest. Line ends become CRLF.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal

_NOT_7BIT = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]")
_ASCII = bytes(range(128))
# Those that mail is written in; not every codec of Python's is one (utf-16, idna, unicode_escape)
_CHARSETS = re.compile(
    r"us-ascii|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis|iso-2022-(?:jp|kr)|euc-(?:jp|kr)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A text ready to be sent: CRLF line ends, the last line ended too."""

    charset: str
    transfer: Literal["7bit", "quoted-printable", "base64"]
    octets: bytes


def encode_text(text: str, charset: str = "utf-8", longest_line: int = 998, forbidden: str = "") -> EncodedText:
    """Encode a text. A charset that does not know every character gives way to UTF-8.

    `longest_line` is the longest that goes out unencoded (at most 998); `forbidden`, the boundary, must not occur.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    if text.isascii() and not _NOT_7BIT.search(text) and not (forbidden and forbidden in text):
        longest = min(longest_line, 998)
        if len(text) <= longest or max(map(len, text.split("\n"))) <= longest:
            return EncodedText("utf-8", "7bit", text.replace("\n", "\r\n").encode("ascii"))
    name, data = _in_charset(text, charset)
    beyond = len(data.translate(None, _ASCII))
    if beyond * 5 <= len(data):
        # One CR-free text in, so that the soft line breaks are bare LF too, and all become CRLF here.
        return EncodedText(name, "quoted-printable", binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n"))
    return EncodedText(name, "base64", encode_base64(data.replace(b"\n", b"\r\n")))


def encode_base64(octets: bytes) -> bytes:
    """base64 in lines of 76, each ended with CRLF."""
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _in_charset(text: str, charset: str) -> tuple[str, bytes]:
    if _CHARSETS.fullmatch(charset):
        try:
            return charset.lower(), text.encode(charset)
        except (UnicodeError, LookupError):
            pass
    return "utf-8", text.encode("utf-8", "replace")
