"""POP3 octets to replies: however they are split, exact to the octet."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.conf.errors import Transient
from postroom.drivers.protocols.pop3_parser import Pop3Parser, Reply, a_listing
from postroom.drivers.protocols.spool import Gathering

LINES = st.lists(
    st.one_of(st.binary(max_size=12), st.sampled_from([b".", b"..", b".\r", b"\n.\n", b"\r", b"\n", b"", b"\n.\r"])),
    max_size=12,
)


def stuffed(octets: bytes, end: bytes = b"\r\n") -> bytes:
    body = octets.replace(end + b".", end + b"..")
    return (b"." if body[:1] == b"." else b"") + body + b"." + end


def message() -> Gathering:
    return Gathering(Path("/nowhere"), 1 << 20)


def feed_all(parser: Pop3Parser, stream: bytes, cuts: list[int]) -> list[Reply]:
    ordered = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [
        reply for start, end in pairwise(ordered) for reply in (parser.feed(stream[start:end]) if end > start else [])
    ]


@given(LINES, LINES, st.lists(st.integers(0, 500), max_size=40))
def test_messages_are_exact_however_they_are_split(one: list[bytes], two: list[bytes], cuts: list[int]) -> None:
    """With CRLF, a bare LF is content: `\\n.\\n` ends nothing."""
    sent = [b"".join(line + b"\r\n" for line in lines) for lines in (one, two)]
    stream = b"+OK ready\r\n-ERR no\r\n" + b"".join(b"+OK\r\n" + stuffed(octets) for octets in sent) + b"+OK bye\r\n"
    parser = Pop3Parser()
    contents = [message(), message()]
    for content in (None, message(), *contents, None):
        parser.expect(content)
    replies = feed_all(parser, stream, cuts)
    assert [reply.ok for reply in replies] == [True, False, True, True, True]
    assert [content.finish()[0] for content in contents] == sent
    assert parser.clean


@given(st.lists(st.sampled_from([b"a", b".", b"..b", b"", b"c\rd", b"e\r"]), max_size=12), st.lists(st.integers(0, 99)))
def test_a_server_of_bare_line_feeds_is_understood(lines: list[bytes], cuts: list[int]) -> None:
    sent = b"".join(line + b"\n" for line in lines)
    parser, content = Pop3Parser(), message()
    parser.expect(content)
    parser.expect()
    replies = feed_all(parser, b"+OK\n" + stuffed(sent, b"\n") + b"+OK\n", cuts)
    assert [reply.ok for reply in replies] == [True, True]
    assert content.finish()[0] == sent


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_random_octets_are_replies_or_a_clear_error(octets: bytes, cuts: list[int]) -> None:
    parser = Pop3Parser()
    for content in (None, message(), a_listing()):
        parser.expect(content)
    try:
        for reply in feed_all(parser, b"+OK\r\n+OK\r\n" + octets, cuts):
            reply.listing()
    except Transient:
        pass


def test_a_listing_is_read() -> None:
    parser = Pop3Parser()
    parser.expect(a_listing())
    (reply,) = parser.feed(b"+OK 2\r\n1 abc\r\n2 def\r\n.\r\n")
    assert reply.listing() == b"1 abc\r\n2 def\r\n"


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400\r\n", b"x" * 9000, b"+OK\r\nmore\r\n", b"\r\n"])
def test_what_is_no_pop3_is_refused(octets: bytes) -> None:
    parser = Pop3Parser()
    parser.expect()
    with pytest.raises(Transient):
        parser.feed(octets)


def test_a_long_message_in_small_pieces_costs_no_time(tmp_path: Path) -> None:
    parser, content = Pop3Parser(), Gathering(tmp_path, 1 << 30, 1 << 30)
    parser.expect(content)
    parser.feed(b"+OK\r\n")
    for _ in range(20_000):
        parser.feed(b"x" * 1000)
    (reply,) = parser.feed(b"\r\n.\r\n")
    assert reply.ok
    assert content.size == 20_000_002
