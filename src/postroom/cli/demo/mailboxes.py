"""The mail of the demo, in memory. Used by one event loop only; `servers.MailSystem` is the door for other threads.

Every address has an account as soon as mail comes for it. Folders keep IMAP's promises (RFC 3501 section 2.3.1):
a UID is never given twice, and order of arrival is order of UIDs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

_uid_validities = itertools.count(int(datetime.now(UTC).timestamp()))


@dataclass(slots=True, eq=False)
class Stored:
    """One message in a folder. Flags as on the wire: `\\Seen`, `$Processed`."""

    uid: int
    octets: bytes
    flags: set[str] = field(default_factory=set)
    received: datetime = field(default_factory=lambda: datetime.now(UTC))


class Folder:
    """Messages in the order of their UIDs. `watch` is told of every change."""

    def __init__(self) -> None:
        self.uid_validity = next(_uid_validities)
        self.uid_next = 1
        self.messages: list[Stored] = []
        self._watchers: set[Callable[[], None]] = set()

    def add(self, octets: bytes, flags: Iterable[str] = (), received: datetime | None = None) -> Stored:
        message = Stored(self.uid_next, octets, set(flags), received or datetime.now(UTC))
        self.uid_next += 1
        self.messages.append(message)
        self._changed()
        return message

    def remove(self, messages: Iterable[Stored]) -> None:
        gone = {message.uid for message in messages}
        self.messages = [message for message in self.messages if message.uid not in gone]
        self._changed()

    def watch(self, watcher: Callable[[], None]) -> None:
        self._watchers.add(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        self._watchers.discard(watcher)

    def _changed(self) -> None:
        for watcher in list(self._watchers):
            watcher()


class Account:
    """The mailboxes of one address, by name. `pop3_locked`: a POP3 session has it (RFC 1939 section 3)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.folders: dict[str, Folder] = {"INBOX": Folder()}
        self.pop3_locked = False

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]

    def folder(self, name: str) -> Folder | None:
        return self.folders.get("INBOX" if name.upper() == "INBOX" else name)


class Mailboxes:
    """The accounts, by address in any case. A login names the address, or its local part where that is unique."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._accounts: dict[str, Account] = {}

    def account(self, address: str) -> Account:
        """Made if it is new."""
        key = address.lower()
        if key not in self._accounts:
            self._accounts[key] = Account(address)
        return self._accounts[key]

    @property
    def addresses(self) -> list[str]:
        return [account.address for account in self._accounts.values()]

    def log_in(self, user: str, password: str) -> Account | None:
        """The account, or None if there is no such user or the password is wrong."""
        if password != self._password:
            return None
        name = user.lower()
        if name in self._accounts:
            return self._accounts[name]
        found = [account for key, account in self._accounts.items() if key.partition("@")[0] == name]
        return found[0] if len(found) == 1 else None
