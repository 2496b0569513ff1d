"""FETCH (RFC 3501 section 6.4.5): the items that the demo server can give of a message.

UID, FLAGS, INTERNALDATE, RFC822.SIZE, RFC822 and its parts, and BODY[…] of the whole message, its header, chosen
fields or its text, also as a partial. Parts of a MIME structure are not offered.
"""

from __future__ import annotations

import re

from .imap_syntax import Argument, SyntaxProblem, literal, words
from .mailboxes import Stored

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BODY = re.compile(r"BODY(\.PEEK)?\[([^\]]*)\](?:<(\d{1,10})\.(\d{1,10})>)?", re.IGNORECASE)
_FIELDS = re.compile(r"HEADER\.FIELDS(\.NOT)? \(([^()]*)\)", re.IGNORECASE)
_WHOLE = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY.PEEK[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}
_FAST = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]


def items_of(argument: Argument) -> list[str]:
    """The items that are asked for, the macro FAST written out. Raises `SyntaxProblem` if one is not offered."""
    items = words(argument)
    if [item.upper() for item in items] == ["FAST"]:
        items = _FAST
    for item in items:
        known = item.upper() in {"UID", *_FAST, *_WHOLE}
        match = _BODY.fullmatch(item)
        if not known and (match is None or not _section_is_known(match.group(2))):
            raise SyntaxProblem(f"this server does not give {item[:40]}")
    return items


def marks_seen(items: list[str]) -> bool:
    """Whether reading these items sets the flag Seen."""
    return any(_WHOLE.get(item.upper(), item).upper().startswith("BODY[") for item in items)


def answer(number: int, message: Stored, items: list[str]) -> bytes:
    """The untagged answer for one message."""
    parts = [_item(message, item) for item in items]
    return b"* %d FETCH (%b)\r\n" % (number, b" ".join(parts))


def flags(message: Stored) -> bytes:
    return b"FLAGS (%b)" % " ".join(sorted(message.flags)).encode()


def _item(message: Stored, item: str) -> bytes:
    name = item.upper()
    if name == "UID":
        return b"UID %d" % message.uid
    if name == "FLAGS":
        return flags(message)
    if name == "INTERNALDATE":
        at = message.received
        return f'INTERNALDATE "{at.day:2d}-{_MONTHS[at.month - 1]}-{at:%Y %H:%M:%S %z}"'.encode()
    if name == "RFC822.SIZE":
        return b"RFC822.SIZE %d" % len(message.octets)
    label = name
    match = _BODY.fullmatch(_WHOLE.get(name, item))
    assert match is not None, "items_of has checked it"
    octets = _section(message.octets, match.group(2))
    if name not in _WHOLE:
        label = f"BODY[{match.group(2)}]"
        if match.group(3) is not None:
            start, length = int(match.group(3)), int(match.group(4))
            octets = octets[start : start + length]
            label += f"<{start}>"
    return label.encode() + b" " + literal(octets)


def _section_is_known(section: str) -> bool:
    return section.upper() in {"", "HEADER", "TEXT"} or _FIELDS.fullmatch(section) is not None


def _section(octets: bytes, section: str) -> bytes:
    if not section:
        return octets
    header, separator, body = _divided(octets)
    if section.upper() == "HEADER":
        return header + separator
    if section.upper() == "TEXT":
        return body
    match = _FIELDS.fullmatch(section)
    assert match is not None, "items_of has checked it"
    names = {name.strip('"').lower().encode() for name in match.group(2).split()}
    unwanted = match.group(1) is not None
    fields = re.split(rb"(?<=\n)(?![ \t])", header)
    chosen = [field for field in fields if field.strip() and (_name(field) in names) is not unwanted]
    return b"".join(chosen) + b"\r\n"


def _divided(octets: bytes) -> tuple[bytes, bytes, bytes]:
    """Header with its last line end, the empty line, body. A message may have no empty line, or no header."""
    if octets.startswith(b"\r\n"):
        return b"", b"\r\n", octets[2:]
    header, separator, body = octets.partition(b"\r\n\r\n")
    return (header + b"\r\n", b"\r\n", body) if separator else (octets, b"", b"")


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()
