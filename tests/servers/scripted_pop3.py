"""A small POP3 server with one maildrop in memory, for tests: deletes only at QUIT, and faults on demand."""

from __future__ import annotations

import ssl

from servers.scripted import LineServer, Session


class ScriptedPop3(LineServer):
    """`account` and `password` log in; `messages` are (UIDL, octets); `capabilities` are CAPA's lines."""

    def __init__(self, tls: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        super().__init__(tls, implicit)
        self.account, self.password = "support", "s3cret-word"
        self.messages: list[tuple[str, bytes]] = []
        self.capabilities = ["USER", "UIDL", "TOP", "PIPELINING", "RESP-CODES"]
        self.sizes: dict[str, int] = {}  # lies about sizes by UIDL
        self._next = 1

    def add(self, octets: bytes, uidl: str | None = None) -> str:
        uidl = f"uidl-{self._next}" if uidl is None else uidl
        self._next += 1
        self.messages.append((uidl, octets))
        return uidl

    async def handle(self, session: Session) -> None:
        await session.send("", b"+OK ready\r\n")
        user, inside = "", False
        drop = list(self.messages)
        deleted: set[int] = set()
        while True:
            line = await session.line()
            name, _, argument = line.partition(" ")
            name = name.upper()
            answer = b"-ERR unknown command\r\n"
            if name == "CAPA":
                answer = _lines("capabilities", self.capabilities)
            elif name == "STLS" and self.tls:
                await session.send(line, b"+OK begin TLS\r\n")
                await session.upgrade()
                continue
            elif name == "USER":
                user, answer = argument, b"+OK\r\n"
            elif name == "PASS":
                inside = (user, argument) == (self.account, self.password)
                answer = b"+OK\r\n" if inside else b"-ERR [AUTH] not with " + argument.encode() + b"\r\n"
                drop = list(self.messages)
            elif name == "QUIT":
                answer = b"+OK bye\r\n"
                await session.send(line, answer)
                gone = {id(drop[index]) for index in deleted}
                self.messages[:] = [one for one in self.messages if id(one) not in gone]
                return
            elif inside:
                answer = self._transaction(name, argument, drop, deleted)
            await session.send(line, answer)

    def _transaction(self, name: str, argument: str, drop: list[tuple[str, bytes]], deleted: set[int]) -> bytes:
        there = [(index, *one) for index, one in enumerate(drop) if index not in deleted]
        if name in ("LIST", "UIDL") and (name == "LIST" or "UIDL" in self.capabilities):
            listed = [
                f"{index + 1} {uidl if name == 'UIDL' else self.sizes.get(uidl, len(octets))}"
                for index, uidl, octets in there
            ]
            if not argument:
                return _lines("listing", listed)
            one = [text for text in listed if text.split()[0] == argument]
            return f"+OK {one[0]}\r\n".encode() if one else b"-ERR no such message\r\n"
        numbers = [int(text) for text in argument.split() if text.isdigit()]
        if name in ("RETR", "TOP", "DELE") and numbers:
            index = numbers[0] - 1
            if index not in range(len(drop)) or index in deleted:
                return b"-ERR no such message\r\n"
            octets = drop[index][1]
            if name == "DELE":
                deleted.add(index)
                return b"+OK deleted\r\n"
            if name == "RETR":
                return b"+OK octets follow\r\n" + stuffed(octets)
            if "TOP" in self.capabilities:
                return b"+OK header follows\r\n" + stuffed(octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        return b"-ERR unknown command\r\n"


def stuffed(octets: bytes) -> bytes:
    """As it crosses the network: dots doubled at the start of lines, and the final dot."""
    octets += b"" if octets.endswith(b"\r\n") or not octets else b"\r\n"
    body = octets.replace(b"\r\n.", b"\r\n..")
    return (b"." if body[:1] == b"." else b"") + body + b".\r\n"


def _lines(title: str, lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in [f"+OK {title}", *lines, "."]).encode()
