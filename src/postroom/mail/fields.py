"""Where the header ends and which fields it holds (RFC 5322 section 2.2), from any octets.

Guarantees at most `FIELDS_LIMIT` fields of at most `VALUE_LIMIT` octets from at most `BLOCK_LIMIT` octets, in linear
time. Forgives: a "From " line of an mbox first, white space before the colon, a continuation line that lost its
indentation, a body that begins without an empty line. Never decodes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from postroom.mail.header_text import VALUE_LIMIT

BLOCK_LIMIT = 1_048_576
FIELDS_LIMIT = 2_000
_MENDED_LIMIT = 4_000

_END = re.compile(rb"\n\r*+\n")
_EMPTY_FIRST = re.compile(rb"\r*+\n")
_LINE = re.compile(rb"[^\n]*+(?:\n[ \t][^\n]*+)*+\n?")
_FIELD = re.compile(rb"([!-9;-~]{1,200}+)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")
_POSTMARK = re.compile(rb">?From [^\n]*\n")
_SURELY_FIELD = re.compile(
    rb"^(?:content-[a-z-]{1,40}|mime-version|from|to|cc|subject|date|message-id|reply-to|received|return-path|"
    rb"x-[!-9;-~]{1,60})[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_SURELY_TRANSPORTED = re.compile(
    rb"^(?:received|message-id|mime-version|return-path|delivered-to|content-type)[ \t]*:", re.IGNORECASE | re.MULTILINE
)


class Header(NamedTuple):
    """`fields` are (name as written, raw value); `body` is where the body starts."""

    fields: list[tuple[str, bytes]]
    body: int
    defects: list[str]


def read_header(octets: bytes, start: int, end: int, block_limit: int = BLOCK_LIMIT) -> Header:
    """The header that begins at `start` of the entity `octets[start:end]`."""
    defects: list[str] = []
    position = start
    while (found := _POSTMARK.match(octets, position, end)) and position - start < block_limit:
        position = found.end()
    if empty := _EMPTY_FIRST.match(octets, position, end):
        return Header([], empty.end(), defects)
    ending = _END.search(octets, position, end)
    block_end, body = (ending.start() + 1, ending.end()) if ending else (end, end)
    if ending is None and not _SURELY_FIELD.search(octets, position, min(block_end, position + block_limit)):
        return Header([], position, ["There is no header."])  # "Thanks: that was it", say
    if block_end - position > block_limit:
        block_end = position + block_limit
        defects.append("The header is longer than 1 MiB: the rest of it was not read.")
    fields: list[tuple[str, bytes]] = []
    last_sure = -1
    while position < block_end:
        field = _FIELD.match(octets, position, block_end)
        if field is not None:
            if len(fields) == FIELDS_LIMIT:
                defects.append(f"The header has more than {FIELDS_LIMIT} fields: the rest was not read.")
                break
            fields.append((field[1].decode("ascii"), field[2][:VALUE_LIMIT]))
            position = field.end()
            continue
        if last_sure < 0:
            sure = _SURELY_FIELD if fields else _SURELY_TRANSPORTED  # a text may begin like a header, quoted
            last_sure = max((found.start() for found in sure.finditer(octets, position, block_end)), default=0)
        if position >= last_sure:
            defects.append("The body begins without an empty line after the header.")
            return Header(fields, position, defects)
        defects[:] = ["The header has a line that is no field."]
        line = _LINE.match(octets, position, block_end)
        position = line.end() if line else block_end
        if line and fields and len(fields[-1][1]) + len(line[0]) < _MENDED_LIMIT:
            name, value = fields[-1]  # most often a folded line that lost its indentation
            fields[-1] = (name, value + b" " + line[0])
    return Header(fields, body, defects)
