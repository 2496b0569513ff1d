"""An asyncio IMAP client of what a watched mailbox needs (RFC 9051 and RFC 3501; STARTTLS and LOGIN RFC 2595,
SASL PLAIN RFC 4616, IDLE RFC 2177, UIDPLUS RFC 4315, MOVE RFC 6851, ESEARCH RFC 4731, LITERAL+ RFC 7888).

Never sets a flag by reading, never sends a password before the encryption that was asked for. What one connection is,
`imap_connection` says.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import Iterable

from postroom.conf.errors import AuthenticationFailed, Permanent, PostroomError, Transient
from postroom.conf.parameters import Secret
from postroom.drivers.protocols import transport
from postroom.drivers.protocols.imap_connection import Command, ImapConnection, Mailbox
from postroom.drivers.protocols.imap_framing import LINE, LONG_LINE
from postroom.drivers.protocols.imap_parser import Data, Fetch, Item, Response, Status
from postroom.drivers.protocols.imap_syntax import expand, mailbox_name, string
from postroom.drivers.protocols.tls import check_plaintext

_LOGOUT = 2.0  # seconds
_TEMPORARY = re.compile(r"too many|simultaneous|temporar|try again|later|unavailable|system error|in use|lock", re.I)
_LATER = {"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "THROTTLED", "OVERQUOTA"}
_ABSENT = re.compile(r"exist|unknown mailbox|no such|not found|invalid mailbox", re.I)


class Fetching:
    """A UID FETCH under way or done: the items asked for, by UID, of the UIDs asked for and no others."""

    __slots__ = ("_names", "command", "items", "wanted")

    def __init__(self, wanted: Iterable[int], names: frozenset[bytes]) -> None:
        self.wanted = frozenset(wanted)
        self._names = names
        self.items: dict[int, dict[bytes, Item]] = {}
        self.command: Command | None = None

    def __call__(self, response: Response) -> None:
        if not isinstance(response, Fetch):
            return
        items = response.items
        uid = items.get(b"UID")
        if not isinstance(uid, bytes) or not uid.isdigit() or len(uid) > 10 or int(uid) not in self.wanted:
            return
        known = self.items.setdefault(int(uid), {})
        for name in self._names:
            if name in items:
                known[name] = items[name]

    def drop(self) -> None:
        """Nobody wants the rest any more."""
        self.wanted, self.items = frozenset(), {}


class ImapClient(ImapConnection):
    """`connect`, `secure`, `login`, `select`, then the rest. Every method but `close` raises `Transient`,
    `Permanent` or `AuthenticationFailed`, with the server's words."""  # fmt: skip

    async def connect(self) -> None:
        """Connect and read the greeting and the capabilities."""
        self._greeted = asyncio.get_running_loop().create_future()
        self._wire = await transport.connect(self.endpoint, self._feed, self._lost)
        greeting = await self._patient(self._greeted)
        self.greeting = self.dialogue.words(greeting.text)
        if greeting.name not in ("OK", "PREAUTH"):
            self._wire.close()
            raise Transient(f"{self.endpoint} turned us away: {self.words(greeting)}", code="4.3.2")
        self.authenticated = greeting.name == "PREAUTH"
        if not self.capabilities:
            await self._ask_capabilities()

    async def _ask_capabilities(self) -> None:
        answer = await self.run("CAPABILITY")
        if not answer.ok:
            raise self.refusal(answer, "CAPABILITY")

    async def secure(self) -> None:
        """Upgrade to TLS where the encryption is starttls; what the server said before counts no more."""
        if self.endpoint.encryption != "starttls":
            return
        if self.authenticated or "STARTTLS" not in self.capabilities:
            self._open().close()
            raise Permanent(
                f"{self.endpoint} does not offer STARTTLS.", code="5.7.10", advice="Set IMAPEncryption to tls?"
            )
        answer = await self.run("STARTTLS")
        if not answer.ok:
            raise self.refusal(answer, "STARTTLS")
        wire = self._open()
        if not self._framer.clean:
            wire.fail(Transient(f"{self.endpoint} sent something between STARTTLS and TLS.", code="4.7.5"))
        wire = self._open()
        self._sealed = False  # what arrives from here on has come through TLS
        await wire.start_tls()
        self.capabilities = frozenset()
        await self._ask_capabilities()

    async def login(self, account: str, password: Secret) -> None:
        """LOGIN, or AUTHENTICATE PLAIN where the server forbids LOGIN."""
        if self.authenticated:
            return
        check_plaintext(self.endpoint.values, self.endpoint.encryption, self.endpoint.host)
        secret = password.reveal()
        self.dialogue.hide(secret)
        try:
            if "LOGINDISABLED" in self.capabilities:
                answer = await self._plain(account, secret)
            else:
                answer = await self.run("LOGIN", string(account), string(secret), shown=b"(account) (password)")
        except ValueError as error:
            raise AuthenticationFailed("IMAPPassword or IMAPAccountName: holds NUL.") from error
        if not answer.ok:
            raise self._login_refused(answer, account)
        self.authenticated = True
        if answer.code != "CAPABILITY":
            await self._ask_capabilities()

    async def _plain(self, account: str, secret: str) -> Status:
        if "AUTH=PLAIN" not in self.capabilities:
            raise Permanent(
                f"{self.endpoint} allows no login by password here.",
                code="5.7.4",
                advice="Perhaps it wants encryption: set IMAPEncryption to tls or starttls.",
            )
        token = base64.b64encode(b"\0" + account.encode() + b"\0" + secret.encode())
        self.dialogue.hide(token.decode())
        if "SASL-IR" in self.capabilities:
            return await self.run("AUTHENTICATE PLAIN", token, shown=b"(token)")
        command = await self.start("AUTHENTICATE PLAIN")
        if await self._invited(command):
            self._open().send(token + b"\r\n")
        return await self.finish(command)

    def _login_refused(self, answer: Status, account: str) -> PostroomError:
        words = self.words(answer)
        if answer.code in _LATER or (answer.code in ("", "ALERT") and answer.name == "NO" and _TEMPORARY.search(words)):
            return Transient(f"{self.endpoint} can't log {account} in now: {words}", code="4.7.0")
        return AuthenticationFailed(
            f"{self.endpoint} refused the account {account}: {words}",
            advice="Check IMAPAccountName and IMAPPassword.",
        )

    async def select(self, name: str) -> Mailbox:
        """Open a mailbox for reading and writing, afresh."""
        found = Mailbox(name)

        def collect(response: Response) -> None:
            match response:
                case Status(code="UIDVALIDITY", argument=text) if text.isdigit():
                    found.epoch = int(text[:10])
                case Status(code="UIDNEXT", argument=text) if text.isdigit():
                    found.next_uid = int(text[:10])
                case Status(code="PERMANENTFLAGS", argument=text):
                    found.flags = frozenset(text.decode("ascii", "replace").strip("()").split())

        await self.settle()
        self.mailbox = found
        answer = await self.run("SELECT", mailbox_name(name), collect=collect)
        if not answer.ok:
            self.mailbox = None
            error = self.refusal(answer, f"the mailbox {name}")
            if answer.code not in _LATER and _ABSENT.search(error.sentence):
                error = Permanent(error.sentence, code="5.1.1", advice="Check IMAPMailbox.")
            raise error
        found.read_only = answer.code == "READ-ONLY"
        found.news = found.shrunk = False
        return found

    async def search(self, criteria: bytes) -> list[int]:
        """The UIDs in the selected mailbox that match, ascending."""
        assert self.mailbox is not None
        sets: list[bytes] = []

        def collect(response: Response) -> None:
            match response:
                case Data(name="SEARCH", text=text):
                    sets.append(b",".join(re.findall(rb"\d+", text.partition(b"(")[0])))
                case Data(name="ESEARCH", text=text):
                    if found := re.search(rb"(?:^| )ALL ([\d:,]+)", text, re.I):
                        sets.append(found[1])

        extended = b"RETURN (ALL) " if "ESEARCH" in self.capabilities else b""
        answer = await self.run("UID SEARCH", extended + criteria, collect=collect, limits=(LINE, LINE, LONG_LINE))
        if not answer.ok:
            raise self.refusal(answer, "UID SEARCH")
        most = 2 * self.mailbox.exists + 10_000
        return expand(b",".join(text for text in sets if text), most) if any(sets) else []

    async def fetch(self, uids: bytes, wanted: Iterable[int], *items: bytes, literal: int, budget: int) -> Fetching:
        """Begin UID FETCH of `items` for the set `uids`; literals over `literal`, or past `budget`, are `Skipped`."""
        # BODY.PEEK[]<0.1024> is answered as BODY[]<0>
        names = frozenset(re.sub(rb"<(\d+)\.\d+>$", rb"<\1>", item.replace(b".PEEK", b"")) for item in items)
        fetching = Fetching(wanted, names)
        line = b"(UID " + b" ".join(items) + b")"
        fetching.command = await self.start("UID FETCH", uids, line, collect=fetching, limits=(literal, budget, LINE))
        return fetching

    async def fetched(self, fetching: Fetching) -> Status:
        """Wait for the end of a fetch; NO and BAD are answers."""
        assert fetching.command is not None
        return await self.finish(fetching.command)

    async def idle(self, seconds: float) -> bool:
        """IDLE until the mailbox grows or `seconds` have passed; false if the server refuses to.

        A cancelled IDLE leaves the session usable.
        """
        if self.mailbox and self.mailbox.news:
            return True
        command = await self.start("IDLE")
        try:
            await self._open().until(command.more)
        except asyncio.CancelledError:  # DONE is allowed only after the invitation
            command.more.add_done_callback(lambda _: self._end_idle(command))
            raise
        if command.done.done():
            return (await self.finish(command)).ok
        self._stirred = asyncio.get_running_loop().create_future()
        if self.mailbox and self.mailbox.news:  # it came before the continuation
            self._stir()
        try:
            await asyncio.wait((self._stirred,), timeout=seconds)
        finally:
            self._stirred = None
            self._end_idle(command)
        return (await self.finish(command)).ok

    def _end_idle(self, command: Command) -> None:
        if self._wire and not self._wire.error and not command.done.done():
            self._wire.send(b"DONE\r\n")
            self.dialogue.sent(b"DONE")

    async def rest(self, seconds: float) -> None:
        """Do nothing for a while, but learn at once if the connection ends."""
        self._open()
        self._stirred = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait((self._stirred,), timeout=seconds)
        finally:
            self._stirred = None
        self._open()

    async def close(self) -> None:
        """LOGOUT, bounded; never raises."""
        if self._wire is None:
            return
        with contextlib.suppress(PostroomError, TimeoutError):
            if not self._wire.error and not self._active:
                async with asyncio.timeout(_LOGOUT):
                    await self.run("LOGOUT")
        self._wire.close()

    @property
    def certificate(self) -> bytes | None:
        return self._wire.certificate if self._wire else None
