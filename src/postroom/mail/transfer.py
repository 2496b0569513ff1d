"""Content-Transfer-Encoding undone (RFC 2045 section 6), forgiving what senders break.

`EncodedOctets` points into the message and decodes only when asked, so that a parsed message costs little more than
its octets. Never raises; what can't be decoded stays as it came.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PADDED_RUN = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_ONLY_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*+\Z")
_SPACED = re.compile(rb"[A-Za-z0-9+/,.][ ][A-Za-z0-9+/,.]")
_SAMPLE = 160
_UU_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\n]*\n")

IDENTITY = ("", "7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class EncodedOctets:
    """`source[start:end]` under the transfer encoding `encoding` (lower case)."""

    source: bytes
    start: int
    end: int
    encoding: str = ""

    def decode(self, limit: int | None = None) -> bytes:
        """The decoded octets; with `limit`, at least that many of them where there are so many (and few more)."""
        end = self.end
        if limit is not None:
            end = min(end, self.start + (limit * 4 if self.encoding == "quoted-printable" else limit * 3 // 2) + 1_024)
        return decode_transfer(self.source[self.start : end], self.encoding)

    @property
    def size(self) -> int:
        """How many octets `decode` gives: exact for well-formed base64 and the identity, else close to it."""
        length = self.end - self.start
        if self.encoding == "base64":
            breaks = self.source.count(b"\n", self.start, self.end) + self.source.count(b"\r", self.start, self.end)
            tail = self.source[max(self.start, self.end - 16) : self.end]
            return max(0, (length - breaks) // 4 * 3 - min(2, tail.count(b"=")))
        if self.encoding in IDENTITY:
            return length
        return len(self.decode())


def decode_transfer(octets: bytes, encoding: str) -> bytes:
    """The octets with the transfer encoding undone; unknown encodings leave them as they are."""
    if encoding == "base64":
        return decode_base64(octets)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return decode_uu(octets)
    return octets


def looks_plain(octets: bytes) -> bool:
    """Whether a text said to be base64 plainly isn't: words with spaces between them."""
    return len(_SPACED.findall(octets[:_SAMPLE].strip())) > 2


def decode_base64(octets: bytes) -> bytes:
    """Base64, ignoring foreign characters and broken padding; padded runs one after the other are all read."""
    padding = octets.find(b"=")
    if 0 <= padding < len(octets) - 4 and len(rest := octets[padding:].strip(b"= \t\r\n")) > 0:
        if _ONLY_BASE64.match(rest):
            joined = _NOT_BASE64_OR_PAD.sub(b"", octets)
            return b"".join(_run(found[0]) for found in _PADDED_RUN.finditer(joined))
        octets = octets[: padding + 2]  # a list's footer, say
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        return _run(_NOT_BASE64.sub(b"", octets))


_NOT_BASE64_OR_PAD = re.compile(rb"[^A-Za-z0-9+/=]+")


def _run(run: bytes) -> bytes:
    run = run.rstrip(b"=")
    if len(run) % 4 == 1:
        run = run[:-1]
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def decode_uu(octets: bytes) -> bytes:
    """uuencoded lines; lines that can't be read are passed over."""
    begin = _UU_BEGIN.search(octets)
    lines: list[bytes] = []
    for line in octets[begin.end() if begin else 0 :].splitlines():
        if line == b"end":
            break
        decoded = uu_line(line)
        if decoded:
            lines.append(decoded)
    return b"".join(lines)


def uu_line(line: bytes) -> bytes | None:
    """One uuencoded line, or None if it is none."""
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        if not line:
            return None
        wanted = (((line[0] - 32) & 63) * 4 + 5) // 3  # some encoders pad the line with rubbish
        try:
            return binascii.a2b_uu(line[:wanted])
        except binascii.Error:
            return None
