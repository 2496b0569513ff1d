"""A mailbox as one IMAP session has it selected: what its client has been told of, and the commands on messages.

Sequence numbers are places in `view`. It grows and shrinks only when the client is told (RFC 3501 section 7.4), so
that both sides always mean the same message.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from . import imap_fetch
from .connections import Connection
from .imap_search import search
from .imap_syntax import Argument, SyntaxProblem, in_set, text, words
from .mailboxes import Folder, Stored

FLAGS = b"\\Answered \\Flagged \\Deleted \\Seen \\Draft"
_SYSTEM_FLAGS = {flag.lower(): flag for flag in FLAGS.decode().split()}
_FLAG = re.compile(r"\\?[A-Za-z0-9!#$&'+,./:;<=>?@^_`|~-]{1,100}")
_MOST_FLAGS = 50


class Refused(Exception):
    """The command is understood and can't be done: NO."""


def checked_flags(items: Iterable[Argument]) -> set[str]:
    """The flags named by atoms or lists, those of the standard in its spelling."""
    named = {flag for item in items for flag in words(item)}
    if len(named) > _MOST_FLAGS or not all(_FLAG.fullmatch(flag) for flag in named):
        raise Refused("[LIMIT] those flags can't be kept")
    return {_SYSTEM_FLAGS.get(flag.lower(), flag) for flag in named}


def _uids(messages: Iterable[Stored]) -> bytes:
    return ",".join(str(message.uid) for message in messages).encode()


class Selected:
    """`close` when another mailbox is selected or the session ends."""

    def __init__(self, connection: Connection, folder: Folder, *, read_only: bool) -> None:
        self.folder, self.read_only = folder, read_only
        self.view: list[Stored] = list(folder.messages)
        self._connection = connection
        self._changed = asyncio.Event()
        folder.watch(self._changed.set)

    def close(self) -> None:
        self.folder.unwatch(self._changed.set)

    # --- telling -----------------------------------------------------------------------------------------------------

    def tell_changes(self, *, with_expunges: bool) -> None:
        """Tell the client what has come and gone since it was last told."""
        there = set(self.folder.messages)
        if with_expunges and any(message not in there for message in self.view):
            for number in range(len(self.view), 0, -1):
                if self.view[number - 1] not in there:
                    del self.view[number - 1]
                    self._connection.write(b"* %d EXPUNGE\r\n" % number)
        last = self.view[-1].uid if self.view else 0
        come = [message for message in self.folder.messages if message.uid > last]
        if come:
            self.view += come
            self._connection.write(b"* %d EXISTS\r\n" % len(self.view))

    async def push_changes(self, until: asyncio.Future[bytes]) -> None:
        """Tell every change as it happens, until `until` is done."""
        while not until.done():
            self._changed.clear()
            self.tell_changes(with_expunges=True)
            await self._connection.flush()
            changed = asyncio.ensure_future(self._changed.wait())
            try:
                waiting: set[asyncio.Future[Any]] = {until, changed}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()

    # --- commands ----------------------------------------------------------------------------------------------------

    async def fetch(self, rest: list[Argument], by_uid: bool) -> bytes:
        sequence_set, wanted = rest
        items = imap_fetch.items_of(wanted)
        if by_uid and "UID" not in (item.upper() for item in items):
            items = ["UID", *items]
        for number, message in self._chosen(sequence_set, by_uid):
            if imap_fetch.marks_seen(items) and not self.read_only:
                message.flags.add("\\Seen")
            self._connection.write(imap_fetch.answer(number, message, items))
            await self._connection.flush()
        return b"OK done"

    async def search(self, rest: list[Argument], by_uid: bool) -> bytes:
        numbers = search(rest, self.view)
        found = [self.view[number - 1].uid if by_uid else number for number in numbers]
        self._connection.write(b"* SEARCH%b\r\n" % "".join(f" {number}" for number in found).encode())
        return b"OK done"

    async def store(self, rest: list[Argument], by_uid: bool) -> bytes:
        sequence_set, how, *wanted = rest
        self._check_writable()
        action, _, silent = text(how).upper().partition(".")
        if action not in {"FLAGS", "+FLAGS", "-FLAGS"} or silent not in {"", "SILENT"} or not wanted:
            raise SyntaxProblem("STORE wants FLAGS, +FLAGS or -FLAGS, and flags")
        named = checked_flags(wanted)
        for number, message in self._chosen(sequence_set, by_uid):
            kept = set() if action == "FLAGS" else message.flags
            message.flags = kept - named if action == "-FLAGS" else kept | named
            if not silent:
                items = ["UID", "FLAGS"] if by_uid else ["FLAGS"]
                self._connection.write(imap_fetch.answer(number, message, items))
        return b"OK done"

    async def expunge(self, rest: list[Argument], by_uid: bool) -> bytes:
        """All that is marked as deleted; by UID those of the set only (RFC 4315)."""
        if by_uid:
            (sequence_set,) = rest
            self.remove_deleted([message for _, message in self._chosen(sequence_set, by_uid)])
        else:
            self.remove_deleted()
        self.tell_changes(with_expunges=True)
        return b"OK done"

    def remove_deleted(self, among: list[Stored] | None = None) -> None:
        self._check_writable()
        chosen = self.view if among is None else among
        self.folder.remove([message for message in chosen if "\\Deleted" in message.flags])

    def copy(self, sequence_set: Argument, target: Folder, *, by_uid: bool, move: bool) -> bytes:
        """COPY, and MOVE (RFC 6851): copied, told where, then removed here."""
        if move:
            self._check_writable()
        chosen = [message for _, message in self._chosen(sequence_set, by_uid)]
        if not chosen:
            return b"OK there was none"
        copies = [target.add(message.octets, message.flags, message.received) for message in chosen]
        code = b"[COPYUID %d %b %b]" % (target.uid_validity, _uids(chosen), _uids(copies))
        if not move:
            return b"OK %b copied" % code
        self._connection.write(b"* OK %b moved\r\n" % code)
        self.folder.remove(chosen)
        self.tell_changes(with_expunges=True)
        return b"OK done"

    def _chosen(self, sequence_set: Argument, by_uid: bool) -> list[tuple[int, Stored]]:
        """Sequence number and message of those in the set."""
        numbers = [message.uid for message in self.view] if by_uid else range(1, len(self.view) + 1)
        wanted = in_set(text(sequence_set), numbers)
        return [pair for pair in enumerate(self.view, 1) if (pair[1].uid if by_uid else pair[0]) in wanted]

    def _check_writable(self) -> None:
        if self.read_only:
            raise Refused("[READ-ONLY] the mailbox was opened by EXAMINE")
