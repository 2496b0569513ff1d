"""IMAP framing (RFC 9051 §4.3, RFC 7888): octets in, whole responses out, each as text pieces with literals between.

Pure: no input or output. Guarantees: the same responses however the octets are split; at most `line_limit` octets of
text and 1,000 literals in a response; a literal longer than `literal_limit`, or past the `budget` of all literals kept
since `allow`, is counted and dropped as it arrives; one of 4 GiB or more is refused before anything is allocated.
A bare LF ends a line too.
"""

from __future__ import annotations

import re

from postroom.conf.errors import Transient

LINE = 64 * 1024
LONG_LINE = 16 * 1024 * 1024
_LITERALS = 1000
_ANNOUNCED = re.compile(rb"~?\{(\d{1,20})\+?\}$")
_STATUS = (b"* OK", b"* NO", b"* BA", b"* BY", b"* PR")


class Skipped:
    """A literal that was not kept; `size` in octets."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Skipped) and other.size == self.size

    def __hash__(self) -> int:
        return hash(self.size)

    def __repr__(self) -> str:
        return f"Skipped({self.size})"


Piece = bytes | Skipped
Pieces = list[Piece]


class Framer:
    """Cuts the octets of one connection into responses: text, literal, text, … each ending with a text."""

    __slots__ = ("_chunks", "_keep", "_length", "_need", "_partial", "_pieces", "_size", "budget", "line_limit",
                 "literal_limit")  # fmt: skip

    def __init__(self) -> None:
        self._partial: list[bytes] = []
        self._pieces: Pieces = []
        self._length = 0
        self._chunks: list[bytes] = []
        self._need = self._size = 0
        self._keep = False
        self.allow()

    def allow(self, literal: int = LINE, budget: int = 1024 * 1024, line: int = LINE) -> None:
        """The limits of what follows, in octets; set before a command is sent."""
        self.literal_limit, self.budget, self.line_limit = literal, budget, line

    @property
    def clean(self) -> bool:
        """Whether nothing of a next response has arrived."""
        return not (self._partial or self._pieces or self._need)

    def feed(self, data: bytes) -> list[Pieces]:
        """The responses that are complete now.

        Raises `Transient` if a limit is passed; the connection is of no use then.
        """
        complete: list[Pieces] = []
        position, end = 0, len(data)
        while position < end:
            if self._need:
                position = self._literal(data, position, end)
                continue
            cut = data.find(b"\n", position)
            if cut < 0:
                self._partial.append(data[position:])
                self._grow(end - position)
                break
            line = data[position:cut]
            self._grow(cut - position)
            position = cut + 1
            if self._partial:
                self._partial.append(line)
                line = b"".join(self._partial)
                self._partial = []
            if line[-1:] == b"\r":
                line = line[:-1]
            if line[-1:] == b"}" and self._announces(line):
                continue
            self._pieces.append(line)
            complete.append(self._pieces)
            self._pieces = []
            self._length = 0
        return complete

    def _grow(self, octets: int) -> None:
        self._length += octets
        if self._length > self.line_limit:
            raise Transient(f"The server sent a line of more than {self.line_limit} octets.", code="4.5.0")

    def _announces(self, line: bytes) -> bool:
        """Begin a literal if the line announces one. Human text may end in braces as well, and announces nothing."""
        if not self._pieces and (line[:2] != b"* " or line[:4].upper() in _STATUS):
            return False
        found = _ANNOUNCED.search(line)
        if not found:
            return False
        size = int(found[1])
        if size >= 1 << 32:
            raise Transient(f"The server announced a literal of {size} octets.", code="4.5.0")
        if len(self._pieces) >= 2 * _LITERALS:
            raise Transient("The server sent a response of too many literals.", code="4.5.0")
        self._pieces.append(line[: found.start()])
        self._keep = size <= self.literal_limit and size <= self.budget
        if self._keep:
            self.budget -= size
        self._need = self._size = size
        if not size:
            self._pieces.append(b"")
        return True

    def _literal(self, data: bytes, position: int, end: int) -> int:
        take = min(self._need, end - position)
        self._need -= take
        if not self._keep:
            if not self._need:
                self._pieces.append(Skipped(self._size))
        elif self._need:
            self._chunks.append(data[position : position + take])
        elif self._chunks:
            self._chunks.append(data[position : position + take])
            self._pieces.append(b"".join(self._chunks))
            self._chunks = []
        else:
            self._pieces.append(data[position : position + take])
        return position + take
