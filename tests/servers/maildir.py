"""One user's mail on the disk of the test server, in the Maildir format, read and written beside the server.

Messages are dropped into `new/` (100 times faster than LMTP). The octets are kept as given; Dovecot sends them with
CRLF whatever line ends the file has.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

_numbers = itertools.count()
_HOST = socket.gethostname().replace("/", "_").replace(":", "_")


@dataclass(frozen=True, slots=True)
class MaildirMessage:
    """`flags` are Maildir's letters: S seen, R answered, F flagged, T deleted; keywords are lower-case letters."""

    path: Path
    flags: str

    @property
    def octets(self) -> bytes:
        return self.path.read_bytes()


class Maildir:
    """The mailboxes of one user. `mailbox` is "INBOX" or a name with "/" between levels."""

    def __init__(self, root: Path, uid: int, gid: int) -> None:
        self.root, self._uid, self._gid = root, uid, gid

    def folder(self, mailbox: str = "INBOX") -> Path:
        return self.root if mailbox.upper() == "INBOX" else self.root / ("." + mailbox.replace("/", "."))

    def create(self, mailbox: str = "INBOX") -> Path:
        folder = self.folder(mailbox)
        for path in (self.root.parent, self.root, folder, *(folder / name for name in ("cur", "new", "tmp"))):
            if not path.exists():
                path.mkdir(mode=0o700, parents=True)
                os.chown(path, self._uid, self._gid)
        return folder

    def deliver(self, octets: bytes, mailbox: str = "INBOX") -> Path:
        """Put one message into `new/`, at once visible to the server."""
        folder = self.create(mailbox)
        number = next(_numbers)
        name = f"{time.time():.6f}.P{os.getpid()}Q{number}.{_HOST}"
        temporary = folder / "tmp" / name
        temporary.write_bytes(octets)
        os.chown(temporary, self._uid, self._gid)
        return temporary.rename(folder / "new" / name)

    def messages(self, mailbox: str = "INBOX") -> list[MaildirMessage]:
        """What the mailbox holds, in the order of arrival, also what is marked as deleted."""
        folder = self.folder(mailbox)
        paths = [path for name in ("new", "cur") if (folder / name).is_dir() for path in (folder / name).iterdir()]
        return [MaildirMessage(path, path.name.partition(":2,")[2]) for path in sorted(paths, key=_arrival)]

    def change_uidvalidity(self, mailbox: str = "INBOX") -> int:
        """As after a restored backup: the same messages, a new UIDVALIDITY, new UIDs. Returns the new UIDVALIDITY.

        A new session sees it; one that is logged in already gets NO ("deleted under us") at its next SELECT.
        """
        folder = self.folder(mailbox)
        uidlist = folder / "dovecot-uidlist"
        first_line = uidlist.read_text("utf-8", "replace").partition("\n")[0] if uidlist.exists() else ""
        found = re.search(r" V(\d+)", first_line)
        uidvalidity = (int(found.group(1)) if found else int(time.time())) + 1
        for path in [*folder.glob("dovecot.index*"), *self.root.glob("dovecot.list.index*")]:
            path.unlink()
        uidlist.write_text(f"3 V{uidvalidity} N1 G{os.urandom(16).hex()}\n")
        os.chown(uidlist, self._uid, self._gid)
        return uidvalidity

    def make_read_only(self, mailbox: str = "INBOX") -> None:
        """SELECT still works; nothing can be marked, moved or removed until `restore`."""
        self._chmod(mailbox, 0o500)

    def make_unreadable(self, mailbox: str = "INBOX") -> None:
        """The server can't open the mailbox until `restore`: SELECT and POP3 logins fail."""
        self._chmod(mailbox, 0o000)

    def restore(self, mailbox: str = "INBOX") -> None:
        self._chmod(mailbox, 0o700)

    def _chmod(self, mailbox: str, mode: int) -> None:
        folder = self.folder(mailbox)
        if folder.exists():
            folder.chmod(0o700)  # else what is in it can't be seen
        self.create(mailbox)
        for path in (*(folder / name for name in ("cur", "new", "tmp")), folder):
            path.chmod(mode)


def _arrival(path: Path) -> tuple[float, int]:
    """When the message was put there: by `deliver` (seconds and our counter), or by Dovecot (seconds, microseconds)."""
    if found := re.match(r"(\d+\.\d+)\.P\d+Q(\d+)\.", path.name):
        return float(found.group(1)), int(found.group(2))
    if found := re.match(r"(\d+)\.M(\d+)P", path.name):
        return int(found.group(1)) + int(found.group(2)) / 1e6, 0
    return path.stat().st_mtime, 0
