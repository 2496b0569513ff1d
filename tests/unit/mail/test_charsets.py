"""Charsets: declared, else UTF-8, else guessed, else windows-1252; never anything that is no charset."""

from __future__ import annotations

import encodings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.charsets import codec_for, decode


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf_8"),
        (' "utf8" ', "utf_8"),
        ("charset=ISO-8859-1", "cp1252"),
        ("iso-8859-15", "iso8859_15"),
        ("iso8859-2", "iso8859_2"),
        ("windows-1251", "cp1251"),
        ("CP-1252", "cp1252"),
        ("koi8-r", "koi8_r"),
        ("ISO-8859-8-I", "iso8859_8"),
        ("big5", "big5hkscs"),
        ("macintosh", "mac_roman"),
        ("us-ascii", "utf_8"),
        ("UTF-16LE", "utf_16_le"),
        ("", None),
        (None, None),
        ("x-unknown", None),
        ("idna", None),
        ("punycode", None),
        ("unicode_escape", None),
        ("base64", None),
        ("rot13", None),
        ("mbcs", None),
        ("é" * 100, None),
    ],
)
def test_names(declared: str | None, codec: str | None) -> None:
    assert codec_for(declared) == codec


def test_every_codec_of_the_table_exists() -> None:
    for name in ("x-sjis", "windows-949", "iso-8859-11", "x-mac-cyrillic", "koi8-u", "cp874", "hz", "johab", "ansi"):
        codec = codec_for(name)
        assert codec is not None
        assert b"abc".decode(codec) == "abc"


def test_the_order() -> None:
    assert decode("Grüße".encode("cp1252"), "cp1252") == "Grüße"
    assert decode("Grüße".encode(), "us-ascii") == "Grüße"
    assert decode("Grüße".encode()) == "Grüße"
    assert decode("Grüße".encode("cp1252")) == "Grüße"
    russian = "Добрый день, пришлите пожалуйста счёт за прошлый месяц ещё раз."
    assert decode(russian.encode("cp1251")) == russian
    assert decode(russian.encode("koi8-r"), "utf-8") == russian


def test_bad_octets_of_a_known_charset_are_marked() -> None:
    assert decode("你好".encode("gb18030") + b"\xff!", "gb2312") == "你好\ufffd!"


def test_utf_16_that_is_none() -> None:
    assert decode(b"plain words", "utf-16") == "plain words"
    assert decode("words".encode("utf-16"), "utf-16") == "words"


def test_mark_and_nul_go() -> None:
    assert decode(b"\xef\xbb\xbfa\0b") == "ab"


def test_invented_names_leave_no_trace() -> None:
    cache: dict[str, object] = encodings._cache  # type: ignore[attr-defined]  # the leak that is tested for
    before = len(cache)
    for number in range(100):
        decode(b"x", f"invented-{number}")
    assert len(cache) <= before + 1


@given(
    st.binary(max_size=200),
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["utf-7", "utf-16", "hz", "gb2312"])),
)
def test_any_octets_in_any_charset(octets: bytes, declared: str | None) -> None:
    text = decode(octets, declared)
    assert "\0" not in text
    text.encode("utf-8")
