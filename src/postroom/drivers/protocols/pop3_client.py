"""An asyncio POP3 client (RFC 1939; CAPA, PIPELINING and response codes RFC 2449 and 3206; STLS RFC 2595; AUTH PLAIN
RFC 5034).

Guarantees: replies belong to commands in order, with or without pipelining; every wait ends; a cancelled wait ends
the connection, and a session that ends without QUIT deletes nothing (RFC 1939 §6). Never sends a password before the
encryption that was asked for.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections import deque

from postroom.conf.errors import AuthenticationFailed, Permanent, PostroomError, Transient
from postroom.conf.parameters import Secret
from postroom.drivers.protocols import transport
from postroom.drivers.protocols.dialogue import Dialogue
from postroom.drivers.protocols.pop3_parser import Pop3Parser, Reply, a_listing
from postroom.drivers.protocols.spool import Gathering
from postroom.drivers.protocols.tls import check_plaintext
from postroom.drivers.protocols.transport import Endpoint, Wire

_QUIT = 2.0  # seconds, where nothing was deleted
_WINDOW = 8  # commands under way where the server offers PIPELINING; 64 is slower
_CAPABILITIES = 16 * 1024  # octets of them that are read
_CODE = re.compile(r"\[([A-Za-z/\-]+)\]")
_TEMPORARY = re.compile(r"lock|in use|busy|temporar|later|too many|unavailable", re.I)


class Pop3Client:
    """`connect`, `secure`, `login`, then the rest. Methods but `close` raise `Transient`, `Permanent` or
    `AuthenticationFailed`, with the server's words."""  # fmt: skip

    def __init__(self, endpoint: Endpoint, dialogue: Dialogue) -> None:
        self.endpoint = endpoint
        self.dialogue = dialogue
        self.capabilities: dict[str, str] = {}
        self.greeting = ""
        self._wire: Wire | None = None
        self._parser = Pop3Parser()
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._outgoing: list[bytes] = []
        self._sealed = False  # no plain octet may follow the answer to STLS
        self._upgrading = False

    def _feed(self, data: bytes) -> None:
        if self._sealed:
            raise Transient(f"{self.endpoint} sent something between STLS and TLS.", code="4.7.5")
        for reply in self._parser.feed(data):
            future = self._waiting.popleft()
            self._sealed = self._upgrading and reply.ok
            if self.dialogue.logging:
                self.dialogue.received((b"+OK " if reply.ok else b"-ERR ") + reply.text)
            if not future.done():
                future.set_result(reply)
        if self._sealed and not self._parser.clean:
            raise Transient(f"{self.endpoint} sent something between STLS and TLS.", code="4.7.5")

    def _lost(self, error: PostroomError) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting for this one
        self._waiting.clear()

    def _open(self) -> Wire:
        if self._wire is None:
            raise Transient(f"There is no connection to {self.endpoint}.", code="4.4.2")
        return self._wire

    @property
    def alive(self) -> bool:
        return self._wire is not None and self._wire.error is None

    @property
    def window(self) -> int:
        """How many commands may be under way."""
        return _WINDOW if "PIPELINING" in self.capabilities else 1

    @property
    def certificate(self) -> bytes | None:
        return self._wire.certificate if self._wire else None

    def request(
        self, command: bytes, content: Gathering | None = None, shown: bytes | None = None
    ) -> asyncio.Future[Reply]:
        """Ask a command; the future gets its reply. Keep to `window`. It is sent when somebody waits for an answer,
        several in one packet."""
        if error := self._open().error:
            raise error
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self.dialogue.logging:
            self.dialogue.sent(command if shown is None else shown)
        self._outgoing.append(command + b"\r\n")
        self._parser.expect(content)
        self._waiting.append(future)
        return future

    async def answer(self, future: asyncio.Future[Reply]) -> Reply:
        """The reply; -ERR is a reply, not an error."""
        wire = self._open()
        if future.done():
            return future.result()
        if self._outgoing:
            octets = b"".join(self._outgoing)
            self._outgoing.clear()
            wire.send(octets)
        try:
            return await wire.until(future)
        except asyncio.CancelledError:
            wire.close()
            raise

    async def run(self, command: bytes, shown: bytes | None = None) -> Reply:
        """A command and its reply of one line."""
        return await self.answer(self.request(command, shown=shown))

    async def listing(self, command: bytes) -> Reply:
        """A command and its reply of many lines."""
        return await self.answer(self.request(command, a_listing()))

    def refusal(self, reply: Reply, what: str) -> PostroomError:
        return Transient(f"{self.endpoint} refused {what}: {self.words(reply)}")

    def words(self, reply: Reply) -> str:
        return self.dialogue.words(reply.text) or ("+OK" if reply.ok else "-ERR")

    async def connect(self) -> None:
        """Connect, read the greeting and ask for the capabilities."""
        self._parser.expect()
        greeted: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(greeted)
        self._wire = await transport.connect(self.endpoint, self._feed, self._lost)
        greeting = await self.answer(greeted)
        self.greeting = self.words(greeting)
        if not greeting.ok:
            self._wire.close()
            raise Transient(f"{self.endpoint} turned us away: {self.greeting}", code="4.3.2")
        await self._ask_capabilities()

    async def _ask_capabilities(self) -> None:
        listed = (await self.listing(b"CAPA")).listing()[:_CAPABILITIES]
        lines = [line.partition(" ") for line in listed.decode("ascii", "replace").upper().splitlines()]
        self.capabilities = {name: argument for name, _, argument in lines}

    async def secure(self) -> None:
        """Upgrade to TLS where the encryption is starttls; what the server said before counts no more."""
        if self.endpoint.encryption != "starttls":
            return
        self._upgrading = True
        reply = await self.run(b"STLS")
        wire = self._open()
        if not reply.ok:
            wire.close()
            raise Permanent(
                f"{self.endpoint} refused STLS: {self.words(reply)}", code="5.7.10", advice="Set POP3Encryption to tls?"
            )
        self._upgrading = self._sealed = False  # what arrives from here on has come through TLS
        await wire.start_tls()
        await self._ask_capabilities()

    async def login(self, account: str, password: Secret) -> None:
        """USER and PASS, or AUTH PLAIN where only that is offered."""
        check_plaintext(self.endpoint.values, self.endpoint.encryption, self.endpoint.host)
        secret = password.reveal()
        self.dialogue.hide(secret)
        if any(character in account + secret for character in "\r\n\0"):
            raise AuthenticationFailed("POP3AccountName or POP3Password: holds a line break or NUL.")
        if "PLAIN" in self.capabilities.get("SASL", "").split() and "USER" not in self.capabilities:
            token = base64.b64encode(f"\0{account}\0{secret}".encode())
            self.dialogue.hide(token.decode())
            reply = await self.run(b"AUTH PLAIN " + token, shown=b"AUTH PLAIN (token)")
        else:
            reply = await self.run(b"USER " + account.encode(), shown=b"USER (account)")
            if reply.ok:
                reply = await self.run(b"PASS " + secret.encode(), shown=b"PASS (password)")
        if not reply.ok:
            raise self._login_refused(reply, account)
        await self._ask_capabilities()  # some name PIPELINING and UIDL only now

    def _login_refused(self, reply: Reply, account: str) -> PostroomError:
        words = self.words(reply)
        found = _CODE.match(words)
        code = found[1].upper() if found else ""
        if code in ("IN-USE", "LOGIN-DELAY", "SYS/TEMP") or (not code and _TEMPORARY.search(words)):
            return Transient(f"{self.endpoint} can't log {account} in now: {words}", code="4.7.0")
        return AuthenticationFailed(
            f"{self.endpoint} refused the account {account}: {words}",
            advice="Check POP3AccountName and POP3Password.",
        )

    async def close(self) -> None:
        """QUIT, bounded, where nothing is under way; never raises. Don't use it after DELE: see to the answer."""
        if self._wire is None:
            return
        with contextlib.suppress(PostroomError, TimeoutError):
            if self.alive and not self._waiting:
                async with asyncio.timeout(_QUIT):
                    await self.run(b"QUIT")
        self._wire.close()

    def abort(self) -> None:
        """End the connection now, without QUIT, so that nothing is deleted; never raises."""
        if self._wire:
            self._wire.close()
