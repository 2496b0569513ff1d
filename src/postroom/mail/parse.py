"""Octets to a `Message`: the one door to the parser (RFC 5322, 2045-2047, 2231, 3676, 6532).

Guarantees a message for any octets: never an exception, no recursion, bounded time, and memory of at most about twice
the octets beside them. Every limit is named in the module that holds it. Attachments are decoded when they are read.
Pure and thread-safe. Never changes the octets, never looks into an embedded message.

`VERSION` goes up whenever the same octets may give another view.
"""

from __future__ import annotations

from postroom.mail.charsets import decode
from postroom.mail.content_view import read_content
from postroom.mail.fields import read_header
from postroom.mail.header_view import read_fields
from postroom.mail.message import Message
from postroom.mail.structure import make_part

VERSION = 1
_DEFECTS_LIMIT = 50
_LAST_RESORT_TEXT = 1_048_576


def parse(octets: bytes, *, embedded: bool = True) -> Message:
    """A view of the message. `embedded`: name an embedded message by its subject, else leave it shut.

    `engine` of the result is "mime", or "text" where the parser itself failed and the octets are given as text.
    """
    try:
        return _parse(octets, embedded=embedded)
    except Exception as error:  # noqa: BLE001 - the promise is a message for any octets; the defect tells
        return Message(
            text=decode(octets[:_LAST_RESORT_TEXT], "utf-8"),
            defects=(f"The message could not be parsed ({type(error).__name__}): the text is as it came.",),
            engine="text",
            size=len(octets),
        )


def _parse(octets: bytes, *, embedded: bool) -> Message:
    message = Message(engine="mime", size=len(octets))
    defects: list[str] = []
    if not octets:
        message.defects = ("The message is empty.",)
        return message
    if _has_bare_cr_lines(octets):
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        defects.append("The lines end with a bare CR.")
    header = read_header(octets, 0, len(octets))
    defects += header.defects
    if not header.fields and not header.defects:
        defects.append("There is no header.")
    root = make_part(header, 0, len(octets), None)
    message.content_type = root.type
    read_fields(message, header.fields, root.parameters.get("charset"))
    defects += read_content(message, octets, root, embedded=embedded)
    message.defects = tuple(dict.fromkeys(defects))[:_DEFECTS_LIMIT]
    return message


def _has_bare_cr_lines(octets: bytes) -> bool:
    """Whether CR alone ends its lines: no LF at all, or an empty line of CRs before the first LF."""
    line_feed = octets.find(b"\n")
    if line_feed < 0:
        return b"\r" in octets
    empty = octets.find(b"\r\r", 0, line_feed)
    return empty >= 0 and octets[empty:line_feed].strip(b"\r") != b""
