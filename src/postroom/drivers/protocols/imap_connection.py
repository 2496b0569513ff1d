"""One IMAP connection: octets to responses, responses to whom they belong, commands and their answers (RFC 9051 §5-7).

Guarantees: one command at a time, so that each answer belongs to one question (one may be left running while the
caller does something else; the next command waits for it); untagged data is taken wherever it comes; the end of the
connection ends every wait at once. A cancelled wait ends the connection: what was asked can't be unsaid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from postroom.conf.errors import Permanent, PostroomError, Transient
from postroom.drivers.protocols.dialogue import Dialogue
from postroom.drivers.protocols.imap_framing import LINE, Framer, Pieces, Skipped
from postroom.drivers.protocols.imap_parser import Continuation, Data, Fetch, Numbered, Response, Status, parse
from postroom.drivers.protocols.imap_syntax import Literal
from postroom.drivers.protocols.transport import Endpoint, Wire

T = TypeVar("T")
Collector = Callable[[Response], None]
Limits = tuple[int, int, int]

_GARBAGE = 100  # unreadable responses to one command before the connection is given up
_LIMITS: Limits = (LINE, 1024 * 1024, LINE)


@dataclass(slots=True)
class Mailbox:
    """The selected mailbox as the server last described it. `news`: it grew; `shrunk`: somebody else removed mail."""

    name: str
    epoch: int = 0
    next_uid: int = 0
    exists: int = 0
    read_only: bool = False
    flags: frozenset[str] = frozenset()
    news: bool = False
    shrunk: bool = False


class Command:
    """A command under way. `done` gets the tagged answer."""

    __slots__ = ("collect", "done", "more", "name", "tag")

    def __init__(self, tag: bytes, name: str, collect: Collector | None) -> None:
        loop = asyncio.get_running_loop()
        self.tag, self.name, self.collect = tag, name, collect
        self.done: asyncio.Future[Status] = loop.create_future()
        self.more: asyncio.Future[None] = loop.create_future()

    def fail(self, error: PostroomError) -> None:
        for future in (self.done, self.more):
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting for this one


class ImapConnection:
    """What arrives and what is sent. Methods raise `Transient` or `Permanent`, with the server's words."""

    def __init__(self, endpoint: Endpoint, dialogue: Dialogue) -> None:
        self.endpoint = endpoint
        self.dialogue = dialogue
        self.capabilities: frozenset[str] = frozenset()
        self.mailbox: Mailbox | None = None
        self.authenticated = False
        self.greeting = ""
        self._wire: Wire | None = None
        self._framer = Framer()
        self._active: Command | None = None
        self._sealed = False  # no plain octet may follow the answer to STARTTLS
        self._greeted: asyncio.Future[Status] | None = None
        self._stirred: asyncio.Future[None] | None = None
        self._bye = ""
        self._tags = 0
        self._garbage = 0

    # what arrives

    def _feed(self, data: bytes) -> None:
        if self._sealed:
            raise Transient(f"{self.endpoint} sent something between STARTTLS and TLS.", code="4.7.5")
        for pieces in self._framer.feed(data):
            if self._sealed:
                raise Transient(f"{self.endpoint} sent something between STARTTLS and TLS.", code="4.7.5")
            if self.dialogue.logging:
                self.dialogue.received(_shown(pieces))
            self._handle(parse(pieces), pieces)

    def _handle(self, response: Response | None, pieces: Pieces) -> None:
        match response:
            case Fetch() if self._active and self._active.collect:
                self._active.collect(response)
            case Numbered():
                self._numbered(response)
            case Status(tag=b""):
                self._untagged_status(response)
            case Status():
                self._tagged(response)
            case Continuation():
                if self._active and not self._active.more.done():
                    self._active.more.set_result(None)
            case Data(name="CAPABILITY"):
                self._capable(response.text)
            case Data() if self._active and self._active.collect:
                self._active.collect(response)
            case None:
                if self._greeted and not self._greeted.done():
                    first = self.dialogue.words(pieces[0] if isinstance(pieces[0], bytes) else b"")
                    raise Transient(f"{self.endpoint} is no IMAP server; it said: {first}", code="4.5.0")
                self._garbage += 1
                if self._garbage > _GARBAGE:
                    raise Transient(f"{self.endpoint} sends what is not IMAP.", code="4.5.0")

    def _numbered(self, response: Numbered) -> None:
        mailbox = self.mailbox
        if mailbox is None:
            return
        if response.name == "EXISTS":
            if response.number > mailbox.exists:
                mailbox.news = True
                self._stir()
            mailbox.exists = response.number
        elif response.name == "EXPUNGE":
            mailbox.exists = max(0, mailbox.exists - 1)
            if not (self._active and self._active.name in ("UID EXPUNGE", "EXPUNGE", "UID MOVE")):
                mailbox.shrunk = True

    def _stir(self) -> None:
        if self._stirred and not self._stirred.done():
            self._stirred.set_result(None)

    def _untagged_status(self, response: Status) -> None:
        if response.name == "BYE":
            self._bye = self.dialogue.words(response.text)
        if response.code == "CAPABILITY":
            self._capable(response.argument)
        if self._greeted and not self._greeted.done():
            self._greeted.set_result(response)
        elif self._active and self._active.collect:
            self._active.collect(response)

    def _tagged(self, response: Status) -> None:
        command = self._active
        if command is None or command.tag != response.tag:
            return
        if response.code == "CAPABILITY":
            self._capable(response.argument)
        self._active = None
        self._garbage = 0
        self._sealed = command.name == "STARTTLS" and response.ok
        if not command.more.done():
            command.more.set_result(None)
        if not command.done.done():
            command.done.set_result(response)

    def _capable(self, text: bytes) -> None:
        self.capabilities = frozenset(text.decode("ascii", "replace").upper().split()[:200])

    def _lost(self, error: PostroomError) -> None:
        if self._bye:
            error.sentence = f"{error.sentence} It said: {self._bye}"
        if self._active:
            self._active.fail(error)
        for future in (self._greeted, self._stirred):
            if future and not future.done():
                future.set_exception(error)
                future.exception()

    # commands

    async def start(
        self,
        name: str,
        *arguments: bytes,
        collect: Collector | None = None,
        shown: bytes | None = None,
        limits: Limits = _LIMITS,
    ) -> Command:
        """Send a command, after the answer to the one before; `limits` are those of `Framer.allow`.

        `shown` stands in the log instead of the arguments.
        """
        wire = self._open()
        await self.settle()
        self._tags += 1
        command = Command(b"P%d" % self._tags, name, collect)
        self._framer.allow(*limits)
        self._active = command
        if self.dialogue.logging:
            arguments_shown = b" ".join(arguments) if shown is None else shown
            self.dialogue.sent(command.tag + b" " + name.encode() + b" " + arguments_shown)
        octets = command.tag + b" " + name.encode()
        for argument in arguments:
            if not isinstance(argument, Literal):
                octets += b" " + argument
            elif "LITERAL+" in self.capabilities:
                octets += b" {%d+}\r\n" % len(argument) + argument
            else:
                wire.send(octets + b" {%d}\r\n" % len(argument))
                if not await self._invited(command):
                    return command
                octets = bytes(argument)
        wire.send(octets + b"\r\n")
        return command

    async def _invited(self, command: Command) -> bool:
        """Whether the server wants more of the command; false: it has answered already."""
        await self._patient(command.more)
        command_over = command.done.done()
        if not command_over:
            command.more = asyncio.get_running_loop().create_future()
        return not command_over

    async def _patient(self, future: asyncio.Future[T]) -> T:
        wire = self._open()
        try:
            return await wire.until(future)
        except asyncio.CancelledError:
            wire.close()
            raise

    async def settle(self) -> None:
        """Wait until the command under way is answered, whatever the answer."""
        if self._active:
            await self._patient(self._active.done)

    async def finish(self, command: Command) -> Status:
        """The tagged answer."""
        return await self._patient(command.done)

    async def run(
        self,
        name: str,
        *arguments: bytes,
        collect: Collector | None = None,
        shown: bytes | None = None,
        limits: Limits = _LIMITS,
    ) -> Status:
        """A command and its answer; NO and BAD are answers, not errors."""
        return await self.finish(await self.start(name, *arguments, collect=collect, shown=shown, limits=limits))

    def _open(self) -> Wire:
        if self._wire is None:
            raise Transient(f"There is no connection to {self.endpoint}.", code="4.4.2")
        if self._wire.error:
            raise self._wire.error
        return self._wire

    @property
    def alive(self) -> bool:
        """Whether the connection is open."""
        return self._wire is not None and self._wire.error is None

    @property
    def broken(self) -> bool:
        """Whether the connection has ended, and not by our own will."""
        return self._wire is not None and self._wire.error is not None and not self._wire.closed

    def abort(self) -> None:
        """End the connection now, without LOGOUT; never raises."""
        if self._wire:
            self._wire.close()

    def refusal(self, answer: Status, what: str) -> PostroomError:
        """NO or BAD as an error: permanent only where the server's code says so."""
        words = self.words(answer)
        kind = Permanent if answer.code in ("NOPERM", "NONEXISTENT", "TRYCREATE", "CANNOT") else Transient
        return kind(f"{self.endpoint} refused {what}: {words}")

    def words(self, answer: Status) -> str:
        text = self.dialogue.words(answer.text)
        code = f"[{answer.code}] " if answer.code and answer.code != "CAPABILITY" else ""
        return (code + text).strip() or answer.name


def _shown(pieces: Pieces) -> bytes:
    return b"".join(
        piece if isinstance(piece, bytes) and not index % 2
        else b"{%d octets}" % (piece.size if isinstance(piece, Skipped) else len(piece))
        for index, piece in enumerate(pieces)
    )  # fmt: skip
