"""A small IMAP4rev1 server (RFC 3501) with IDLE, UIDPLUS, MOVE, UNSELECT, ID, SASL-IR and LITERAL+, in memory.

Made for the demo and for looking at it with an ordinary mail program's login: it never gives a UID twice, shows every
session the same mail, and pushes changes to those who wait with IDLE. It offers no encryption (it listens on loopback
only), no MIME structure and no subscriptions. A message is expunged only by EXPUNGE, MOVE or CLOSE.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable

from .connections import LARGEST_LITERAL, Closed, Connection
from .imap_selected import FLAGS, Refused, Selected, checked_flags
from .imap_syntax import Argument, SyntaxProblem, arguments, quoted, text, words
from .mailboxes import Account, Folder, Mailboxes

CAPABILITIES = b"IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN ID IDLE UIDPLUS MOVE UNSELECT NAMESPACE"
_LITERAL_AT_END = re.compile(rb"\{(\d{1,9})(\+?)\}\r?\n\Z")
_MOST_FOLDERS = 1_000

Command = Callable[[list[Argument]], Awaitable[bytes]]


class ImapSession:
    """One client's session. `serve` runs it to its end."""

    def __init__(self, connection: Connection, mailboxes: Mailboxes) -> None:
        self._connection, self._mailboxes = connection, mailboxes
        self._account: Account | None = None
        self._selected: Selected | None = None
        self._ended = False

    async def serve(self) -> None:
        self._send(b"* OK [CAPABILITY %b] Postroom demo ready\r\n" % CAPABILITIES)
        try:
            while not self._ended:
                await self._connection.flush()
                await self._command()
            await self._connection.flush()
        finally:
            self._unselected()

    def _send(self, octets: bytes) -> None:
        self._connection.write(octets)

    # --- one command -------------------------------------------------------------------------------------------------

    async def _command(self) -> None:
        octets = await self._connection.line()
        while match := _LITERAL_AT_END.search(octets[-20:]):
            size = int(match.group(1))
            if size > LARGEST_LITERAL or len(octets) > LARGEST_LITERAL:
                self._send(b"* BYE [TOOBIG] that is more than this server takes\r\n")
                await self._connection.flush()
                raise Closed
            if not match.group(2):
                self._send(b"+ go on\r\n")
                await self._connection.flush()
            octets += await self._connection.octets(size) + await self._connection.line()
        tag, _, rest = octets.partition(b" ")
        if not re.fullmatch(rb"[^\s(){%*\"\\+]{1,100}", tag.strip()):
            self._send(b"* BAD a command begins with a tag\r\n")
            return
        status = await self._do(rest.strip(b"\r\n") + b"\r\n")
        self._send(b"%b %b\r\n" % (tag.strip(), status))

    async def _do(self, octets: bytes) -> bytes:
        """Carry out a command; the tagged status that answers it."""
        try:
            name, *rest = arguments(octets)
            command = text(name).upper()
            by_uid = command == "UID"
            if by_uid:
                name, *rest = rest
                command = text(name).upper()
                if command not in {"FETCH", "SEARCH", "STORE", "COPY", "MOVE", "EXPUNGE"}:
                    raise SyntaxProblem("UID wants FETCH, SEARCH, STORE, COPY, MOVE or EXPUNGE")
            if self._selected is not None:
                self._selected.tell_changes(with_expunges=False)
            status = await self._commands(by_uid)[command](rest)
            # Sequence numbers may not change under a command that uses them (RFC 3501 section 7.4.1)
            if self._selected is not None:
                self._selected.tell_changes(with_expunges=by_uid or command not in {"FETCH", "STORE", "SEARCH"})
        except (KeyError, ValueError) as error:  # ValueError: too few arguments, or SyntaxProblem
            reason = str(error) if isinstance(error, SyntaxProblem) else "this server does not know that command"
            return b"BAD " + reason.encode("ascii", "replace").translate(None, b"\r\n\0")
        except Refused as error:
            return b"NO " + str(error).encode()
        return status

    def _commands(self, by_uid: bool) -> dict[str, Command]:
        """What is allowed in this state (RFC 3501 section 3)."""
        found: dict[str, Command] = {"CAPABILITY": self._capability, "NOOP": self._noop, "ID": self._id}
        found["LOGOUT"] = self._logout
        if self._account is None:
            return {**found, "LOGIN": self._login, "AUTHENTICATE": self._authenticate}
        found |= {"SELECT": self._do_select, "EXAMINE": self._examine, "CREATE": self._create, "LIST": self._list}
        found |= {"STATUS": self._status, "APPEND": self._append, "IDLE": self._idle, "NAMESPACE": self._namespace}
        selected = self._selected
        if selected is None:
            return found

        def uid(command: Callable[[list[Argument], bool], Awaitable[bytes]]) -> Command:
            return lambda rest: command(rest, by_uid)

        found |= {"CLOSE": self._close, "UNSELECT": self._unselect, "CHECK": self._noop}
        found |= {"FETCH": uid(selected.fetch), "SEARCH": uid(selected.search), "STORE": uid(selected.store)}
        found |= {"EXPUNGE": uid(selected.expunge)}
        for name, move in (("COPY", False), ("MOVE", True)):
            found[name] = self._to_folder(by_uid=by_uid, move=move)
        return found

    def _to_folder(self, *, by_uid: bool, move: bool) -> Command:
        async def command(rest: list[Argument]) -> bytes:
            sequence_set, name = rest
            assert self._selected is not None
            return self._selected.copy(sequence_set, self._named(name), by_uid=by_uid, move=move)

        return command

    # --- any state ---------------------------------------------------------------------------------------------------

    async def _capability(self, rest: list[Argument]) -> bytes:
        self._send(b"* CAPABILITY %b\r\n" % CAPABILITIES)
        return b"OK done"

    async def _noop(self, rest: list[Argument]) -> bytes:
        return b"OK done"

    async def _id(self, rest: list[Argument]) -> bytes:
        self._send(b'* ID ("name" "Postroom demo")\r\n')
        return b"OK done"

    async def _logout(self, rest: list[Argument]) -> bytes:
        self._send(b"* BYE until next time\r\n")
        self._ended = True
        return b"OK done"

    async def _login(self, rest: list[Argument]) -> bytes:
        user, password = rest
        return self._log_in(text(user), text(password))

    async def _authenticate(self, rest: list[Argument]) -> bytes:
        mechanism, *initial = rest
        if text(mechanism).upper() != "PLAIN":
            raise Refused("only PLAIN is offered")
        if not initial:
            self._send(b"+ \r\n")
            await self._connection.flush()
        response = text(initial[0]).encode() if initial else await self._connection.line()
        try:
            _, user, password = base64.b64decode(response.strip(), validate=True).decode().split("\0")
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise SyntaxProblem("that is not a response for PLAIN") from error
        return self._log_in(user, password)

    def _log_in(self, user: str, password: str) -> bytes:
        self._account = self._mailboxes.log_in(user, password)
        if self._account is None:
            raise Refused("[AUTHENTICATIONFAILED] no such user, or a wrong password")
        return b"OK [CAPABILITY %b] logged in" % CAPABILITIES

    # --- mailboxes ---------------------------------------------------------------------------------------------------

    def _named(self, name: Argument) -> Folder:
        assert self._account is not None
        folder = self._account.folder(text(name))
        if folder is None:
            raise Refused("[TRYCREATE] there is no such mailbox")
        return folder

    def _unselected(self) -> None:
        if self._selected is not None:
            self._selected.close()
            self._selected = None

    async def _do_select(self, rest: list[Argument]) -> bytes:
        return self._opened(rest, read_only=False)

    async def _examine(self, rest: list[Argument]) -> bytes:
        return self._opened(rest, read_only=True)

    def _opened(self, rest: list[Argument], *, read_only: bool) -> bytes:
        self._unselected()
        (name,) = rest
        folder = self._named(name)
        self._selected = Selected(self._connection, folder, read_only=read_only)
        self._send(b"* FLAGS (%b)\r\n* %d EXISTS\r\n* 0 RECENT\r\n" % (FLAGS, len(folder.messages)))
        self._send(b"* OK [PERMANENTFLAGS (%b)] flags\r\n" % (b"" if read_only else FLAGS + b" \\*"))
        self._send(b"* OK [UIDVALIDITY %d] UIDs are kept\r\n" % folder.uid_validity)
        self._send(b"* OK [UIDNEXT %d] the next UID\r\n" % folder.uid_next)
        return b"OK [READ-ONLY] selected" if read_only else b"OK [READ-WRITE] selected"

    async def _create(self, rest: list[Argument]) -> bytes:
        (name,) = rest
        assert self._account is not None
        wanted = text(name)
        if self._account.folder(wanted) is not None:
            raise Refused("[ALREADYEXISTS] there is such a mailbox")
        if not wanted or len(wanted) > 200 or len(self._account.folders) >= _MOST_FOLDERS:
            raise Refused("[CANNOT] no mailbox can have that name, or there are too many")
        self._account.folders[wanted] = Folder()
        return b"OK created"

    async def _list(self, rest: list[Argument]) -> bytes:
        reference, pattern = (text(item) for item in rest)
        assert self._account is not None
        if not pattern:
            self._send(b'* LIST (\\Noselect) "/" ""\r\n')
            return b"OK done"
        parts = re.split(r"([*%])", (reference + pattern)[:200])
        wild = re.compile("".join({"*": ".*", "%": "[^/]*"}.get(part, re.escape(part)) for part in parts if part))
        for name in self._account.folders:
            if parts.count("*") + parts.count("%") <= 5 and wild.fullmatch(name):
                self._send(b'* LIST () "/" %b\r\n' % quoted(name))
        return b"OK done"

    async def _namespace(self, rest: list[Argument]) -> bytes:
        self._send(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
        return b"OK done"

    async def _status(self, rest: list[Argument]) -> bytes:
        name, wanted = rest
        folder = self._named(name)
        unseen = sum("\\Seen" not in message.flags for message in folder.messages)
        known = {"MESSAGES": len(folder.messages), "RECENT": 0, "UNSEEN": unseen}
        known |= {"UIDNEXT": folder.uid_next, "UIDVALIDITY": folder.uid_validity}
        items = [item.upper() for item in words(wanted)]
        if not set(items) <= set(known):
            raise SyntaxProblem("STATUS does not give that")
        answer = " ".join(f"{item} {known[item]}" for item in items)
        self._send(b"* STATUS %b (%b)\r\n" % (quoted(text(name)), answer.encode()))
        return b"OK done"

    async def _append(self, rest: list[Argument]) -> bytes:
        name, *options, octets = rest
        if not isinstance(octets, bytes):
            raise SyntaxProblem("APPEND wants a literal")
        flags = checked_flags([option for option in options if isinstance(option, list)])
        folder = self._named(name)
        message = folder.add(octets, flags)
        return b"OK [APPENDUID %d %d] done" % (folder.uid_validity, message.uid)

    async def _idle(self, rest: list[Argument]) -> bytes:
        """Push changes until the client says DONE (RFC 2177)."""
        self._send(b"+ idling\r\n")
        await self._connection.flush()
        done = asyncio.ensure_future(self._connection.line())
        try:
            if self._selected is None:
                await done
            else:
                await self._selected.push_changes(done)
            if done.result().strip().upper() != b"DONE":
                raise SyntaxProblem("IDLE ends with DONE")
        finally:
            done.cancel()
        return b"OK done"

    async def _close(self, rest: list[Argument]) -> bytes:
        assert self._selected is not None
        if not self._selected.read_only:
            self._selected.remove_deleted()
        self._unselected()
        return b"OK closed"

    async def _unselect(self, rest: list[Argument]) -> bytes:
        self._unselected()
        return b"OK closed"


def imap_server(mailboxes: Mailboxes) -> Callable[[Connection], Awaitable[None]]:
    """What `connections.listen` wants."""
    return lambda connection: ImapSession(connection, mailboxes).serve()
