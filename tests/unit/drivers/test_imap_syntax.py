"""Strings, mailbox names, sets and dates of IMAP."""

from __future__ import annotations

import imapclient.imap_utf7 as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.conf.errors import Transient
from postroom.drivers.protocols.imap_syntax import Literal, expand, internal_date_ms, mailbox_name, string, uid_sets


@given(st.sets(st.integers(1, (1 << 32) - 1), max_size=300))
def test_sets_name_the_same_uids_on_short_lines(uids: set[int]) -> None:
    sets = list(uid_sets(uids, 100))
    assert all(len(text) <= 100 for text in sets)
    assert sorted(uid for text in sets for uid in expand(text, 1000)) == sorted(uids)


def test_sets_are_compressed() -> None:
    assert list(uid_sets([3, 1, 2, 7, 9, 10])) == [b"1:3,7,9:10"]
    assert list(uid_sets([])) == []


@pytest.mark.parametrize("text", [b"1:4294967295", b"x", b"1,,2", b"1:*", b"99999999999", b"4294967295,9999999999"])
def test_a_hostile_set_is_refused(text: bytes) -> None:
    with pytest.raises(Transient):
        expand(text, 10_000)


def test_strings_are_quoted_or_literal() -> None:
    assert string('a "b" \\') == b'"a \\"b\\" \\\\"'
    assert isinstance(string("naïve"), Literal)
    assert isinstance(string("a\r\nb"), Literal)
    with pytest.raises(ValueError, match="NUL"):
        string("a\0")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_mailbox_names_are_modified_utf7(name: str) -> None:
    coded = mailbox_name(name)
    assert not isinstance(coded, Literal)
    plain = coded[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    assert oracle.decode(plain) == name


def test_dates() -> None:
    assert internal_date_ms(b"17-Jul-1996 02:44:25 -0700") == 837596665000
    assert internal_date_ms(b" 7-Jul-1996 02:44:25 +0000") == 836707465000
    for bad in (b"", b"31-Foo-2020 00:00:00 +0000", b"99-Jan-99999 00:00:00 +0000", None, 5, b"x" * 100):
        assert internal_date_ms(bad) is None


@given(st.binary(max_size=40))
def test_any_date_is_read_or_not(text: bytes) -> None:
    internal_date_ms(text)
