"""Date fields and message ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.dates import date_ms
from postroom.mail.message_ids import message_ids
from postroom.mail.parse import parse

MONDAY = 1_709_546_400_000


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("Mon, 4 Mar 2024 10:00:00 +0000", MONDAY),
        ("Mon, 04 Mar 2024 11:00:00 +0100 (CET)", MONDAY),
        ("4 Mar 2024 05:00 -0500", MONDAY),
        ("Mon, 4 Mar 2024 10:00:00 GMT", MONDAY),
        ("Mon, 4 Mar 2024 05:00:00 EST", MONDAY),
        ("Mon, 4 Mar 2024 10:00:00", MONDAY),
        ("Mon Mar  4 10:00:00 2024", MONDAY),
        ("Mon, 4 Mar 24 10:00:00 +0000", MONDAY),
        ("Fri, 31 Feb 2024 10:00:00 +0000", None),
        ("Mon, 4 Mar 99999 10:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(value: str, wanted: int | None) -> None:
    assert date_ms(value) == wanted


@given(st.one_of(st.text(), st.from_regex(r"\d{1,3} (Jan|Foo) \d{1,6} \d+:\d+(:\d+)? [+-]?\d{0,6}")))
def test_any_date(value: str) -> None:
    found = date_ms(value)
    assert found is None or 0 <= found < 253_402_300_800_000


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"<a@b>", ("a@b",)),
        (b"<a@b> <c@d>\r\n <e@f>", ("a@b", "c@d", "e@f")),
        (b"<a@b><a@b>", ("a@b",)),
        (b"<a@\r\n b>", ("a@b",)),
        (b"Your message of Monday <a@b> (x)", ("a@b",)),
        (b"a@b", ("a@b",)),
        (b"<a@b", ("a@b",)),
        (b"a@b c@d", ("a@b", "c@d")),
        (b"see my mail to a@b", ()),
        (b"<" + b"a" * 10_000 + b"@b>", ()),
        (b"<a\0@b>", ()),
        (b"<>", ()),
        (None, ()),
    ],
)
def test_message_ids(raw: bytes | None, wanted: tuple[str, ...]) -> None:
    assert message_ids(raw) == wanted


def test_of_many_references_the_root_and_the_last_count() -> None:
    ids = message_ids(b" ".join(b"<%d@x>" % number for number in range(500)))
    assert len(ids) == 100
    assert (ids[0], ids[1], ids[-1]) == ("0@x", "401@x", "499@x")


@pytest.mark.parametrize("written", [b"<a b@c>", b"<a@\r\n c>", b"<" + b"x" * 2_000 + b"@y>", b"<ok@y>"])
def test_an_id_is_the_same_in_every_field(written: bytes) -> None:
    message = parse(b"Message-ID: " + written + b"\nIn-Reply-To: " + written + b"\nReferences: " + written + b"\n\nx")
    ids = (message.message_id,) if message.message_id else ()
    assert message.in_reply_to == message.references == ids
