"""A small POP3 server (RFC 1939) with CAPA, UIDL, TOP and PIPELINING (RFC 2449), in memory.

Messages marked by DELE are removed by QUIT alone; a session that breaks off removes nothing. One session at a time
has an account's mail; a second is refused with [IN-USE].
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .connections import Connection
from .mailboxes import Account, Mailboxes, Stored


class Refused(Exception):
    """-ERR with this text."""


class Pop3Session:
    """One client's session. `serve` runs it to its end."""

    def __init__(self, connection: Connection, mailboxes: Mailboxes) -> None:
        self._connection, self._mailboxes = connection, mailboxes
        self._user = ""
        self._account: Account | None = None
        self._messages: list[Stored] = []  # as they were at the login; the numbers count these
        self._deleted: set[int] = set()
        self._ended = False

    async def serve(self) -> None:
        self._connection.write(b"+OK Postroom demo ready\r\n")
        try:
            while not self._ended:
                await self._connection.flush()
                line = (await self._connection.line()).decode("utf-8", "replace").strip("\r\n")
                self._connection.write(self._answer(line))
            await self._connection.flush()
        finally:
            if self._account is not None:
                self._account.pop3_locked = False

    def _answer(self, line: str) -> bytes:
        name, _, rest = line.partition(" ")
        try:
            command = self._commands().get(name.upper())
            if command is None:
                raise Refused("this server does not know that command here")
            return command(rest)
        except Refused as error:
            return f"-ERR {error}\r\n".encode()

    def _commands(self) -> dict[str, Callable[[str], bytes]]:
        """What is allowed in this state."""
        found: dict[str, Callable[[str], bytes]] = {"CAPA": self._capa, "QUIT": self._quit}
        if self._account is None:
            return {**found, "USER": self._do_user, "PASS": self._pass}
        found |= {"STAT": self._stat, "LIST": self._list, "UIDL": self._uidl, "RETR": self._retr, "TOP": self._top}
        return {**found, "DELE": self._dele, "RSET": self._rset, "NOOP": lambda rest: b"+OK\r\n"}

    def _capa(self, rest: str) -> bytes:
        return b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n.\r\n"

    def _do_user(self, rest: str) -> bytes:
        self._user = rest
        return b"+OK\r\n"

    def _pass(self, rest: str) -> bytes:
        account = self._mailboxes.log_in(self._user, rest)
        if account is None:
            raise Refused("[AUTH] no such user, or a wrong password")
        if account.pop3_locked:
            raise Refused("[IN-USE] another session has this mailbox")
        account.pop3_locked = True
        self._account, self._messages = account, list(account.inbox.messages)
        return b"+OK %d messages\r\n" % len(self._messages)

    def _quit(self, rest: str) -> bytes:
        if self._account is not None:
            self._account.inbox.remove(self._messages[number - 1] for number in self._deleted)
        self._ended = True
        return b"+OK\r\n"

    def _there(self) -> list[tuple[int, Stored]]:
        return [(number, message) for number, message in enumerate(self._messages, 1) if number not in self._deleted]

    def _message(self, number: str) -> tuple[int, Stored]:
        if number.isascii() and number.isdigit() and len(number) < 10:
            for found, message in self._there():
                if found == int(number):
                    return found, message
        raise Refused("there is no such message")

    def _stat(self, rest: str) -> bytes:
        there = self._there()
        return b"+OK %d %d\r\n" % (len(there), sum(len(message.octets) for _, message in there))

    def _list(self, rest: str) -> bytes:
        return self._listing(rest, lambda message: str(len(message.octets)))

    def _uidl(self, rest: str) -> bytes:
        account = self._account
        assert account is not None
        return self._listing(rest, lambda message: f"{account.inbox.uid_validity}.{message.uid}")

    def _listing(self, rest: str, value: Callable[[Stored], str]) -> bytes:
        if rest:
            number, message = self._message(rest)
            return f"+OK {number} {value(message)}\r\n".encode()
        lines = "".join(f"{number} {value(message)}\r\n" for number, message in self._there())
        return f"+OK\r\n{lines}.\r\n".encode()

    def _retr(self, rest: str) -> bytes:
        _, message = self._message(rest)
        return b"+OK %d octets\r\n" % len(message.octets) + stuffed(message.octets)

    def _top(self, rest: str) -> bytes:
        number, _, count = rest.partition(" ")
        _, message = self._message(number)
        if not (count.isascii() and count.isdigit() and len(count) < 10):
            raise Refused("TOP wants a message and a number of lines")
        header, separator, body = message.octets.partition(b"\r\n\r\n")
        lines = body.splitlines(keepends=True)[: int(count)]
        return b"+OK\r\n" + stuffed(header + separator + b"".join(lines))

    def _dele(self, rest: str) -> bytes:
        number, _ = self._message(rest)
        self._deleted.add(number)
        return b"+OK\r\n"

    def _rset(self, rest: str) -> bytes:
        self._deleted.clear()
        return b"+OK\r\n"


def stuffed(octets: bytes) -> bytes:
    """A multi-line answer (RFC 1939 section 3): a dot before a line's first dot, and one alone at the end."""
    octets = octets.replace(b"\r\n.", b"\r\n..")
    if octets.startswith(b"."):
        octets = b"." + octets
    return octets + (b"" if octets.endswith(b"\r\n") or not octets else b"\r\n") + b".\r\n"


def pop3_server(mailboxes: Mailboxes) -> Callable[[Connection], Awaitable[None]]:
    """What `connections.listen` wants."""
    return lambda connection: Pop3Session(connection, mailboxes).serve()
