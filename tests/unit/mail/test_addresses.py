"""Addresses as senders write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.addresses import ADDRESSES_LIMIT, parse_addresses


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("joe@example.org", [("", "joe@example.org")]),
        ("<joe@example.org>", [("", "joe@example.org")]),
        ("Joe Q. Public <john.q.public@example.com>", [("Joe Q. Public", "john.q.public@example.com")]),
        ('"Public, Joe" <joe@example.org>', [("Public, Joe", "joe@example.org")]),
        (r'"Giant; \"Big\" Box" <box@example.net>', [('Giant; "Big" Box', "box@example.net")]),
        ("joe@example.org (Joe Public)", [("Joe Public", "joe@example.org")]),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [("Pete", "pete@silly.test")]),
        ("a@example.org, B <b@example.org>", [("", "a@example.org"), ("B", "b@example.org")]),
        ("a@example.org; b@example.org", [("", "a@example.org"), ("", "b@example.org")]),
        ("Group: Ed <ed@example.org>,joe@where.test;", [("Ed", "ed@example.org"), ("", "joe@where.test")]),
        ("undisclosed-recipients:;", []),
        ('"john smith"@example.org', [("", '"john smith"@example.org')]),
        ('Joe <"a@b"@example.org>', [("Joe", '"a@b"@example.org')]),
        ("<@relay.test,@b.test:joe@example.org>", [("", "joe@example.org")]),
        ("jürgen@münchen.example", [("", "jürgen@münchen.example")]),
        ("=?utf-8?Q?M=C3=BCller=2C_Eva?= <eva@example.org>", [("Müller, Eva", "eva@example.org")]),
        ('"=?utf-8?Q?M=C3=BCller?=" <eva@example.org>', [("Müller", "eva@example.org")]),
        ("'Eva' <eva@example.org>", [("Eva", "eva@example.org")]),
        ("Eva eva@example.org", [("Eva", "eva@example.org")]),
        ("eva@example.org <>", [("", "eva@example.org")]),
        ("joe@[192.0.2.1]", [("", "joe@[192.0.2.1]")]),
        ("Eva <mailto:eva@example.org>", [("Eva", "eva@example.org")]),
        ("Eva (work <eva@example.org>", [("Eva ( work", "eva@example.org")]),
        ('"Eva <eva@example.org>', [("Eva", "eva@example.org")]),
        ("Eva <eva@example.org", [("Eva", "eva@example.org")]),
        ("<eva @ example . org>", [("", "eva@example.org")]),
        ("=?utf-8?Q?Joe_=3Cjoe@example.org=3E?=", [("Joe", "joe@example.org")]),
        ("root", []),
        ("", []),
        (",;,<>,()", []),
    ],
)
def test_written_so(value: str, wanted: list[tuple[str, str]]) -> None:
    found = [(each.name, each.address) for each in parse_addresses(value)]
    assert found == wanted


def test_an_encoded_comma_makes_no_second_address() -> None:
    found = parse_addresses("=?utf-8?Q?ceo@example.org,_x?= <thief@evil.test>")
    assert [each.address for each in found] == ["thief@evil.test"]


def test_there_is_a_limit() -> None:
    assert len(parse_addresses("a@b.test," * 5_000)) == ADDRESSES_LIMIT
    assert parse_addresses("a" * 400 + "@example.org") == ()


@given(st.one_of(st.text(), st.lists(st.sampled_from([*'"<>(),;:@\\. ', "a", "b.c", "=?utf-8?q?=2C?="])).map("".join)))
def test_any_text(value: str) -> None:
    for each in parse_addresses(value):
        assert "@" in each.address
        assert each.address.isprintable()
        assert each.name.isprintable()
