"""The IMAP source: which mailboxes are watched, what they hold, when to look again.

A full listing once in a session, once an hour, and after somebody else removed mail; in between only UIDs above the
last one seen. IDLE (RFC 2177) with one mailbox where the server offers it, else polling. A changed UIDVALIDITY is a
new epoch. A mailbox or message that can't be had does not hold up the others: its error is raised when they are done.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from postroom.conf.errors import PostroomError, Transient
from postroom.conf.parameters import Secret, Values
from postroom.drivers.connection_test import start_from_step, try_incoming
from postroom.drivers.contract import Acknowledgement, Batch, Compare, Listing, Outcome, Surroundings, TestStep
from postroom.drivers.imap_acknowledge import acknowledge
from postroom.drivers.imap_retrieval import ImapRetrieval
from postroom.drivers.protocols.dialogue import Dialogue
from postroom.drivers.protocols.imap_client import ImapClient
from postroom.drivers.protocols.imap_connection import Mailbox
from postroom.drivers.protocols.transport import Endpoint
from postroom.drivers.suspects import Suspects

_FULL_LISTING = 3600.0  # seconds between two
_SHRUNK_LISTING = 60.0  # at least, however often others remove mail
_SLICE = 540.0  # seconds after which IDLE is renewed, or NOOP keeps the session; servers allow 30 minutes


@dataclass(slots=True)
class _Listed:
    epoch: int
    last_uid: int
    full_at: float


class ImapSource:
    """A logged-in session. The contract is `postroom.drivers.contract.Source`."""

    def __init__(self, client: ImapClient, values: Values, surroundings: Surroundings, suspects: Suspects) -> None:
        self._client = client
        self._surroundings = surroundings
        self._suspects = suspects
        self._mailboxes = values.texts("IMAPMailbox")
        self._most = values.number("MaxMessageSize")
        self._idle = values.flag("IMAPIdle") and "IDLE" in client.capabilities and len(self._mailboxes) == 1
        self._listed: dict[str, _Listed] = {}

    async def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        if any(name not in self._listed for name in self._mailboxes):
            return
        await self._client.settle()
        while (rest := end - time.monotonic()) > 0:
            if self._idle:
                mailbox = self._client.mailbox
                if not mailbox or mailbox.name != self._mailboxes[0]:
                    return  # an acknowledgement left it; what came meanwhile would not be told
                self._idle = await self._client.idle(min(rest, _SLICE))
                if mailbox.news:
                    return
            else:
                await self._client.rest(min(rest, _SLICE))
                if rest > _SLICE:
                    await self._client.run("NOOP")

    async def fetch_new(self, compare: Compare) -> AsyncGenerator[Batch, None]:
        failures: list[PostroomError] = []
        for name in self._mailboxes:
            try:
                mailbox, listing, listed = await self._list(name)
            except PostroomError as error:
                if not self._client.alive:
                    raise
                failures.append(error)
                continue
            comparison = await compare(listing)
            place = (self._surroundings.profile, name, mailbox.epoch)
            retrieval = ImapRetrieval(
                self._client, place, self._surroundings.spool, self._most, self._suspects, comparison.not_before_ms
            )
            empty = True
            async with aclosing(retrieval.batches(comparison.new)) as batches:
                async for messages in batches:
                    empty = False
                    yield Batch(messages)
                    await self._return_to(name, mailbox.epoch)
            if empty:
                yield Batch()
            if retrieval.failures:
                self._listed.pop(name, None)  # the next listing must name them again
                failures += retrieval.failures
            else:
                self._listed[name] = listed
        if failures:
            raise failures[0]

    async def _list(self, name: str) -> tuple[Mailbox, Listing, _Listed]:
        before = self._listed.get(name)
        now = time.monotonic()
        age = now - before.full_at if before else 0.0
        mailbox = self._client.mailbox
        if mailbox and mailbox.name == name and len(self._mailboxes) == 1 and age < _FULL_LISTING:
            await self._client.run("NOOP")
        else:
            mailbox = await self._client.select(name)
        shrunk = mailbox.shrunk and age > _SHRUNK_LISTING
        full = before is None or before.epoch != mailbox.epoch or age >= _FULL_LISTING or shrunk
        mailbox.news = False
        if before is None or full:
            mailbox.shrunk = False
            uids = await self._client.search(b"ALL")
            listed = _Listed(mailbox.epoch, uids[-1] if uids else 0, now)
        else:
            # n:* names the last message even if its UID is below n
            found = await self._client.search(b"UID %d:*" % (before.last_uid + 1))
            uids = [uid for uid in found if uid > before.last_uid]
            listed = _Listed(mailbox.epoch, uids[-1] if uids else before.last_uid, before.full_at)
        return mailbox, Listing(name, mailbox.epoch, [str(uid) for uid in uids], complete=full), listed

    async def _select(self, name: str) -> Mailbox:
        mailbox = self._client.mailbox
        # What was read-only when it was opened may be writable by now.
        usable = mailbox is not None and mailbox.name == name and not mailbox.read_only
        return mailbox if mailbox and usable else await self._client.select(name)

    async def _return_to(self, name: str, epoch: int) -> None:
        """To the mailbox that is being retrieved, if an acknowledgement has left it."""
        if (await self._select(name)).epoch != epoch:
            raise Transient(f"{name} was renumbered while it was read.", code="4.2.0")

    async def acknowledge(self, items: Sequence[Acknowledgement]) -> Sequence[Outcome]:
        await self._client.settle()
        return await acknowledge(self._client, self._select, items)

    async def close(self) -> None:
        await self._client.close()


async def log_in(client: ImapClient, values: Values) -> None:
    """Connect, secure and log in; the connection is closed if that fails."""
    try:
        await client.connect()
        await client.secure()
        await client.login(values.text("IMAPAccountName"), values.secret("IMAPPassword") or Secret(""))
    except BaseException:
        client.abort()
        raise


async def open_imap_source(values: Values, surroundings: Surroundings, suspects: Suspects) -> ImapSource:
    """A session ready to be watched.

    Raises `Transient`, `Permanent` or `AuthenticationFailed`.
    """
    client = ImapClient(Endpoint.of(values, "IMAP"), Dialogue(surroundings.debug))
    await log_in(client, values)
    return ImapSource(client, values, surroundings, suspects)


async def test_imap_source(values: Values, surroundings: Surroundings) -> AsyncIterator[TestStep]:
    """The connection test of the incoming direction; never raises."""
    client = ImapClient(Endpoint.of(values, "IMAP"), Dialogue(surroundings.debug))

    async def enter() -> None:
        await client.login(values.text("IMAPAccountName"), values.secret("IMAPPassword") or Secret(""))

    async def look() -> AsyncIterator[TestStep]:
        total = 0
        for name in values.texts("IMAPMailbox"):
            try:
                mailbox = await client.select(name)
            except PostroomError as error:
                if not client.alive:
                    raise
                yield TestStep(f"Mailbox {name}", False, error.sentence, error.advice)
                continue
            total += mailbox.exists
            detail = f"{mailbox.exists} messages, UIDVALIDITY {mailbox.epoch}."
            advice = "The account can only read it: messages can't be deleted, moved or flagged."
            readable = mailbox.read_only
            yield TestStep(f"Mailbox {name}", True, detail, advice if readable else "", warning=readable)
        yield start_from_step(values, total)

    def offered() -> str:
        push = "IDLE" if "IDLE" in client.capabilities else f"no IDLE, so every {values.text('PollingInterval')} s"
        removes = "UIDPLUS" in client.capabilities or "IMAP4REV2" in client.capabilities
        return f"{' '.join(sorted(client.capabilities))} ({push}; {'UIDPLUS' if removes else 'no UIDPLUS'})"

    async with aclosing(try_incoming(client, offered, enter, look)) as steps:
        async for step in steps:
            yield step
