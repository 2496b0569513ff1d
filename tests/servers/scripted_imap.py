"""A small IMAP server with mailboxes in memory, for tests: what a watched mailbox needs, and faults on demand."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from servers.scripted import LineServer, Session

CAPABILITIES = "IMAP4rev1 LITERAL+ SASL-IR IDLE UIDPLUS MOVE ESEARCH"

Answer = tuple[bytes, str]  # the untagged lines, and the tagged one without its tag


@dataclass
class Message:
    octets: bytes
    flags: set[str] = field(default_factory=set)
    received: float = field(default_factory=time.time)

    @property
    def date(self) -> str:
        return time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(self.received))


@dataclass
class Mailbox:
    epoch: int = 1
    next_uid: int = 1
    messages: dict[int, Message] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, octets: bytes, received: float | None = None) -> int:
        uid = self.next_uid
        self.messages[uid] = Message(octets, received=time.time() if received is None else received)
        self.next_uid += 1
        self.changed.set()
        return uid


class ScriptedImap(LineServer):
    """`account` and `password` log in; `mailboxes` by name as the client writes them; `flags` are PERMANENTFLAGS."""

    def __init__(self, tls: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        super().__init__(tls, implicit)
        self.account, self.password = "support", "s3cret-word"
        self.mailboxes: dict[str, Mailbox] = {"INBOX": Mailbox()}
        self.capabilities = CAPABILITIES + ("" if implicit or tls is None else " STARTTLS")
        self.flags = "\\Deleted \\Seen \\*"
        self.sizes: dict[int, int] = {}  # lies about RFC822.SIZE by UID
        self.read_only = False

    async def handle(self, session: Session) -> None:
        await session.send("", b"* OK [CAPABILITY %s] ready\r\n" % self.capabilities.encode())
        client = _Client(self, session)
        while await client.command():
            pass


class _Refused(Exception):
    """The command can't be answered; the text is what its tagged line says."""


class _Client:
    def __init__(self, server: ScriptedImap, session: Session) -> None:
        self.server, self.session = server, session
        self.box: Mailbox | None = None
        self.known = 0

    async def command(self) -> bool:
        line = await self.session.line()
        while found := re.search(r"\{(\d+)(\+?)\}$", line):  # a literal of the command
            if not found[2]:
                await self.session.send("", b"+ go on\r\n")
            octets = await self.session.reader.readexactly(int(found[1]))
            rest = await self.session.line()
            quoted = octets.decode("utf-8", "surrogateescape").replace("\\", "\\\\").replace('"', '\\"')
            line = line[: found.start()] + f'"{quoted}"' + rest
        tag, _, rest = line.partition(" ")
        name, _, arguments = rest.partition(" ")
        if name.upper() == "UID":
            second, _, arguments = arguments.partition(" ")
            name = f"UID {second}"
        method = "do_" + name.upper().replace(" ", "_")
        handler: Callable[[str, str], Awaitable[Answer]] | None = getattr(self, method, None)
        if handler is None:
            await self.session.send(line, f"{tag} BAD unknown\r\n".encode())
            return True
        try:
            untagged, final = await handler(tag, arguments)
        except _Refused as refused:
            untagged, final = b"", str(refused)
        await self.session.send(line, untagged + self._news() + f"{tag} {final}\r\n".encode())
        if name.upper() == "STARTTLS":
            await self.session.upgrade()
        return name.upper() != "LOGOUT"

    def _selected(self) -> Mailbox:
        if self.box is None:
            raise _Refused("BAD no mailbox is selected")
        return self.box

    def _news(self) -> bytes:
        if self.box is None or len(self.box.messages) <= self.known:
            return b""
        self.known = len(self.box.messages)
        return b"* %d EXISTS\r\n" % self.known

    async def do_CAPABILITY(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        return f"* CAPABILITY {self.server.capabilities}\r\n".encode(), "OK done"

    async def do_NOOP(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        return b"", "OK"

    async def do_LOGOUT(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        return b"* BYE bye\r\n", "OK done"

    async def do_STARTTLS(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        return b"", "OK begin TLS"

    async def do_LOGIN(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        account, password = _strings(arguments)
        return self._login(account, password)

    async def do_AUTHENTICATE(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        _mechanism, _, token = arguments.partition(" ")
        if not token:
            await self.session.send("AUTHENTICATE", b"+ \r\n")
            token = await self.session.line()
        _, account, password = base64.b64decode(token).decode().split("\0")
        return self._login(account, password)

    def _login(self, account: str, password: str) -> Answer:
        if (account, password) != (self.server.account, self.server.password):
            return b"", f"NO [AUTHENTICATIONFAILED] no such account, or not with {password}"
        return b"", f"OK [CAPABILITY {self.server.capabilities}] welcome"

    async def do_SELECT(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        self.box = self.server.mailboxes.get(_strings(arguments)[0])
        if self.box is None:
            return b"", "NO [NONEXISTENT] Mailbox doesn't exist"
        self.known = len(self.box.messages)
        text = (
            f"* FLAGS ({self.server.flags})\r\n* {self.known} EXISTS\r\n* 0 RECENT\r\n"
            f"* OK [PERMANENTFLAGS ({self.server.flags})] limited\r\n* OK [UIDVALIDITY {self.box.epoch}] valid\r\n"
            f"* OK [UIDNEXT {self.box.next_uid}] next\r\n"
        )
        return text.encode(), f"OK [{'READ-ONLY' if self.server.read_only else 'READ-WRITE'}] selected"

    def _uids(self, text: str) -> list[int]:
        uids = list(self._selected().messages)
        found: set[int] = set()
        for part in text.split(","):
            low, _, high = part.partition(":")
            last = uids[-1] if uids else 0
            first, end = sorted(last if x == "*" else int(x) for x in (low, high or low))
            found.update(uid for uid in uids if first <= uid <= end)
        return sorted(found)

    async def do_UID_SEARCH(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        box = self._selected()
        extended = arguments.startswith("RETURN (ALL) ")
        criteria = arguments.removeprefix("RETURN (ALL) ")
        if criteria == "ALL":
            uids = list(box.messages)
        elif criteria == "DELETED":
            uids = [uid for uid, message in box.messages.items() if "\\Deleted" in message.flags]
        else:
            uids = self._uids(criteria.removeprefix("UID "))
        if extended:
            names = ",".join(map(str, uids))
            return f'* ESEARCH (TAG "{tag}") UID{" ALL " + names if uids else ""}\r\n'.encode(), "OK done"
        return f"* SEARCH{''.join(f' {uid}' for uid in uids)}\r\n".encode(), "OK done"

    async def do_UID_FETCH(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        box = self._selected()
        uid_set, _, items = arguments.partition(" ")
        order = list(box.messages)
        parts = []
        for uid in self._uids(uid_set):
            parts.append(b"* %d FETCH (UID %d" % (order.index(uid) + 1, uid))
            message = box.messages[uid]
            for item in items.strip("()").split()[1:]:
                parts.append(b" " + self._item(uid, message, item))
            parts.append(b")\r\n")
        return b"".join(parts), "OK done"

    def _item(self, uid: int, message: Message, item: str) -> bytes:
        if item == "RFC822.SIZE":
            return b"RFC822.SIZE %d" % self.server.sizes.get(uid, len(message.octets))
        if item == "INTERNALDATE":
            return f'INTERNALDATE "{message.date}"'.encode()
        found = re.fullmatch(r"BODY\.PEEK\[(HEADER)?\](?:<(\d+)\.(\d+)>)?", item)
        if found is None:
            raise _Refused("BAD unknown item")
        octets = message.octets
        if found[1]:
            octets = octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        name = f"BODY[{found[1] or ''}]"
        if found[2]:
            start, length = int(found[2]), int(found[3])
            octets, name = octets[start : start + length], f"{name}<{start}>"
        return name.encode() + b" {%d}\r\n" % len(octets) + octets

    async def do_UID_STORE(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        box = self._selected()
        uid_set, _, flags = arguments.split(" ", 2)
        for uid in self._uids(uid_set):
            box.messages[uid].flags.update(flags.strip("()").split())
        return b"", "OK done"

    def _expunge(self, uids: list[int]) -> bytes:
        box = self._selected()
        text = b""
        for uid in uids:
            text += b"* %d EXPUNGE\r\n" % (list(box.messages).index(uid) + 1)
            del box.messages[uid]
        self.known = len(box.messages)
        return text

    async def do_UID_EXPUNGE(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        if "UIDPLUS" not in self.server.capabilities:
            return b"", "BAD unknown"
        box = self._selected()
        uids = [uid for uid in self._uids(arguments) if "\\Deleted" in box.messages[uid].flags]
        return self._expunge(uids), "OK done"

    async def do_EXPUNGE(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        box = self._selected()
        uids = [uid for uid, message in box.messages.items() if "\\Deleted" in message.flags]
        return self._expunge(uids), "OK done"

    async def do_CREATE(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        self.server.mailboxes[_strings(arguments)[0]] = Mailbox()
        return b"", "OK done"

    async def do_UID_COPY(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        box = self._selected()
        uid_set, _, target = arguments.partition(" ")
        other = self.server.mailboxes.get(_strings(target)[0])
        if other is None:
            return b"", "NO [TRYCREATE] no such mailbox"
        for uid in self._uids(uid_set):
            other.add(box.messages[uid].octets)
        return b"", "OK done"

    async def do_UID_MOVE(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        if "MOVE" not in self.server.capabilities:
            return b"", "BAD unknown"
        untagged, final = await self.do_UID_COPY(tag, arguments)
        if final.startswith("OK"):
            untagged += self._expunge(self._uids(arguments.partition(" ")[0]))
        return untagged, final

    async def do_IDLE(self, tag: str, arguments: str) -> Answer:  # noqa: N802
        box = self._selected()
        await self.session.send("IDLE", self._news() + b"+ idling\r\n")
        done = asyncio.ensure_future(self.session.line())
        while not done.done():
            box.changed.clear()
            if news := self._news():
                await self.session.send("idling", news)
            changed = asyncio.ensure_future(box.changed.wait())
            await asyncio.wait((done, changed), return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        await done
        return b"", "OK done"


def _strings(text: str) -> list[str]:
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', text)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else atom for quoted, atom in found]
