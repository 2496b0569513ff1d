"""The MIME structure of a message as offsets into its octets (RFC 2045, 2046): which leaf lies where.

Guarantees for any octets: no recursion, no copy of a body, at most `PARTS_LIMIT` parts read (the others counted),
`NESTING_LIMIT` levels opened and `_SCAN_LIMIT` octets looked at in all; what lies deeper is one leaf, whole. Forgives a
missing or wrong boundary, unclosed and nested multiparts that lose their end. Never decodes a body and never looks
into an embedded message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from postroom.mail.content_fields import content_type, parameterised
from postroom.mail.fields import Header, read_header

NESTING_LIMIT = 200
PARTS_LIMIT = 4_000
_SCAN_LIMIT = 1 << 30
_HIT_COST = 200  # octets that looking at one candidate for a delimiter counts for
_PART_HEADER_LIMIT = 65_536

_DELIMITER_END = re.compile(rb"(--)?[ \t]*+(?:\r*+\n|\r?\Z)")
_GUESS = re.compile(rb"^--([^\s][^\r\n]{0,199}?)[ \t]*\r?\n(?=content-)", re.IGNORECASE | re.MULTILINE)
_GUESS_WITHIN = 65_536
_TOKEN = re.compile(r"[a-z0-9-]+")


@dataclass(slots=True)
class Part:
    """One entity: `octets[start:end]` is its body. `type` is like "text/plain"; `whole` means: not opened."""

    type: str
    parameters: dict[str, str]
    fields: dict[str, bytes]
    start: int
    end: int
    entity: int
    level: int = 0
    parent: Part | None = None
    alternative: Part | None = None
    related: bool = False
    encrypted: bool = False
    report: bool = False
    whole: bool = False
    stray: bool = False
    _disposition: tuple[str, dict[str, str]] | None = field(default=None, repr=False)

    @property
    def disposition(self) -> str:
        """ "attachment", "inline" or ""."""
        return self._read_disposition()[0]

    @property
    def file_name(self) -> str:
        """The name that the sender gave, decoded, not safe."""
        return self._read_disposition()[1].get("filename") or self.parameters.get("name", "")

    @property
    def encoding(self) -> str:
        raw = self.fields.get("content-transfer-encoding")
        found = _TOKEN.search(raw[:200].decode("ascii", "replace").lower()) if raw else None
        return found[0] if found else ""

    def _read_disposition(self) -> tuple[str, dict[str, str]]:
        if self._disposition is None:
            raw = self.fields.get("content-disposition")
            self._disposition = parameterised(raw) if raw else ("", {})
        return self._disposition


def make_part(header: Header, entity: int, end: int, parent: Part | None) -> Part:
    """The part that a header describes; `entity` is where its header starts."""
    fields: dict[str, bytes] = {}
    for name, value in header.fields:
        if name[:1] in "Cc":
            fields.setdefault(name.lower(), value)
    digest = parent is not None and parent.type == "multipart/digest"
    kind, parameters = content_type(fields.get("content-type"), "message/rfc822" if digest else "text/plain")
    part = Part(kind, parameters, fields, min(header.body, end), end, entity, 0, parent)
    if parent is not None:
        part.level = parent.level + 1
        part.alternative = parent if parent.type == "multipart/alternative" else parent.alternative
        part.related = parent.related or parent.type == "multipart/related"
        part.encrypted = parent.encrypted or parent.type == "multipart/encrypted"
        part.report = parent.report or parent.type == "multipart/report"
    return part


class Walk:
    """Opens a root part: iterate for the leaves in order; then `defects`, `containers` and `passed_over` hold."""

    def __init__(self, octets: bytes, root: Part) -> None:
        self.octets = octets
        self.root = root
        self.defects: list[str] = []
        self.containers: list[Part] = []
        self.passed_over = 0
        self._parts = 0
        self._scanned = 0

    def __iter__(self) -> Iterator[Part]:
        pending = [self.root]
        while pending:
            part = pending.pop()
            if not part.type.startswith("multipart/"):
                yield part
                continue
            if part.level >= NESTING_LIMIT or self._scanned > _SCAN_LIMIT:
                part.whole = True
                deep = f"Parts are nested deeper than {NESTING_LIMIT} levels"
                costly = "The structure costs too much to read"
                self.defects.append(f"{costly if part.level < NESTING_LIMIT else deep}: the rest is kept whole.")
                yield part
                continue
            self.containers.append(part)
            children = self._children(part)
            if children:
                pending.extend(reversed(children))
            elif part.start < part.end:
                part.stray = True
                yield part

    def _children(self, part: Part) -> list[Part]:
        boundary = part.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")
        ranges = self._split(part, boundary) if boundary else []
        if not ranges:
            guess = _GUESS.search(self.octets, part.start, min(part.end, part.start + _GUESS_WITHIN))
            ranges = self._split(part, guess[1]) if guess and guess[1] != boundary else []
            what = "has no part" if boundary else "names no boundary"
            self.defects.append(f"A {part.type} {what}{': the boundary was guessed' if ranges else ''}.")
        children = []
        for start, end in ranges:
            header = read_header(self.octets, start, end, _PART_HEADER_LIMIT)
            self.defects += header.defects
            children.append(make_part(header, start, end, part))
        return children

    def _split(self, part: Part, boundary: bytes) -> list[tuple[int, int]]:
        """The ranges between the delimiter lines of `boundary` within the part's body."""
        octets, end, delimiter = self.octets, part.end, b"--" + boundary
        ranges: list[tuple[int, int]] = []
        begun = -1
        position = part.start
        while (found := octets.find(delimiter, position, end)) >= 0:
            self._scanned += found - position + _HIT_COST
            position = found + len(delimiter)
            if self._scanned > _SCAN_LIMIT:
                break
            if found > part.start and octets[found - 1] not in b"\r\n":
                continue
            tail = _DELIMITER_END.match(octets, position, end)
            if tail is None:
                continue
            if begun >= 0:
                ranges.append((begun, max(begun, _before_line_end(octets, found, begun))))
                self._parts += 1
            if tail[1]:
                return ranges
            begun = position = tail.end()
            if self._parts >= PARTS_LIMIT or self._scanned > _SCAN_LIMIT:
                delimiters = octets.count(b"\n" + delimiter, position, end)
                self.passed_over += 1 + delimiters - octets.count(b"\n" + delimiter + b"--", position, end)
                return ranges
        self._scanned += max(0, end - position)
        if begun >= 0:
            self.defects.append(f"A {part.type} is not closed.")
            ranges.append((begun, end))
            self._parts += 1
        return ranges


def _before_line_end(octets: bytes, position: int, least: int) -> int:
    """Where the line before `position` ends, without its CRLF: that belongs to the delimiter."""
    if position > least and octets[position - 1] == 0x0A:
        position -= 1
    if position > least and octets[position - 1] == 0x0D:
        position -= 1
    return position
