"""Retrieving new messages from the selected IMAP mailbox: sizes and dates first, then bodies in batches.

Guarantees: every UID asked for is accounted for: octets, a spooled file, excluded with its reason, vanished, or an
error in `failures`; a batch is at most 200 messages or 4 MB; a message over 4 MiB comes alone, through windows of
1 MiB into a file; while the caller commits a batch, the next one is already on its way, one at most. Announced sizes
only plan: the octets count. Reads with BODY.PEEK (RFC 9051 §6.4.5), so nothing is marked as seen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from postroom.conf.errors import PostroomError, Transient
from postroom.drivers.contract import Identity, Retrieved
from postroom.drivers.protocols.imap_client import Fetching, ImapClient
from postroom.drivers.protocols.imap_framing import LINE
from postroom.drivers.protocols.imap_parser import Item
from postroom.drivers.protocols.imap_syntax import internal_date_ms, uid_sets
from postroom.drivers.protocols.spool import MEMORY, Gathering, header_of
from postroom.drivers.suspects import Place, Suspects

BATCH_MESSAGES = 200
BATCH_OCTETS = 4_000_000
WINDOW = 1024 * 1024
_EXAMINED = 2000  # UIDs whose size and date are asked for at once
_OLD_WEIGHT = 0.2  # an excluded old message costs a row, no octets
_BUDGET = 16 * 1024 * 1024  # octets kept of one batch, whatever sizes were announced
_HEADER = 256 * 1024
_TEMPORARY = {"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "THROTTLED"}


@dataclass(slots=True)
class Entry:
    """One message as announced."""

    uid: int
    size: int
    received_ms: int | None
    old: bool


class ImapRetrieval:
    """The retrieval of one listing. `failures` are messages that are there and could not be had this time."""

    def __init__(
        self, client: ImapClient, place: Place, folder: Path, most: int, suspects: Suspects, not_before_ms: int | None
    ) -> None:
        self._client, self._place, self._folder, self._most = client, place, folder, most
        self._suspects, self._not_before_ms = suspects, not_before_ms
        self.failures: list[PostroomError] = []

    async def batches(self, new: Sequence[str]) -> AsyncGenerator[list[Retrieved], None]:
        """The messages of these UIDs, batch by batch."""
        ordinary, suspected = self._suspects.split(self._place, new)
        for start in range(0, len(ordinary), _EXAMINED):
            groups = list(_groups(await self._examine(ordinary[start : start + _EXAMINED])))
            ahead: Fetching | None = None
            try:
                for group, following in zip_longest(groups, groups[1:]):
                    messages: list[Retrieved] = []
                    rest = group
                    if not _alone(group):
                        messages, rest = await self._together(group, ahead or await self._begin(group))
                    ahead = None
                    for entry in rest:
                        if message := await self._guarded(entry):
                            yield [message]
                    if following and not _alone(following):
                        ahead = await self._begin(following)
                    if messages:
                        yield messages
            finally:
                if ahead:
                    if self._client.broken:  # perhaps by what was on its way, and nobody will ask for it now
                        self._suspects.accuse(self._place, map(str, ahead.wanted))
                    ahead.drop()
        for uid in suspected:
            for entry in await self._examine([uid]):
                if message := await self._guarded(entry):
                    yield [message]

    async def _examine(self, uids: Sequence[str]) -> list[Entry]:
        """Sizes and dates, in the order asked."""
        numbers = [int(uid) for uid in uids]
        found: dict[int, dict[bytes, Item]] = {}
        for uid_set in uid_sets(numbers):
            fetching = await self._client.fetch(
                uid_set, numbers, b"RFC822.SIZE", b"INTERNALDATE", literal=LINE, budget=WINDOW
            )
            answer = await self._client.fetched(fetching)
            if not answer.ok and answer.code in _TEMPORARY:
                raise self._client.refusal(answer, "the sizes of new messages")
            found.update(fetching.items)
        return [self._entry(uid, found.get(uid, {})) for uid in numbers]

    def _entry(self, uid: int, items: dict[bytes, Item]) -> Entry:
        size = items.get(b"RFC822.SIZE")
        received_ms = internal_date_ms(items.get(b"INTERNALDATE"))
        known = isinstance(size, bytes) and size.isdigit() and len(size) < 20
        old = self._not_before_ms is not None and received_ms is not None and received_ms < self._not_before_ms
        return Entry(uid, int(size) if known and isinstance(size, bytes) else 0, received_ms, old)

    async def _begin(self, group: Sequence[Entry]) -> Fetching | None:
        """Ask for the bodies of a group, without waiting for them."""
        uids = [entry.uid for entry in group if not entry.old]
        if not uids:
            return None
        (uid_set,) = uid_sets(uids)
        return await self._client.fetch(uid_set, uids, b"BODY.PEEK[]", literal=MEMORY, budget=_BUDGET)

    async def _together(self, group: Sequence[Entry], fetching: Fetching | None) -> tuple[list[Retrieved], list[Entry]]:
        """The messages that came, and the entries that must be asked for alone."""
        bodies: dict[int, dict[bytes, Item]] = {}
        if fetching:
            try:
                answer = await self._client.fetched(fetching)
            except PostroomError:
                self._suspects.accuse(self._place, [str(entry.uid) for entry in group if not entry.old])
                raise
            if not answer.ok and answer.code in _TEMPORARY:
                raise self._client.refusal(answer, "new messages")
            bodies = fetching.items
        messages: list[Retrieved] = []
        missing: list[Entry] = []
        for entry in group:
            body = bodies[entry.uid].get(b"BODY[]") if entry.uid in bodies else None
            if entry.old:
                messages.append(self._excluded(entry, entry.size, "Received before the profile's StartFrom."))
            elif isinstance(body, bytes):
                messages.append(self._message(entry, body))
            else:
                missing.append(entry)
        there = await self._existing(missing)
        messages += [self._vanished(entry) for entry in missing if entry.uid not in there]
        return messages, [entry for entry in missing if entry.uid in there]

    def _message(self, entry: Entry, octets: bytes) -> Retrieved:
        if len(octets) > self._most:
            return self._excluded(entry, len(octets), self._too_large(len(octets)), header_of(octets))
        return Retrieved(self._identity(entry), len(octets), octets, received_ms=entry.received_ms)

    async def _existing(self, entries: Sequence[Entry]) -> set[int]:
        found: set[int] = set()
        for uid_set in uid_sets(entry.uid for entry in entries):
            found.update(await self._client.search(b"UID " + uid_set))
        return found

    async def _guarded(self, entry: Entry) -> Retrieved | None:
        """One message alone; None, and a failure, if the server refuses it."""
        try:
            message = await self._by_windows(entry)
        except PostroomError as error:
            if self._client.broken:
                self._suspects.accuse(self._place, [str(entry.uid)])
            if not self._client.alive:
                raise
            self.failures.append(error)
            return None
        self._suspects.acquit(self._place, [str(entry.uid)])
        return message

    async def _by_windows(self, entry: Entry) -> Retrieved:
        if entry.old:
            return self._excluded(entry, entry.size, "Received before the profile's StartFrom.")
        if entry.size > self._most and await self._window(entry, self._most, 1):
            return self._excluded(entry, entry.size, self._too_large(entry.size), await self._header(entry))
        gathering = Gathering(self._folder, self._most)
        try:
            while not gathering.overflow:
                part = await self._window(entry, gathering.size, WINDOW)
                if part is None and not await self._existing([entry]):
                    gathering.discard()
                    return self._vanished(entry)
                if part is None and not gathering.size:
                    reason = "The server lists the message, but does not give its content."
                    return self._excluded(entry, entry.size, reason, await self._header(entry))
                gathering.write(part or b"")
                if len(part or b"") < WINDOW:
                    break
            if gathering.overflow:
                size, header = max(entry.size, gathering.size), gathering.header()
                gathering.discard()
                return self._excluded(entry, size, self._too_large(size), header)
            octets, path = gathering.finish()
        except BaseException:
            gathering.discard()
            raise
        return Retrieved(self._identity(entry), gathering.size, octets, path, received_ms=entry.received_ms)

    async def _window(self, entry: Entry, offset: int, length: int) -> bytes | None:
        """At most `length` octets of a message from `offset`; None if the server gives none for this UID."""
        section = b"BODY.PEEK[]<%d.%d>" % (offset, length)
        part = await self._section(entry, section, b"BODY[]<%d>" % offset, length)
        if part is not None and len(part) > length:
            raise Transient(f"{self._client.endpoint} gave more of a message than was asked for.", code="4.5.0")
        return part

    async def _header(self, entry: Entry) -> bytes:
        section, name = b"BODY.PEEK[HEADER]<0.%d>" % _HEADER, b"BODY[HEADER]<0>"
        return await self._section(entry, section, name, _HEADER, strict=False) or b""

    async def _section(
        self, entry: Entry, section: bytes, name: bytes, length: int, strict: bool = True
    ) -> bytes | None:
        fetching = await self._client.fetch(
            b"%d" % entry.uid, [entry.uid], section, literal=length, budget=length + LINE
        )
        answer = await self._client.fetched(fetching)
        if not answer.ok and strict:
            raise self._client.refusal(answer, f"message {entry.uid} of {self._place[1]}")
        value = fetching.items.get(entry.uid, {}).get(name)
        if isinstance(value, bytes) or value is None or not strict:
            return value if isinstance(value, bytes) else None
        raise Transient(f"{self._client.endpoint} gave more of a message than was asked for.", code="4.5.0")

    def _identity(self, entry: Entry) -> Identity:
        return Identity(self._place[1], self._place[2], str(entry.uid))

    def _vanished(self, entry: Entry) -> Retrieved:
        return Retrieved(self._identity(entry), 0, vanished=True)

    def _excluded(self, entry: Entry, size: int, reason: str, header: bytes = b"") -> Retrieved:
        identity = self._identity(entry)
        return Retrieved(identity, size, excluded=reason, header=header, received_ms=entry.received_ms)

    def _too_large(self, size: int) -> str:
        return f"Larger than MaxMessageSize: {size} octets, allowed {self._most}."


def _groups(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Batches in the order of the entries; a large message is one of its own."""
    group: list[Entry] = []
    weight, octets = 0.0, 0
    for entry in entries:
        large = entry.size > MEMORY and not entry.old
        if group and (large or weight >= BATCH_MESSAGES or (not entry.old and octets + entry.size > BATCH_OCTETS)):
            yield group
            group, weight, octets = [], 0.0, 0
        if large:
            yield [entry]
            continue
        group.append(entry)
        weight += _OLD_WEIGHT if entry.old else 1
        octets += 0 if entry.old else entry.size
    if group:
        yield group


def _alone(group: Sequence[Entry]) -> bool:
    return len(group) == 1 and group[0].size > MEMORY and not group[0].old
