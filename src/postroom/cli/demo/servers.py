"""A whole mail system in one object: mailboxes, and IMAP, POP3 and SMTP servers over them on free loopback ports.

It runs in a thread with an event loop of its own, so it needs nothing from its user's thread and stops with it.
Every method may be called from any thread.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from . import connections, smtp_server
from .imap_server import imap_server
from .mailboxes import Mailboxes
from .pop3_server import pop3_server

_Value = TypeVar("_Value")
_START_SECONDS = 10.0


class MailSystem:
    """`with MailSystem() as mail`: `mail.imap_port`, `mail.pop3_port`, `mail.smtp_port` on 127.0.0.1.

    Any address has a mailbox; a login is the address (or its local part, where one address alone has it) and
    `password`. Connections are plain: nothing but this machine can reach them.
    """

    def __init__(self, password: str | None = None) -> None:
        self.password = password or secrets.token_urlsafe(12)
        self.imap_port = self.pop3_port = self.smtp_port = 0
        self._mailboxes = Mailboxes(self.password)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._problem: BaseException | None = None

    def start(self) -> None:
        """Listen. Raises OSError if no port can be had."""
        self._thread = threading.Thread(target=self._run, name="demo mail system", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise TimeoutError("the demo's mail servers did not start")
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Close every connection and port; the mail stays readable with `mailbox`."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_START_SECONDS)
        self._thread = None

    def __enter__(self) -> MailSystem:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add_address(self, address: str) -> None:
        """Make an empty mailbox, so that its user can log in before any mail comes."""
        self._call(lambda: self._mailboxes.account(address))

    def deliver(self, address: str, octets: bytes) -> None:
        """Put a message into the mailbox, octets as given; IDLE tells those who wait."""
        self._call(lambda: self._mailboxes.account(address).inbox.add(octets))

    def mailbox(self, address: str, folder: str = "INBOX") -> list[bytes]:
        """The octets of every message there, oldest first."""

        def read() -> list[bytes]:
            found = self._mailboxes.account(address).folder(folder)
            return [message.octets for message in found.messages] if found else []

        return self._call(read)

    def addresses(self) -> list[str]:
        """Every address that has a mailbox."""
        return self._call(lambda: self._mailboxes.addresses)

    def _call(self, function: Callable[[], _Value]) -> _Value:
        """Run it in the loop's thread; before the start and after the stop, here."""
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            return function()

        async def run() -> _Value:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_START_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - carried to the thread that called start
            self._problem = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        starting: list[Coroutine[Any, Any, asyncio.Server]] = [
            connections.listen(imap_server(self._mailboxes), 0),
            connections.listen(pop3_server(self._mailboxes), 0),
            smtp_server.listen(self._mailboxes, 0),
        ]
        servers = [await start for start in starting]
        self.imap_port, self.pop3_port, self.smtp_port = (server.sockets[0].getsockname()[1] for server in servers)
        self._started.set()
        await self._stopping.wait()
        for server in servers:
            server.close()
        # asyncio.run cancels the sessions that are still open
