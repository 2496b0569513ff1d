"""SEARCH (RFC 3501 section 6.4.4): which messages have what the client asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from .imap_syntax import Argument, SyntaxProblem, in_set, text
from .mailboxes import Stored

Test = Callable[[int, Stored], bool]

_FLAGS = {
    "SEEN": "\\Seen",
    "DELETED": "\\Deleted",
    "FLAGGED": "\\Flagged",
    "ANSWERED": "\\Answered",
    "DRAFT": "\\Draft",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_NESTED = 20


def search(keys: Sequence[Argument], view: Sequence[Stored]) -> list[int]:
    """The sequence numbers (from 1) of the messages of `view` for which every key holds."""
    keys = list(keys)
    if keys[:1] == ["CHARSET"]:
        keys = keys[2:]
    reader = _Reader(keys, view)
    tests = reader.all_keys(0)
    return [number for number, message in enumerate(view, 1) if all(test(number, message) for test in tests)]


class _Reader:
    """Reads keys one after the other; each becomes a test."""

    def __init__(self, keys: Sequence[Argument], view: Sequence[Stored]) -> None:
        self._keys, self._view, self._at = keys, view, 0

    def all_keys(self, depth: int) -> list[Test]:
        tests = []
        while self._at < len(self._keys):
            tests.append(self._key(depth))
        if not tests:
            raise SyntaxProblem("SEARCH wants a key")
        return tests

    def _next(self) -> Argument:
        if self._at >= len(self._keys):
            raise SyntaxProblem("a SEARCH key wants an argument")
        self._at += 1
        return self._keys[self._at - 1]

    def _key(self, depth: int) -> Test:
        if depth > _MOST_NESTED:
            raise SyntaxProblem("SEARCH keys are nested too deeply")
        key = self._next()
        if isinstance(key, list):
            tests = _Reader(key, self._view).all_keys(depth + 1)
            return lambda number, message: all(test(number, message) for test in tests)
        name = text(key).upper()
        if name in {"ALL", "OLD"}:
            return lambda number, message: True
        if name in {"NEW", "RECENT"}:
            return lambda number, message: False
        if name == "NOT":
            inner = self._key(depth + 1)
            return lambda number, message: not inner(number, message)
        if name == "OR":
            first, second = self._key(depth + 1), self._key(depth + 1)
            return lambda number, message: first(number, message) or second(number, message)
        return self._flag(name) or self._date(name) or self._size(name) or self._text(name) or self._set(name)

    def _flag(self, name: str) -> Test | None:
        wanted = not name.startswith("UN")
        if name in {"KEYWORD", "UNKEYWORD"}:
            flag = text(self._next())
        elif name.removeprefix("UN") in _FLAGS:
            flag = _FLAGS[name.removeprefix("UN")]
        else:
            return None
        return lambda number, message: (flag in message.flags) is wanted

    def _date(self, name: str) -> Test | None:
        if name not in {"BEFORE", "ON", "SINCE"}:
            return None
        day = _day(text(self._next()))
        if name == "BEFORE":
            return lambda number, message: message.received.date() < day
        if name == "ON":
            return lambda number, message: message.received.date() == day
        return lambda number, message: message.received.date() >= day

    def _size(self, name: str) -> Test | None:
        if name not in {"LARGER", "SMALLER"}:
            return None
        size = text(self._next())
        if not size.isascii() or not size.isdigit() or len(size) > 12:
            raise SyntaxProblem(f"{name} wants a number")
        if name == "LARGER":
            return lambda number, message: len(message.octets) > int(size)
        return lambda number, message: len(message.octets) < int(size)

    def _text(self, name: str) -> Test | None:
        if name == "HEADER":
            field = text(self._next()).lower()
        elif name in {"FROM", "TO", "CC", "BCC", "SUBJECT"}:
            field = name.lower()
        elif name in {"TEXT", "BODY"}:
            return _contains(text(self._next()), whole=name == "TEXT")
        else:
            return None
        return _has_field(field, text(self._next()))

    def _set(self, name: str) -> Test:
        if name == "UID":
            uids = in_set(text(self._next()), [message.uid for message in self._view])
            return lambda number, message: message.uid in uids
        if not name[:1].isdigit() and name[:1] != "*":
            raise SyntaxProblem("this server does not know that SEARCH key")
        numbers = in_set(name, range(1, len(self._view) + 1))
        return lambda number, message: number in numbers


def _contains(words: str, *, whole: bool) -> Test:
    wanted = words.lower().encode()
    if whole:
        return lambda number, message: wanted in message.octets.lower()
    return lambda number, message: wanted in message.octets.partition(b"\r\n\r\n")[2].lower()


def _has_field(name: str, words: str) -> Test:
    """A field of that name holds the words; no words: there is such a field."""
    prefix, wanted = name.encode() + b":", words.lower().encode()

    def test(number: int, message: Stored) -> bool:
        header = message.octets.partition(b"\r\n\r\n")[0].lower()
        fields = header.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
        return any(field.startswith(prefix) and wanted in field[len(prefix) :] for field in fields)

    return test


def _day(written: str) -> date:
    day, _, rest = written.partition("-")
    month, _, year = rest.partition("-")
    try:
        return datetime(int(year), _MONTHS.index(month.title()) + 1, int(day), tzinfo=UTC).date()
    except ValueError:
        raise SyntaxProblem("a date is written like 1-Feb-2026") from None
