"""A private Dovecot for the benchmarks, and mailboxes filled at once: hard links to messages written once."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.accounting import cpu_seconds
from servers.certificates import issue
from servers.dovecot import PASSWORD, Dovecot
from servers.oauth import TokenServer
from servers.processes import private_folder, remove_folder

__all__ = ["PASSWORD", "MailServer", "mail_server"]
_numbers = itertools.count(1)


class MailServer:
    """Dovecot with a stock of messages, of which each run gets a mailbox of its own."""

    def __init__(self, dovecot: Dovecot) -> None:
        self.dovecot = dovecot
        self._stock = dovecot.folder / "mail" / "stock"
        self._files: list[Path] = []

    @property
    def imap(self) -> int:
        return self.dovecot.port["imap"]

    @property
    def pop3(self) -> int:
        return self.dovecot.port["pop3"]

    def cpu_seconds(self) -> float:
        process = self.dovecot._process._process
        return cpu_seconds(process.pid) if process else 0.0

    def set_stock(self, messages: Sequence[bytes]) -> None:
        self._stock.mkdir(exist_ok=True)
        self._files = []
        for number, octets in enumerate(messages):
            path = self._stock / f"{number:06}"
            path.write_bytes(octets)
            os.chown(path, self.dovecot._uid, self.dovecot._gid)
            self._files.append(path)
        os.sync()  # what was written here must not be flushed while something is measured

    def fill(self, count: int | None = None) -> str:
        """A new user whose INBOX holds the stock, or its first `count` messages."""
        user = f"bench{os.getpid()}n{next(_numbers)}"
        folder = self.dovecot.maildir(user).create()
        now = time.time()
        for number, path in enumerate(self._files[:count]):
            (folder / "new" / f"{now:.6f}.P1Q{number:06}.bench").hardlink_to(path)
        return user

    def empty(self, user: str) -> None:
        """Remove a mailbox after its run."""
        remove_folder(self.dovecot.maildir(user).root.parent)

    def left(self, user: str) -> int:
        return len(self.dovecot.messages(user))


@contextmanager
def mail_server(change: dict[str, str] | None = None) -> Iterator[MailServer]:
    """`change` replaces or adds lines `name = value` of Dovecot's configuration."""
    folder = private_folder("bench")
    tokens = TokenServer()
    dovecot = Dovecot(issue(folder), tokens)
    configuration = dovecot.folder / "dovecot.conf"
    lines = "".join(f"{name} = {value}\n" for name, value in (change or {}).items())
    configuration.write_text(configuration.read_text("utf-8") + lines, "utf-8")
    try:
        dovecot.start()
        yield MailServer(dovecot)
    finally:
        dovecot.close()
        tokens.close()
        remove_folder(folder)
