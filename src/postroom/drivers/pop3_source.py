"""The POP3 source: a session for each batch, since POP3 deletes only at QUIT.

A round logs in, lists, compares, retrieves at most POP3BatchSize messages and yields them; `acknowledge` sends DELE
and QUIT in that session, and a deletion is done only when QUIT was answered +OK. While new messages remain, the next
session follows. Messages without a UIDL of their own are retrieved to be known: their identity is the digest of their
octets, after the UIDL if several share one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from postroom.conf.errors import PostroomError
from postroom.conf.parameters import Secret, Values
from postroom.drivers.connection_test import start_from_step, try_incoming
from postroom.drivers.contract import (
    Acknowledgement,
    Batch,
    Compare,
    Listing,
    Outcome,
    Retrieved,
    Surroundings,
    TestStep,
)
from postroom.drivers.pop3_retrieval import Maildrop, Pop3Retrieval, Wanted, discard, list_maildrop
from postroom.drivers.protocols.dialogue import Dialogue
from postroom.drivers.protocols.pop3_client import Pop3Client
from postroom.drivers.protocols.pop3_parser import Reply
from postroom.drivers.protocols.transport import Endpoint
from postroom.drivers.suspects import Suspects


class _Session:
    """One login: the connection, what the maildrop holds, how many of the unnamed were looked at, what was deleted."""

    def __init__(self, client: Pop3Client, drop: Maildrop) -> None:
        self.client = client
        self.drop = drop
        self.looked_at = 0
        self.deleted: set[int] = set()

    def sizes(self, count: int) -> list[int]:
        """The sizes of the first unnamed messages that stay."""
        numbers = [number for number, _ in self.drop.unnamed[:count]]
        return [self.drop.sizes.get(number, -1) for number in numbers if number not in self.deleted]


class Pop3Source:
    """No session is kept between rounds. The contract is `postroom.drivers.contract.Source`."""

    def __init__(self, values: Values, surroundings: Surroundings, suspects: Suspects) -> None:
        self._values = values
        self._surroundings = surroundings
        self._suspects = suspects
        self._place = (surroundings.profile, "", 0)
        self._count = values.number("POP3BatchSize")
        self._session: _Session | None = None
        self._skip: list[int] = []  # sizes of the unnamed that this round has looked at and left

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def fetch_new(self, compare: Compare) -> AsyncGenerator[Batch, None]:
        offered: set[str] = set()
        failures: list[PostroomError] = []
        self._skip = []
        first, more = True, True
        while more:
            session = await self._log_in()
            try:
                messages, more = await self._retrieve(session, compare, offered, failures)
                if messages or first:
                    first = False
                    yield Batch(messages)
            finally:
                await self._end(session)
        if failures:
            raise failures[0]

    async def _retrieve(
        self, session: _Session, compare: Compare, offered: set[str], failures: list[PostroomError]
    ) -> tuple[list[Retrieved], bool]:
        """A session's batch, and whether another session is needed. `offered` is what the round has dealt with."""
        drop = session.drop
        comparison = await compare(Listing("", 0, list(drop.numbers), complete=not drop.unnamed))
        new = [text for text in comparison.new if text in drop.numbers and text not in offered]
        ordinary, suspected = self._suspects.split(self._place, new)
        wanted = [Wanted(drop.numbers[text][0], text) for text in ordinary or suspected[:1]]
        most = self._values.number("MaxMessageSize")
        spool = self._surroundings.spool
        retrieval = Pop3Retrieval(session.client, drop, self._place, spool, most, self._suspects)
        messages, examined = await retrieval.retrieve(wanted, self._count, comparison.not_before_ms)
        offered.update(one.source_id for one in examined)
        more = len(examined) < len(new) or (bool(messages) and bool(drop.unnamed))
        if not more and drop.unnamed:
            messages = await self._retrieve_unnamed(session, retrieval, compare, offered, comparison.not_before_ms)
            more = session.looked_at < len(drop.unnamed)
        failures += retrieval.failures
        return messages, more

    async def _retrieve_unnamed(
        self,
        session: _Session,
        retrieval: Pop3Retrieval,
        compare: Compare,
        offered: set[str],
        not_before_ms: int | None,
    ) -> list[Retrieved]:
        """Look at messages without a UIDL of their own until some are new, or all were looked at."""
        unnamed = session.drop.unnamed
        if self._skip and session.sizes(len(self._skip)) == self._skip:
            session.looked_at = len(self._skip)
        while session.looked_at < len(unnamed):
            part = unnamed[session.looked_at : session.looked_at + self._count]
            wanted = [Wanted(number, prefix, unnamed=True) for number, prefix in part]
            found, examined = await retrieval.retrieve(wanted, self._count, not_before_ms)
            done = {one.number for one in examined}
            session.looked_at += next((i for i, (number, _) in enumerate(part) if number not in done), len(part))
            messages: dict[str, Retrieved] = {}
            for message in found:
                if message.identity.source_id in messages:
                    discard([message])  # the same octets twice are one message
                else:
                    messages[message.identity.source_id] = message
            try:
                new = {*(await compare(Listing("", 0, list(messages), complete=False))).new} - offered
            except BaseException:
                discard(messages.values())
                raise
            offered |= new
            discard(message for source_id, message in messages.items() if source_id not in new)
            if new:
                return [message for source_id, message in messages.items() if source_id in new]
        return []

    async def _log_in(self) -> _Session:
        if self._session:
            await self._end(self._session)
        client = Pop3Client(Endpoint.of(self._values, "POP3"), Dialogue(self._surroundings.debug))
        await log_in(client, self._values)
        try:
            self._session = _Session(client, await list_maildrop(client))
        except BaseException:
            client.abort()
            raise
        return self._session

    async def _end(self, session: _Session) -> None:
        """End a session in which nothing is marked as deleted, or QUIT has been said."""
        if self._session is session:
            self._session = None
        self._skip = session.sizes(session.looked_at)
        await session.client.close()

    async def acknowledge(self, items: Sequence[Acknowledgement]) -> Sequence[Outcome]:
        """DELE for those to delete, then QUIT, which ends the session; without any, nothing is said to the server.

        POP3 has no flags, so a message that would be flagged is simply left.
        """
        reasons = {item.identity.source_id: "POP3 can't move a message." for item in items if item.action == "move"}
        delete = [item.identity.source_id for item in items if item.action == "delete"]
        if delete:
            reasons |= await self._delete(self._session or await self._log_in(), delete)
        said = [reasons.get(item.identity.source_id, "") for item in items]
        return [Outcome(item.identity, not reason, reason) for item, reason in zip(items, said, strict=True)]

    async def _delete(self, session: _Session, source_ids: Sequence[str]) -> dict[str, str]:
        """What went wrong by identity. A message that is gone already is deleted."""
        reasons: dict[str, str] = {}
        waiting: deque[tuple[str, int]] = deque()
        for source_id in source_ids:
            numbers = session.drop.numbers.get(source_id, [])
            waiting.extend((source_id, number) for number in numbers)
            if not numbers and session.drop.unnamed and "sha256" in source_id:
                reasons[source_id] = "Not looked at in this session, so not known to be there."
        marked: set[int] = set()
        client = session.client
        try:
            flight: deque[tuple[str, int, asyncio.Future[Reply]]] = deque()
            while waiting or flight:
                while waiting and len(flight) < client.window:
                    source_id, number = waiting.popleft()
                    flight.append((source_id, number, client.request(b"DELE %d" % number)))
                source_id, number, future = flight.popleft()
                reply = await client.answer(future)
                if reply.ok:
                    marked.add(number)
                else:
                    reasons[source_id] = f"DELE: {client.words(reply)}"
            reply = await client.run(b"QUIT")
            failed = "" if reply.ok else f"QUIT: {client.words(reply)}"
        except PostroomError as error:
            failed = error.sentence
        if not failed:
            session.deleted = marked
        client.abort()
        if self._session is session:
            self._session = None
        return dict.fromkeys(source_ids, failed) | reasons if failed else reasons

    async def close(self) -> None:
        if self._session:
            await self._end(self._session)


async def log_in(client: Pop3Client, values: Values) -> None:
    """Connect, secure and log in; the connection is closed if that fails."""
    try:
        await client.connect()
        await client.secure()
        await client.login(values.text("POP3AccountName"), values.secret("POP3Password") or Secret(""))
    except BaseException:
        client.abort()
        raise


async def test_pop3_source(values: Values, surroundings: Surroundings) -> AsyncIterator[TestStep]:
    """The connection test of the incoming direction; never raises."""
    client = Pop3Client(Endpoint.of(values, "POP3"), Dialogue(surroundings.debug))

    async def enter() -> None:
        await client.login(values.text("POP3AccountName"), values.secret("POP3Password") or Secret(""))

    async def look() -> AsyncIterator[TestStep]:
        drop = await list_maildrop(client)
        count = len(drop.numbers) + len(drop.unnamed)
        detail = f"{count} messages."
        advice = ""
        if drop.unnamed:
            advice = f"{len(drop.unnamed)} of them have no UIDL of their own and are retrieved at every check."
        yield TestStep("Mailbox", True, detail, advice, warning=bool(drop.unnamed))
        yield start_from_step(values, count)

    def offered() -> str:
        return " ".join(sorted(client.capabilities)) or "The server names no capabilities."

    async with aclosing(try_incoming(client, offered, enter, look)) as steps:
        async for step in steps:
            yield step
