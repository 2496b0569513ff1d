"""What of a text is the answer, what is quoted, what is signature: a view, for folding, that never loses anything.

The spans follow one another and together are the whole text. In doubt a line belongs to the reply: an answer written
between the lines of a quote is kept whole, and where nothing else is left the quote itself is what the author meant
to show. Own rules, in linear time; the marks of many languages are in `quote_marks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from postroom.mail import quote_marks

Kind = Literal["reply", "quoted", "signature"]

_SIGNATURE_LINES = 15
_MOST_LINES = 50_000  # what stands below is shown as it is


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is of this kind."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReplyView:
    """`reply`, `quoted` and `signature` are what the spans of each kind hold, one after the other, as it stands."""

    reply: str
    quoted: str
    signature: str
    spans: tuple[Span, ...]


@dataclass(slots=True)
class _Block:
    """Lines `start` to `end` (not included): quoted, or not; `headed` by a line like "Ann wrote:"."""

    start: int
    end: int
    quoted: bool
    headed: bool = False


def split_reply(text: str) -> ReplyView:
    """The view of a text. Never raises; `"".join(text[s.start:s.end] for s in view.spans) == text`."""
    lines = text.splitlines(keepends=True)
    kinds = _kinds([line.rstrip("\r\n") for line in lines[:_MOST_LINES]])
    kinds += ["reply"] * (len(lines) - len(kinds))
    spans: list[Span] = []
    position = 0
    for line, kind in zip(lines, kinds, strict=True):
        end = position + len(line)
        if spans and spans[-1].kind == kind:
            spans[-1] = Span(kind, spans[-1].start, end)
        else:
            spans.append(Span(kind, position, end))
        position = end
    parts = {
        kind: "".join(text[s.start : s.end] for s in spans if s.kind == kind)
        for kind in ("reply", "quoted", "signature")
    }
    return ReplyView(parts["reply"], parts["quoted"], parts["signature"], tuple(spans))


def _kinds(lines: list[str]) -> list[Kind]:
    kinds: list[Kind] = ["reply"] * len(lines)
    blocks = _blocks(lines)
    own: list[_Block] = []  # the blocks with words of the author's own
    for block in blocks:
        if block.quoted:
            continue
        signature = _signature(lines, block)
        kinds[signature : block.end] = ["signature"] * (block.end - signature)
        if any(line.strip() for line in lines[block.start : signature]):
            own.append(_Block(block.start, signature, quoted=False))
    if not own:
        return ["reply"] * len(lines)
    for block in blocks:
        # Quoted is what stands below the last own words, or above the first under a header of its own.
        # Quotes between own words are answered line by line.
        if block.quoted and (block.start >= own[-1].end or (block.end <= own[0].start and block.headed)):
            kinds[block.start : block.end] = ["quoted"] * (block.end - block.start)
    for index in range(own[0].start, own[-1].end):
        if kinds[index] == "signature" and len(own) > 1:
            kinds[index] = "reply"  # words follow: it was no signature
    return kinds


def _blocks(lines: list[str]) -> list[_Block]:
    """The text as alternating quoted and other blocks; empty lines go with the block before them."""
    blocks: list[_Block] = []
    index = plain_from = 0

    def add(start: int, end: int, *, headed: bool) -> None:
        if plain_from < start:
            blocks.append(_Block(plain_from, start, quoted=False))
        blocks.append(_Block(start, end, quoted=True, headed=headed))

    while index < len(lines):
        line = lines[index]
        if not line.strip():
            index += 1
            continue
        if quote_marks.is_quoted(line):
            end = _quote_end(lines, index)
            add(index, end, headed=False)
            index = plain_from = end
            continue
        if quote_marks.separator(line) or quote_marks.header_block(lines, index):
            add(_with_rule_above(lines, index, plain_from), len(lines), headed=True)
            return blocks
        count, sure = quote_marks.quote_header(lines, index)
        if count:
            after = _next_filled(lines, index + count)
            if after < len(lines) and quote_marks.is_quoted(lines[after]):
                end = _quote_end(lines, after)
                add(index, end, headed=True)
                index = plain_from = end
                continue
            if sure and any(lines[line_number].strip() for line_number in range(index)):
                add(_with_rule_above(lines, index, plain_from), len(lines), headed=True)
                return blocks
        index += 1
    if plain_from < len(lines):
        blocks.append(_Block(plain_from, len(lines), quoted=False))
    return blocks


def _quote_end(lines: list[str], start: int) -> int:
    """Where a quote ends: after its last marked line, and the empty lines that follow."""
    end = start
    while end < len(lines) and (not lines[end].strip() or quote_marks.is_quoted(lines[end])):
        end += 1
    return end


def _next_filled(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _with_rule_above(lines: list[str], index: int, least: int) -> int:
    """A rule drawn above a quoted message belongs to it."""
    above = index
    while above > least and not lines[above - 1].strip():
        above -= 1
    return above - 1 if above > least and quote_marks.rule(lines[above - 1]) else index


def _signature(lines: list[str], block: _Block) -> int:
    """The line where the signature at the end of a block begins; the block's end if there is none."""
    end = block.end
    while end > block.start and _empty_at_the_end(lines[end - 1]):
        end -= 1
    begins = _next_filled(lines, end) if end < block.end else end  # empty lines stay with the words above them
    begins = min(begins, block.end)
    filled = 0
    for index in range(end - 1, block.start - 1, -1):
        if quote_marks.signature_delimiter(lines[index]):
            begins = index
        elif lines[index].strip():
            filled += 1
            if filled > _SIGNATURE_LINES:
                break
    return begins


def _empty_at_the_end(line: str) -> bool:
    return not line.strip() or quote_marks.device_footer(line) or quote_marks.drawn(line)
