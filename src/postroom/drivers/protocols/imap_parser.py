"""The grammar of IMAP responses (RFC 9051 §7, RFC 3501 §7, ESEARCH RFC 4731): framed pieces in, responses out.

Pure. Guarantees: whatever the pieces hold, `parse` returns a response, or None for what can't be read; parentheses
nest at most 20 deep; the cost is linear in the length. Order of items, quoted or literal bodies, NIL, and a tagged
answer without text are all taken as they come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from postroom.drivers.protocols.imap_framing import Pieces, Skipped

_DEPTH = 20
_NUMBERED = re.compile(rb"\* +(\d{1,10}) +([A-Za-z]+) *")
_STATUS = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH)(?: +(.*))?$", re.I | re.S)
_CODE = re.compile(rb"\[([^\s\]]+)(?: +([^\]]*))?\] ?", re.S)
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9.\-]{0,60}$")
_TAGGED = re.compile(rb"([A-Za-z0-9]{1,20}) +(.*)", re.S)
_TOKEN = re.compile(
    rb" *(?:([^\s()\"\[]*\[[^\]\[]*\][^\s()\"]*|[^\s()\"]+)|(\()|(\))|\"([^\"\\]*(?:\\.[^\"\\]*)*)\")", re.S
)
# What nearly every FETCH looks like: numbers and quoted strings, at the end perhaps one literal. Never ambiguous, so
# linear; anything else takes the general way, with the same result.
_PLAIN = re.compile(rb'\(((?:[A-Z0-9.]+ (?:"[^"\\]*"|\d+)(?: |(?=\))))*)(?:\)$|([A-Z0-9.]+\[\]) $)')
_PLAIN_ITEM = re.compile(rb'([A-Z0-9.]+) (?:"([^"\\]*)"|(\d+))')
_ESCAPED = re.compile(rb"\\(.)", re.S)

Item = bytes | Skipped | None | list["Item"]


@dataclass(slots=True)
class Status:
    """OK, NO, BAD, BYE or PREAUTH; tagged, or untagged with `tag` empty. `code` and `argument` stood in brackets."""

    tag: bytes
    name: str
    code: str = ""
    argument: bytes = b""
    text: bytes = b""

    @property
    def ok(self) -> bool:
        return self.name == "OK"


@dataclass(slots=True)
class Continuation:
    """The server waits for more."""

    text: bytes = b""


@dataclass(slots=True)
class Numbered:
    """EXISTS, EXPUNGE, RECENT, …: a number and a name."""

    number: int
    name: str


@dataclass(slots=True)
class Fetch:
    """The items of one message by upper-case name; a body is octets, None (NIL) or `Skipped`."""

    number: int
    items: dict[bytes, Item] = field(default_factory=dict)


@dataclass(slots=True)
class Data:
    """Any other untagged response: its name and the text after it."""

    name: str
    text: bytes = b""


Response = Status | Continuation | Numbered | Fetch | Data


def parse(pieces: Pieces) -> Response | None:
    """The response of these pieces, None for what can't be read."""
    first = pieces[0]
    if not isinstance(first, bytes):
        return None
    if first[:2] == b"* ":
        numbered = _NUMBERED.match(first)
        if numbered:
            name = numbered[2].upper()
            if name == b"FETCH":
                return _fetch(int(numbered[1]), pieces, numbered.end())
            return Numbered(int(numbered[1]), name.decode())
        rest = first[2:].strip()
        status = _status(b"", rest)
        if status:
            return status
        name, _, text = rest.partition(b" ")
        if not _NAME.match(name):
            return None
        return Data(name.decode("ascii", "replace").upper(), text)
    if first[:1] == b"+":
        return Continuation(first[1:].strip())
    tagged = _TAGGED.match(first)
    return _status(tagged[1], tagged[2]) if tagged else None


def _status(tag: bytes, rest: bytes) -> Status | None:
    found = _STATUS.match(rest)
    if not found:
        return None
    name, text = found[1].decode().upper(), found[2] or b""
    code = _CODE.match(text)
    if not code:
        return Status(tag, name, text=text)
    return Status(tag, name, code[1].decode("ascii", "replace").upper(), code[2] or b"", text[code.end() :])


def _fetch(number: int, pieces: Pieces, start: int) -> Fetch | None:
    plain = _PLAIN.match(pieces[0], start) if isinstance(pieces[0], bytes) else None
    if plain and (len(pieces) == 1 if plain[2] is None else len(pieces) == 3 and pieces[2] == b")"):
        found: dict[bytes, Item] = {name: digits or text for name, text, digits in _PLAIN_ITEM.findall(plain[1])}
        if plain[2] is not None:
            found[plain[2]] = pieces[1]
        return Fetch(number, found)
    return _general_fetch(number, pieces, start)


def _general_fetch(number: int, pieces: Pieces, start: int) -> Fetch | None:
    values = _values(pieces, start)
    if values is None or len(values) != 1 or not isinstance(values[0], list):
        return None
    flat = values[0]
    items: dict[bytes, Item] = {}
    for index in range(0, len(flat) - 1, 2):
        name = flat[index]
        if not isinstance(name, bytes):
            return None
        items[name.upper()] = flat[index + 1]
    return Fetch(number, items)


def _values(pieces: Pieces, start: int) -> list[Item] | None:
    """The values of the pieces, from `start` of the first one; None if they are malformed."""
    values: list[Item] = []
    stack: list[list[Item]] = []
    for index, piece in enumerate(pieces):
        if index % 2 or not isinstance(piece, bytes):
            values.append(piece)
            continue
        position = start if index == 0 else 0
        for token in _TOKEN.finditer(piece, position):
            if token.start() != position:
                return None
            position = token.end()
            kind = token.lastindex
            if kind == 1:
                atom = token[1]
                values.append(None if len(atom) == 3 and atom.upper() == b"NIL" else atom)
            elif kind == 2:
                if len(stack) >= _DEPTH:
                    return None
                stack.append(values)
                values = []
            elif kind == 3:
                if not stack:
                    return None
                outer = stack.pop()
                outer.append(values)
                values = outer
            else:
                text = token[4]
                values.append(_ESCAPED.sub(rb"\1", text) if b"\\" in text else text)
        if piece[position:].strip():
            return None
    return None if stack else values
