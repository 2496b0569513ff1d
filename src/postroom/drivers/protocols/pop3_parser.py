"""POP3 replies (RFC 1939 §3, RFC 2449): octets in, whole replies out, in the order they are expected.

Pure but for the `Gathering` that a message streams into. Guarantees: the same replies however the octets are split; a
message is what the server sent, to the octet, less the dots it stuffed and the final dot; a line is at most 8 KiB, a
listing at most 64 MiB. A server that ends its status line with a bare LF is taken to end all of its lines so; with
any other, a bare LF is content and ends nothing, so that no message can end early.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from postroom.conf.errors import Transient
from postroom.drivers.protocols.spool import Gathering

_LINE = 8 * 1024
LISTING = 64 * 1024 * 1024
_ENDS = {b"\r\n": re.compile(rb"\r\n\.\r\n"), b"\n": re.compile(rb"\n\.\r?\n")}
_PARTIAL = {b"\r\n": (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r"), b"\n": (b"\n.\r", b"\n.", b"\n")}
_ALONE = {b"\r\n": (b".\r\n",), b"\n": (b".\n", b".\r\n")}


@dataclass(slots=True)
class Reply:
    """One reply: +OK or not, the words after it; `content` is the listing or the message."""

    ok: bool
    text: bytes
    content: Gathering | None = None

    def listing(self) -> bytes:
        """The lines of a listing with their ends, b"" if it was refused. Call it once.

        Raises `Transient` if there were more than 64 MiB of them.
        """
        if self.content and self.content.overflow:
            raise Transient("The server sent a listing without end.", code="4.5.0")
        return (self.content.finish()[0] if self.content else None) or b""


def a_listing() -> Gathering:
    """What the lines of a listing gather in; never a file."""
    return Gathering(Path(), LISTING, LISTING)


class Pop3Parser:
    """The replies of one connection. `expect` each before its command is sent."""

    __slots__ = ("_at_start", "_expected", "_mark", "_reply", "_rest")

    def __init__(self) -> None:
        self._expected: deque[Gathering | None] = deque()
        self._rest = b""
        self._reply: Reply | None = None  # the reply whose lines are arriving
        self._mark = b"\r\n"
        self._at_start = False

    def expect(self, content: Gathering | None = None) -> None:
        """A reply of one line; or, if it is +OK, of more lines that go to `content`."""
        self._expected.append(content)

    @property
    def clean(self) -> bool:
        """Whether nothing of a next reply has arrived."""
        return not self._rest and self._reply is None

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete now.

        Raises `Transient` for what is no POP3, was not asked for, or passes a limit.
        """
        buffer = self._rest + data if self._rest else data
        self._rest = b""
        complete: list[Reply] = []
        position = 0
        while position < len(buffer):
            if not self._expected:
                raise Transient("The server sent what nobody had asked for.", code="4.5.0")
            content = self._expected[0]
            if self._reply is not None and content is not None:
                position, ended = self._content(buffer, position, content)
            else:
                cut = buffer.find(b"\n", position)
                if (cut if cut >= 0 else len(buffer)) - position > _LINE:
                    raise Transient(f"The server sent a line of more than {_LINE} octets.", code="4.5.0")
                if cut < 0:
                    self._rest = buffer[position:]
                    break
                ended = self._status(buffer[position:cut], content)
                position = cut + 1
            if ended:
                assert self._reply is not None
                complete.append(self._reply)
                self._reply = None
                self._expected.popleft()
        return complete

    def _status(self, line: bytes, content: Gathering | None) -> bool:
        """Begin a reply; whether it ends with this line."""
        self._mark = b"\r\n" if line[-1:] == b"\r" else b"\n"
        words = line.strip()
        ok = words[:3].upper() == b"+OK"
        if not ok and words[:4].upper() != b"-ERR":
            raise Transient(f"The server does not speak POP3; it said: {_printable(words)}", code="4.5.0")
        self._reply = Reply(ok, words[3:].strip() if ok else words[4:].strip(), content if ok else None)
        self._at_start = True
        return content is None or not ok

    def _content(self, buffer: bytes, position: int, content: Gathering) -> tuple[int, bool]:
        """Take a piece of a message: where it ends, and whether the message does."""
        mark = self._mark
        if self._at_start:
            head = buffer[position : position + 3]
            for alone in _ALONE[mark]:
                if head[: len(alone)] == alone:
                    return position + len(alone), True
            if head in (b".", b".\r"):
                self._rest = head
                return len(buffer), False
            self._at_start = False
            if head[:1] == b".":
                position += 1
        end = _ENDS[mark].search(buffer, position)
        if end:
            self._unstuffed(buffer[position : end.start() + len(mark)], content)
            return end.end(), True
        keep = next((len(part) for part in _PARTIAL[mark] if buffer.endswith(part, position)), 0)
        self._rest = buffer[len(buffer) - keep :]
        self._unstuffed(buffer[position : len(buffer) - keep], content)
        return len(buffer), False

    def _unstuffed(self, octets: bytes, content: Gathering) -> None:
        if octets:
            stuffed = self._mark + b"."
            content.write(octets.replace(stuffed, self._mark) if stuffed in octets else octets)


def _printable(octets: bytes) -> str:
    return "".join(character if character.isprintable() else " " for character in octets[:100].decode("latin-1"))
