"""What a communications driver is. This file is the specification; the shared contract test holds drivers to it.

A driver declares its parameters and opens two things: a *source* (async), from which messages are retrieved, and a
*submitter* (sync), which sends. A driver never knows the database: what has been seen is asked through `Compare`,
and nothing is marked, moved or deleted on the server but by `acknowledge`, which is called only after the commit.

A round of a source goes like this::

    await source.wait(seconds)                      # IDLE or sleep; returns early when mail may be there
    async for batch in source.fetch_new(compare):   # lists, asks `compare`, retrieves what is new
        ... the caller commits the batch ...
        outcomes = await source.acknowledge([...])  # in the same session, while the iteration is suspended

Guarantees asked of a source: every identity of a listing that `compare` calls new appears in exactly one batch of the
round, retrieved, excluded with its reason, or `vanished`; a batch is bounded by count and octets; every wait for the
server is bounded by the driver's timeout; an error is `Transient`, `Permanent` or `AuthenticationFailed`; a
cancelled or failed source leaves the server as it was.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from postroom.conf.parameters import Parameter, Values


@dataclass(frozen=True, slots=True)
class Identity:
    """Which message it is on its server: (mailbox, UIDVALIDITY, UID) or (mailbox "", 0, UIDL)."""

    mailbox: str
    epoch: int
    source_id: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a mailbox holds. `complete`: an identity of this mailbox that is not listed is not on the server."""

    mailbox: str
    epoch: int
    source_ids: Sequence[str]
    complete: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What of a listing is new to the ledger (in the listing's order).

    A message whose date on the server is before `not_before_ms` is excluded, not retrieved.
    """

    new: Sequence[str]
    not_before_ms: int | None = None


Compare = Callable[[Listing], Awaitable[Comparison]]


@dataclass(slots=True)
class Retrieved:
    """One message from the server: exactly one of `octets`, `spooled`, `excluded`, `vanished` says what there is.

    `spooled` is a file that the receiver owns from now on. `excluded` is the reason why the message was not
    retrieved, in words; `header` then holds its header if it could be had. `vanished`: it was listed and is gone.
    """

    identity: Identity
    size: int
    octets: bytes | None = None
    spooled: Path | None = None
    excluded: str | None = None
    vanished: bool = False
    header: bytes = b""
    received_ms: int | None = None


@dataclass(slots=True)
class Batch:
    """What one retrieval brought. May be empty: then there is only something to acknowledge."""

    messages: list[Retrieved] = field(default_factory=list)


Action = Literal["delete", "flag", "move", "leave"]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Tell the server that this message is safe here: delete it, flag it, move it to `target`, or leave it."""

    identity: Identity
    action: Action
    target: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the server said to one acknowledgement. Not done: `reason` says why; it is asked again next round."""

    identity: Identity
    done: bool
    reason: str = ""


class Source(Protocol):
    """A mailbox that is watched. Async. Used by one task at a time."""

    async def wait(self, seconds: float) -> None:
        """Return when new mail may be there, at the latest after `seconds`."""

    def fetch_new(self, compare: Compare) -> AsyncGenerator[Batch, None]:
        """One round over every mailbox: at least one batch (maybe empty) for each listing."""

    async def acknowledge(self, items: Sequence[Acknowledgement]) -> Sequence[Outcome]:
        """Do it on the server, and say for each item whether the server confirmed it."""

    async def close(self) -> None:
        """End the session; never raises, never waits longer than a few seconds."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """RFC 5321: return address ("" is the null one) and recipients."""

    return_address: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server's words about one recipient: SMTP reply code, RFC 3463 status, text."""

    recipient: str
    reply: int
    code: str
    text: str

    @property
    def permanent(self) -> bool:
        return self.reply >= 500


@dataclass(frozen=True, slots=True)
class Submitted:
    """The server took the message for every recipient that is not in `refused`."""

    server: str
    reply: int
    text: str
    refused: tuple[Refusal, ...] = ()


class Submitter(Protocol):
    """One kept-open session to a submission server. Sync; used by one thread at a time."""

    def submit(self, envelope: Envelope, octets: bytes) -> Submitted:
        """Send one message.

        Raises `Transient` or `Permanent` with the server's words if it was not taken at all, `UnknownOutcome` if
        the session ended between the final dot and the answer. After any exception but a clean refusal,
        `usable` is false.
        """

    @property
    def usable(self) -> bool:
        """Whether another message can be sent in this session."""

    def close(self) -> None:
        """QUIT, bounded; never raises."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a driver may know of the process: the profile's name, a folder for large messages, a log of LogDebug."""

    profile: str
    spool: Path
    debug: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class TestStep:
    """One line of the connection test: what was tried, whether it went well, the server's words, what to do."""

    name: str
    ok: bool
    detail: str = ""
    advice: str = ""
    warning: bool = False


class Driver(Protocol):
    """A communications driver: one object, found by the entry point group `postroom.drivers`.

    Its parameters must include those of `drivers.parameters.RETRIEVING` and `SMTP`: the receiver and the outbound
    manager read PollingInterval, StartFrom, MaxSessions, RetryFor and so on of every profile.
    """

    name: str
    title: str
    channel: str
    parameters: tuple[Parameter, ...]

    def check(self, values: Values) -> list[str]:
        """What is wrong with these effective values together, one sentence each; empty if a profile can run."""

    async def open_source(self, values: Values, surroundings: Surroundings) -> Source:
        """Connect and log in where the protocol keeps a session."""

    def open_submitter(self, values: Values, surroundings: Surroundings) -> Submitter:
        """Connect, secure and log in to the submission server."""

    def test_source(self, values: Values, surroundings: Surroundings) -> AsyncIterator[TestStep]:
        """Try the incoming direction step by step: resolve, connect, TLS, capabilities, login, mailbox, counts."""

    def test_submitter(self, values: Values, surroundings: Surroundings) -> Iterator[TestStep]:
        """Try the outgoing direction step by step, without sending a message."""
