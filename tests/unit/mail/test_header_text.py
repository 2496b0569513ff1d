"""Header values: unfolding, RFC 2047 and what senders make of it, one safe line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.header_text import VALUE_LIMIT, header_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" plain words \r\n", "plain words"),
        (b"folded\r\n\tover lines", "folded over lines"),
        (b"=?iso-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        (b"=?utf-8?q?a_b?=", "a b"),
        (b"=?UTF-8?B?w6Q=?=\r\n =?utf-8?b?w7Y=?=", "äö"),
        (b"=?utf-8?Q?a?= =?utf-8?Q?b?= c", "ab c"),
        (b"=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?Q?with spaces inside?=", "with spaces inside"),
        (b'"=?utf-8?q?=C3=A4?=" <a@example.org>', '"ä" <a@example.org>'),
        (b"=?utf-8?B?w6Q?=", "ä"),
        (b"=?nonsense?Q?=E4bc?=", "äbc"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?Q?unclosed", "=?utf-8?Q?unclosed"),
        (b"=?utf-8?Q?a=0Ab=00c?=", "a bc"),
        ("Frösche".encode(), "Frösche"),
        ("Frösche".encode("latin-1"), "Frösche"),
        (b"=?iso-8859-1?Q?Fr" + b"\xf6sche?=", "Frösche"),
        (b"a\0b\x07c", "a b c"),
        (b"", ""),
    ],
)
def test_values(raw: bytes, text: str) -> None:
    assert header_text(raw) == text


def test_a_value_is_bounded() -> None:
    assert len(header_text(b"a" * 1_000_000)) == VALUE_LIMIT
    assert len(header_text("a" * 1_000_000)) == VALUE_LIMIT


@given(
    st.one_of(
        st.binary(),
        st.lists(st.sampled_from([b"=?", b"utf-8", b"?q?", b"?B?", b"?=", b"=C3", b" ", b"\r\n"])).map(b"".join),
    )
)
def test_any_octets_make_one_line(raw: bytes) -> None:
    text = header_text(raw)
    assert not set(text) & set("\r\n\0")
    text.encode("utf-8")
