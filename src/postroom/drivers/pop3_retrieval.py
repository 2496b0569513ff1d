"""What one POP3 session holds, and retrieving some of it: UIDL and LIST, then RETR through a window, TOP where the
octets aren't wanted.

Guarantees: at most 16 MiB of one batch in memory and 256 MiB in files; a message over 4 MiB streams into a file; a
message larger than MaxMessageSize, by LIST or by its octets, is excluded with its header. The files of messages that
are not handed over are removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postroom.conf.errors import PostroomError
from postroom.drivers.contract import Identity, Retrieved
from postroom.drivers.protocols.header_date import received_ms
from postroom.drivers.protocols.pop3_client import Pop3Client
from postroom.drivers.protocols.pop3_parser import Reply
from postroom.drivers.protocols.spool import MEMORY, Gathering
from postroom.drivers.suspects import Place, Suspects

_IN_MEMORY = 16 * 1024 * 1024
_IN_ALL = 256 * 1024 * 1024
_HEADER = 256 * 1024
_EXCLUDED = 2000  # most messages of a batch that are not retrieved
_SIZE = re.compile(rb"(?m)^(\d{1,10}) +(\d{1,18})\b")
_UIDL = re.compile(rb"(?m)^(\d{1,10}) +(\S{1,255})[ \r\n]")
_GONE = re.compile(r"no such|expunged|not exist|deleted|gone|not found", re.I)


@dataclass(slots=True)
class Maildrop:
    """The messages of one session: numbers by identity, sizes by number; `unnamed` have no UIDL of their own, and are
    known only by their octets: (number, what stands before the digest)."""

    numbers: dict[str, list[int]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    unnamed: list[tuple[int, str]] = field(default_factory=list)


async def list_maildrop(client: Pop3Client) -> Maildrop:
    """UIDL; LIST only where some have no UIDL of their own, since it makes many servers open every message.

    Raises `Transient` if the server refuses both.
    """
    named = await client.listing(b"UIDL")
    uidls = {int(number): uidl.decode("latin-1") for number, uidl in _UIDL.findall(named.listing())}
    drop = _by_uidl(uidls, {})
    return _by_uidl(uidls, await _all_sizes(client)) if drop.unnamed or not named.ok else drop


async def _all_sizes(client: Pop3Client) -> dict[int, int]:
    listed = await client.listing(b"LIST")
    if not listed.ok:
        raise client.refusal(listed, "LIST")
    return {int(number): int(size) for number, size in _SIZE.findall(listed.listing())}


def _by_uidl(uidls: dict[int, str], sizes: dict[int, int]) -> Maildrop:
    drop = Maildrop(sizes=sizes)
    seen: dict[str, int] = {}
    for uidl in uidls.values():
        seen[uidl] = seen.get(uidl, 0) + 1
    for number in sorted({*sizes, *uidls}):
        uidl = uidls.get(number, "")
        if uidl and seen[uidl] == 1:
            drop.numbers[uidl] = [number]
        else:
            drop.unnamed.append((number, f"{uidl} " if uidl else ""))
    return drop


@dataclass(slots=True)
class Wanted:
    """A message to retrieve: its number, and its identity; of an unnamed one, what stands before the digest."""

    number: int
    source_id: str
    unnamed: bool = False


Flight = tuple[Wanted, Gathering, "asyncio.Future[Reply]"]


class Pop3Retrieval:
    """Retrieves messages of one session. `failures` are messages that are there and could not be had this time."""

    def __init__(
        self, client: Pop3Client, drop: Maildrop, place: Place, folder: Path, most: int, suspects: Suspects
    ) -> None:
        self._client, self._drop, self._place, self._folder = client, drop, place, folder
        self._most, self._suspects = most, suspects
        self._found: list[Retrieved] = []
        self._examined: list[Wanted] = []
        self.failures: list[PostroomError] = []

    async def retrieve(
        self, wanted: Sequence[Wanted], count: int, not_before_ms: int | None
    ) -> tuple[list[Retrieved], list[Wanted]]:
        """The first of `wanted` that make a batch, at most `count` retrieved and some excluded; and which were
        looked at, for which the batch or `failures` says what became of them."""
        self._found, self._examined = [], []
        try:
            rest = await self._by_header(wanted, count, not_before_ms)
            await self._by_octets(rest, count, not_before_ms)
        except BaseException:
            discard(self._found)
            raise
        return self._found, self._examined

    async def _by_header(self, wanted: Sequence[Wanted], count: int, not_before_ms: int | None) -> list[Wanted]:
        """Exclude what the header tells to; the rest, as many as will be retrieved."""
        rest: list[Wanted] = []

        def take(one: Wanted, gathering: Gathering, reply: Reply) -> None:
            header = gathering.header() if reply.ok else b""
            size = self._drop.sizes.get(one.number, 0)
            moment = received_ms(header)
            if size > self._most:
                self._exclude(one, size, header, self._too_large(size))
            elif not_before_ms is not None and moment is not None and moment < not_before_ms:
                self._exclude(one, size, header, "Received before the profile's StartFrom.")
            else:
                rest.append(one)

        def ask(one: Wanted) -> Flight:
            gathering = Gathering(self._folder, _HEADER, _HEADER)
            return one, gathering, self._client.request(b"TOP %d 0" % one.number, gathering)

        waiting = deque(wanted)
        while waiting and len(rest) < count and len(self._found) < _EXCLUDED:
            run: list[Wanted] = []
            part = [waiting.popleft() for _ in range(min(len(waiting), count - len(rest)))]
            await self._measure(part)
            for one in part:
                if not_before_ms is None and self._drop.sizes.get(one.number, 0) <= self._most:
                    rest.append(one)
                else:
                    run.append(one)
            await self._pipelined(iter(run), ask, take, lambda flight: True)
        return rest

    async def _measure(self, wanted: Sequence[Wanted]) -> None:
        """Ask for the sizes of these; unknown where the server refuses to say."""
        unknown = [one.number for one in wanted if one.number not in self._drop.sizes]
        if len(unknown) * 4 > len(self._drop.numbers):
            self._drop.sizes.update(await _all_sizes(self._client))
            return
        for start in range(0, len(unknown), self._client.window):
            numbers = unknown[start : start + self._client.window]
            for future in [self._client.request(b"LIST %d" % number) for number in numbers]:
                found = _SIZE.match((await self._client.answer(future)).text)
                if found:
                    self._drop.sizes[int(found[1])] = int(found[2])

    async def _by_octets(self, wanted: Sequence[Wanted], count: int, not_before_ms: int | None) -> None:
        asked = memory = everything = 0

        def room(flight: Sequence[Flight]) -> bool:
            coming = [self._drop.sizes.get(one.number, MEMORY) for one, _, _ in flight]
            in_memory = memory + sum(min(size, MEMORY) for size in coming)
            return asked < count and in_memory < _IN_MEMORY and everything + sum(coming) < _IN_ALL

        def ask(one: Wanted) -> Flight:
            nonlocal asked
            asked += 1
            gathering = Gathering(self._folder, self._most)
            return one, gathering, self._client.request(b"RETR %d" % one.number, gathering)

        def take(one: Wanted, gathering: Gathering, reply: Reply) -> None:
            nonlocal memory, everything
            memory += gathering.in_memory
            everything += gathering.size
            self._judge(one, gathering, reply, not_before_ms)

        await self._pipelined(iter(wanted), ask, take, room)

    async def _pipelined(
        self,
        wanted: Iterator[Wanted],
        ask: Callable[[Wanted], Flight],
        take: Callable[[Wanted, Gathering, Reply], None],
        room: Callable[[Sequence[Flight]], bool],
    ) -> None:
        """Ask for each while there is room, as many at a time as the server takes."""
        flight: deque[Flight] = deque()
        try:
            while True:
                while len(flight) < self._client.window and room(flight) and (one := next(wanted, None)):
                    flight.append(ask(one))
                if not flight:
                    return
                one, gathering, future = flight[0]
                try:
                    reply = await self._client.answer(future)
                except PostroomError:
                    if not one.unnamed:
                        self._suspects.accuse(self._place, [one.source_id])
                    raise
                take(*flight.popleft()[:2], reply)
        finally:
            for _, gathering, _ in flight:
                gathering.discard()

    def _judge(self, one: Wanted, gathering: Gathering, reply: Reply, not_before_ms: int | None) -> None:
        """Make a message of a reply to RETR."""
        if not reply.ok:
            words = self._client.words(reply)
            self._examined.append(one)
            if _GONE.search(words) and not one.unnamed:
                self._found.append(Retrieved(Identity("", 0, one.source_id), 0, vanished=True))
            else:
                self.failures.append(self._client.refusal(reply, f"message {one.number}"))
            return
        if gathering.overflow:
            header = gathering.header()
            gathering.discard()
            self._exclude(one, gathering.size, header, self._too_large(gathering.size))
            return
        if not_before_ms is not None:  # TOP may have been refused
            header = gathering.header()
            moment = received_ms(header)
            if moment is not None and moment < not_before_ms:
                gathering.discard()
                self._exclude(one, gathering.size, header, "Received before the profile's StartFrom.")
                return
        octets, path = gathering.finish()
        source_id = one.source_id
        if one.unnamed:
            source_id += f"sha256:{_digest(octets, path)}"
        self._add(one, Retrieved(Identity("", 0, source_id), gathering.size, octets, path))

    def _exclude(self, one: Wanted, size: int, header: bytes, reason: str) -> None:
        source_id = one.source_id
        if one.unnamed:  # its octets are not here
            source_id += f"sha256-header:{hashlib.sha256(header + b'%d' % size).hexdigest()}"
        self._add(one, Retrieved(Identity("", 0, source_id), size, excluded=reason, header=header))

    def _add(self, one: Wanted, message: Retrieved) -> None:
        self._suspects.acquit(self._place, [one.source_id])
        self._examined.append(one)
        if one.unnamed:
            self._drop.numbers.setdefault(message.identity.source_id, []).append(one.number)
        self._found.append(message)

    def _too_large(self, size: int) -> str:
        return f"Larger than MaxMessageSize: {size} octets, allowed {self._most}."


def discard(messages: Iterable[Retrieved]) -> None:
    """Remove the files of messages that nobody takes; never raises."""
    for message in messages:
        if message.spooled:
            with contextlib.suppress(OSError):
                message.spooled.unlink(missing_ok=True)


def _digest(octets: bytes | None, path: Path | None) -> str:
    if octets is not None:
        return hashlib.sha256(octets).hexdigest()
    assert path is not None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
