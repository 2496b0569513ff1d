"""What an IMAP client writes and reads in small: strings, mailbox names, sets of UIDs, dates.

RFC 9051 §4 and §9; modified UTF-7 of mailbox names, RFC 3501 §5.1.3. Pure functions.
"""

from __future__ import annotations

import base64
import calendar
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from postroom.conf.errors import Transient

SET_LENGTH = 4000  # octets of a set in a command; servers must take lines of 8,192 (RFC 7162 §4)
_UID_MAX = (1 << 32) - 1
_DATE = re.compile(rb" ?(\d{1,2}-[A-Za-z]{3}-\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$")
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_SET = re.compile(rb"\d{1,10}(?::\d{1,10})?(?:,\d{1,10}(?::\d{1,10})?)*$")


class Literal(bytes):
    """Octets of a command that go as a literal."""


def string(text: str) -> bytes:
    """A quoted string, or a `Literal` where quoting can't carry it.

    Raises `ValueError` for NUL, which neither can.
    """
    octets = text.encode("utf-8", "surrogateescape")
    if b"\0" in octets:
        raise ValueError("NUL in an IMAP string")
    if octets.isascii() and text.isprintable():
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return Literal(octets)


def mailbox_name(name: str) -> bytes:
    """A mailbox name as a string in modified UTF-7."""
    coded = []
    for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", name):
        if run.isascii() and run.isprintable():
            coded.append(run.replace("&", "&-"))
        else:
            octets = run.encode("utf-16-be", "surrogatepass")
            coded.append("&" + base64.b64encode(octets).decode().rstrip("=").replace("/", ",") + "-")
    return string("".join(coded))


def uid_sets(uids: Iterable[int], length: int = SET_LENGTH) -> Iterator[bytes]:
    """Compressed sets ("1:200,305") of the UIDs in ascending order, each at most `length` octets."""
    pending: list[bytes] = []
    size = 0
    for first, last in _ranges(sorted(set(uids))):
        text = b"%d" % first if first == last else b"%d:%d" % (first, last)
        if pending and size + len(text) + 1 > length:
            yield b",".join(pending)
            pending, size = [], 0
        pending.append(text)
        size += len(text) + 1
    if pending:
        yield b",".join(pending)


def _ranges(ordered: list[int]) -> Iterator[tuple[int, int]]:
    if not ordered:
        return
    first = last = ordered[0]
    for uid in ordered[1:]:
        if uid != last + 1:
            yield first, last
            first = uid
        last = uid
    yield first, last


def expand(text: bytes, most: int) -> list[int]:
    """The numbers of a set the server sent, ascending and each once.

    Raises `Transient` if it is malformed or names more than `most`.
    """
    if not _SET.match(text):
        raise Transient("The server sent a malformed set of messages.", code="4.5.0")
    found: set[int] = set()
    total = 0
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        first, last = sorted((int(low), int(high or low)))
        total += last - first + 1
        if total > most or last > _UID_MAX:
            raise Transient("The server named more messages than the mailbox holds.", code="4.5.0")
        found.update(range(first, last + 1))
    found.discard(0)
    return sorted(found)


@lru_cache(maxsize=1024)
def _day(text: bytes) -> int:
    day, month, year = text.split(b"-")
    return calendar.timegm((int(year), _MONTHS[month.decode().title()], int(day), 0, 0, 0))


def internal_date_ms(value: object) -> int | None:
    """Milliseconds since 1970 of an INTERNALDATE, None if it can't be read."""
    if not isinstance(value, bytes) or not (found := _DATE.match(value)):
        return None
    try:
        day = _day(found[1])
    except (KeyError, ValueError, OverflowError):
        return None
    offset = (int(found[6]) * 60 + int(found[7])) * 60
    local = day + int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4])
    return (local - offset if found[5] == b"+" else local + offset) * 1000
