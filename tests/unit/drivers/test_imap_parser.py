"""IMAP octets to responses: however they are split, whatever they hold."""

from __future__ import annotations

from itertools import pairwise

import imapclient.response_parser as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.conf.errors import Transient
from postroom.drivers.protocols import imap_parser
from postroom.drivers.protocols.imap_framing import Framer, Skipped
from postroom.drivers.protocols.imap_parser import Continuation, Data, Fetch, Numbered, Status, parse

BODY = b"From: a@example.com\r\n\r\nP1 OK fake\r\n* BYE fake\r\n{5}\r\n"
STREAM = (
    b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n"
    b"* 1 FETCH (UID 7 BODY[] {%d}\r\n%b)\r\n"
    % (len(BODY), BODY)
    + b"* 2 FETCH (BODY[] {3}\r\nabc UID 8 FLAGS (\\Seen $x))\r\n"
    b"* 3 FETCH (UID 9 BODY[] NIL)\r\n"
    b'* 4 FETCH (UID 10 BODY[] "quoted \\"body\\"")\n'
    b"* 5 FETCH (UID 11 BODY[] {0}\r\n)\r\n"
    b'* 6 FETCH (UID 12 RFC822.SIZE 34 INTERNALDATE "17-Jul-2026 02:44:25 -0700")\r\n'
    b'* 7 FETCH (UID 13 ENVELOPE (NIL "smile :-( and (" NIL ((NIL NIL "a" "b"))) BODY[]<0> ~{2}\r\nxy)\r\n'
    b"* 8 FETCH (UID 14 BODY[] {9}\r\n123456789)\r\n"
    b"* 12 EXISTS\r\n* 3 EXPUNGE\r\n* SEARCH 1 2 3\r\n+ idling\r\n\x00\xff garbage\r\n"
    b"* OK [ALERT] braces {5}\r\n"
    b"P2 OK\r\nP3 NO [UNAVAILABLE] later\r\n"
)
RESPONSES = [
    Status(b"", "OK", "CAPABILITY", b"IMAP4rev1 IDLE", b"ready"),
    Fetch(1, {b"UID": b"7", b"BODY[]": BODY}),
    Fetch(2, {b"BODY[]": b"abc", b"UID": b"8", b"FLAGS": [b"\\Seen", b"$x"]}),
    Fetch(3, {b"UID": b"9", b"BODY[]": None}),
    Fetch(4, {b"UID": b"10", b"BODY[]": b'quoted "body"'}),
    Fetch(5, {b"UID": b"11", b"BODY[]": b""}),
    Fetch(6, {b"UID": b"12", b"RFC822.SIZE": b"34", b"INTERNALDATE": b"17-Jul-2026 02:44:25 -0700"}),
    Fetch(
        7,
        {
            b"UID": b"13",
            b"ENVELOPE": [None, b"smile :-( and (", None, [[None, None, b"a", b"b"]]],
            b"BODY[]<0>": b"xy",
        },
    ),
    Fetch(8, {b"UID": b"14", b"BODY[]": b"123456789"}),
    Numbered(12, "EXISTS"),
    Numbered(3, "EXPUNGE"),
    Data("SEARCH", b"1 2 3"),
    Continuation(b"idling"),
    None,
    Status(b"", "OK", "ALERT", b"", b"braces {5}"),
    Status(b"P2", "OK"),
    Status(b"P3", "NO", "UNAVAILABLE", b"", b"later"),
]


def test_a_conversation_is_read() -> None:
    assert [parse(pieces) for pieces in Framer().feed(STREAM)] == RESPONSES


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=60))
def test_any_split_gives_the_same_responses(cuts: list[int]) -> None:
    framer = Framer()
    ordered = [0, *sorted(cuts), len(STREAM)]
    found = []
    for start, end in pairwise(ordered):
        found += [parse(pieces) for pieces in framer.feed(STREAM[start:end])]
    assert found == RESPONSES
    assert framer.clean


def test_octet_by_octet_gives_the_same_responses() -> None:
    framer = Framer()
    found = [parse(pieces) for octet in STREAM for pieces in framer.feed(bytes([octet]))]
    assert found == RESPONSES


HOSTILE = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b"* 1 FETCH (", b")\r\n", b"{3}\r\n", b'"', b"\\", b"BODY[", b"]", b"(" * 25, b"UID 1 ",
                         b"NIL", b"* ", b"+ ", b"P1 OK [", b"\r\n", b"\n", b"{0}\r\n", b"~{1+}\r\n", b"* SEARCH "]),
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@given(HOSTILE)
def test_random_octets_are_a_response_nothing_or_a_clear_error(octets: bytes) -> None:
    try:
        for pieces in Framer().feed(octets + b"\r\n"):
            parse(pieces)
    except Transient:
        pass


@given(HOSTILE)
def test_the_quick_way_reads_as_the_general_way(octets: bytes) -> None:
    pieces = Framer().feed(b"* 1 FETCH " + octets.replace(b"\n", b"") + b"\r\n")
    for found in pieces:
        first = found[0]
        if isinstance(first, bytes) and isinstance(parse(found), Fetch):
            start = len(first) - len(first[len(b"* 1 FETCH") :].lstrip(b" "))
            assert parse(found) == imap_parser._general_fetch(1, found, start)


NAMES = st.sampled_from([b"UID", b"RFC822.SIZE", b"BODY[]", b"INTERNALDATE", b"X-GM-MSGID", b"BODY[HEADER]"])
PLAIN_VALUES = st.one_of(
    st.integers(0, 1 << 32).map(lambda n: b"%d" % n), st.text("ab c(){}", max_size=9).map(lambda t: f'"{t}"'.encode())
)


@given(st.lists(st.tuples(NAMES, PLAIN_VALUES), max_size=5), st.none() | st.binary(max_size=20))
def test_plain_fetches_read_the_same_both_ways(items: list[tuple[bytes, bytes]], body: bytes | None) -> None:
    text = b" ".join(name + b" " + value for name, value in items)
    if body is not None:
        text += (b" " if text else b"") + b"BODY[] {%d}\r\n" % len(body) + body
    (pieces,) = Framer().feed(b"* 1 FETCH (" + text + b")\r\n")
    assert parse(pieces) == imap_parser._general_fetch(1, pieces, len(b"* 1 FETCH "))
    assert parse(pieces) is not None


@pytest.mark.parametrize(
    "line",
    [
        b'1 (UID 12 RFC822.SIZE 34 INTERNALDATE "17-Jul-2026 02:44:25 -0700")',
        b"2 (FLAGS (\\Seen custom) UID 5)",
        b'3 (UID 5 X-NESTED (NIL "a (b" NIL ((NIL NIL "c" "d"))))',
    ],
)
def test_the_oracle_agrees(line: bytes) -> None:
    number, _, rest = line.partition(b" ")
    expected = oracle.parse_fetch_response([line])
    found = parse([b"* " + number + b" FETCH " + rest])
    assert isinstance(found, Fetch)
    (uid,) = expected
    assert found.items[b"UID"] == b"%d" % uid
    assert set(found.items) | {b"SEQ"} == set(expected[uid]) | {b"UID"}
    if b"FLAGS" in found.items:
        assert tuple(found.items[b"FLAGS"] or ()) == expected[uid][b"FLAGS"]
    if b"RFC822.SIZE" in found.items:
        assert found.items[b"RFC822.SIZE"] == b"%d" % expected[uid][b"RFC822.SIZE"]


@given(st.binary(max_size=200))
def test_the_oracle_agrees_about_literals(body: bytes) -> None:
    expected = oracle.parse_fetch_response([(b"1 (UID 5 BODY[] {%d}" % len(body), body), b" FLAGS ())"])
    stream = b"* 1 FETCH (UID 5 BODY[] {%d}\r\n%b FLAGS ())\r\n" % (len(body), body)
    (found,) = [parse(pieces) for pieces in Framer().feed(stream)]
    assert isinstance(found, Fetch)
    assert found.items[b"BODY[]"] == expected[5][b"BODY[]"]


def test_a_huge_literal_is_refused_before_it_comes() -> None:
    with pytest.raises(Transient, match="99999999999"):
        Framer().feed(b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n")


def test_a_literal_over_the_limit_is_counted_not_kept() -> None:
    framer = Framer()
    framer.allow(literal=10, budget=15)
    stream = b"* 1 FETCH (UID 1 BODY[] {11}\r\n12345678901)\r\n" + b"* 2 FETCH (UID 2 BODY[] {9}\r\n123456789)\r\n" * 2
    found = [parse(framed) for octet in stream for framed in framer.feed(bytes([octet]))]
    bodies = [fetch.items[b"BODY[]"] for fetch in found if isinstance(fetch, Fetch)]
    assert bodies == [Skipped(11), b"123456789", Skipped(9)]


def test_a_line_without_end_is_refused() -> None:
    framer = Framer()
    for _ in range(65):
        framer.feed(b"x" * 1000)
    with pytest.raises(Transient):
        framer.feed(b"x" * 1000)


def test_literals_without_end_are_refused() -> None:
    with pytest.raises(Transient):
        Framer().feed(b"* 1 FETCH (" + b"{1}\r\nx" * 5000)


def test_nesting_has_a_limit() -> None:
    assert parse([b"* 1 FETCH (UID 1 X " + b"(" * 5000 + b")" * 5000 + b")"]) is None
    assert isinstance(parse([b"* 1 FETCH (UID 1 X " + b"(" * 15 + b")" * 15 + b")"]), Fetch)


@pytest.mark.parametrize(
    "text", [b"[" * 60_000, b'"' + b"\\" * 60_000, b"1" * 60_000, b"A 1" * 20_000, b"a[ " * 20_000]
)
def test_hostile_lines_cost_no_time(text: bytes) -> None:
    """They'd run into the test's timeout if the cost were quadratic."""
    for _ in range(20):
        parse([b"* 1 FETCH (" + text])
