"""Where well-known parsers disagree or lose mail: each case, and what ours makes of it."""

from __future__ import annotations

import pytest

from postroom.mail.parse import parse
from unit.mail.parse_samples import multipart


@pytest.mark.parametrize("kind", [b"message/delivery-status", b"message/disposition-notification", b"x-unknown/y"])
def test_a_part_of_a_strange_type_is_an_attachment(kind: bytes) -> None:
    message = parse(multipart(b"\r\nHello", b"Content-Type: " + kind + b"\r\n\r\nA: b", kind=b"report"))
    assert message.text == "Hello"
    assert [each.content_type for each in message.attachments] == [kind.decode()]
    assert message.attachments[0].octets == b"A: b"


def test_unknown_charset_is_guessed() -> None:
    message = parse("Content-Type: text/plain; charset=x-nonsense\n\nGrüße".encode())
    assert message.text == "Grüße"


def test_broken_address_and_date_fields_harm_nothing() -> None:
    message = parse(b'From: "@ [<>(\nTo: =?utf-8?q?=\nDate: Thu, 99 Foo 2024 99:99:99 +9999\nSubject: x\n\nHello')
    assert (message.subject, message.text, message.date_ms, message.authors) == ("x", "Hello", None, ())


def test_one_broken_base64_part_harms_no_other() -> None:
    good = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg=="
    bad = b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsD\x00BB*!Q"
    message = parse(multipart(b"\r\nHello", bad, good))
    assert message.text == "Hello"
    assert message.attachments[0].octets.startswith(b"PK\x03")
    assert message.attachments[1].octets == b"%PDF"


def test_raw_8_bit_in_the_header_is_kept() -> None:
    octets = "Subject: Die Hasen und die Frösche\nFrom: Jörg Müller <j@example.org>\n\nx".encode("latin-1")
    message = parse(octets)
    assert message.subject == "Die Hasen und die Frösche"
    assert message.authors[0].name == "Jörg Müller"


def test_the_body_charset_reads_raw_8_bit_in_the_header() -> None:
    subject = "黄山旅游天天发".encode("gb2312")
    message = parse(b"Subject: " + subject + b"\nContent-Type: text/plain; charset=gb2312\n\nx")
    assert message.subject == "黄山旅游天天发"


def test_bad_encoded_word_is_decoded_as_far_as_it_goes() -> None:
    message = parse(b"Subject: =?utf-8?B?SGVsbG8*?= =?utf-8?B?A?= =?foo\n\nx")
    assert message.subject == "Hello =?foo"


@pytest.mark.parametrize("boundary", [b"", b'; boundary="=b="'])
def test_lines_ended_by_cr_alone(boundary: bytes) -> None:
    octets = multipart(b"Content-Type: text/plain\r\n\r\nHello", b"Content-Type: image/png\r\n\r\nPNG")
    message = parse(octets.replace(b'; boundary="=b="', boundary).replace(b"\r\n", b"\r"))
    assert message.subject == "parts"
    assert message.text == "Hello"
    assert [each.content_type for each in message.attachments] == ["image/png"]
    assert "The lines end with a bare CR." in message.defects


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\r\n\r\n", b"\n", b"\r"])
def test_header_without_a_body(ending: bytes) -> None:
    message = parse(b"From: a@example.org\r\nSubject: only a header" + ending)
    assert (message.subject, message.text, message.author and message.author.address) == (
        "only a header",
        "",
        "a@example.org",
    )


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: text/plain; name=notes.txt",
        b"Content-Type: text/plain\r\nContent-Disposition: inline; filename=notes.txt",
        b"Content-Type: text/plain\r\nContent-Disposition: attachment",
    ],
)
def test_text_with_a_name_or_said_to_be_one_is_an_attachment(head: bytes) -> None:
    message = parse(multipart(b"\r\nThe body", head + b"\r\n\r\nThe notes"))
    assert message.text == "The body"
    assert [each.octets for each in message.attachments] == [b"The notes"]


def test_named_text_is_read_where_there_is_no_other() -> None:
    message = parse(multipart(b"Content-Type: text/plain; name=body.txt\r\n\r\nAll there is"))
    assert message.text == "All there is"
    assert len(message.attachments) == 1
    assert parse(b"Subject: x\nContent-Type: text/plain; name=a.txt\n\nAll there is").text == "All there is"


def test_multipart_without_boundary_is_recovered_or_kept_as_text() -> None:
    octets = multipart(b"Content-Type: text/plain\r\n\r\nHello")
    recovered = parse(octets.replace(b'; boundary="=b="', b""))
    assert recovered.text == "Hello"
    assert any("names no boundary" in defect for defect in recovered.defects)
    kept = parse(b"Subject: x\nContent-Type: multipart/mixed\n\nJust words.\n")
    assert kept.text == "Just words.\n"


def test_wrong_boundary_is_recovered() -> None:
    message = parse(multipart(b"Content-Type: text/plain\r\n\r\nHello").replace(b'"=b="', b'"other"'))
    assert message.text == "Hello"


def test_children_of_a_digest_are_messages() -> None:
    message = parse(multipart(b"\r\nSubject: First\r\n\r\none", b"\r\nSubject: Second\r\n\r\ntwo", kind=b"digest"))
    assert [(each.kind, each.name) for each in message.attachments] == [
        ("message", "First.eml"),
        ("message", "Second.eml"),
    ]
    assert message.text == ""


def test_a_character_split_between_encoded_words() -> None:
    assert parse(b"Subject: =?utf-8?Q?=C3?=\r\n =?UTF-8?Q?=B8l?=\n\nx").subject == "øl"
    assert parse(b"Subject: =?utf-8?B?w4Y=?= =?utf-8?B?w6Y=?= =?iso-8859-1?q?_=E6?= x\n\nx").subject == "Ææ æ x"
    assert parse(b"Subject: =?gb2312?B?u8Y=?= =?gb2312?B?yb0=?=\n\nx").subject == "黄山"


@pytest.mark.parametrize(
    ("declared", "actual", "text"),
    [
        ("GB2312", "gb18030", "朱镕基 €"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("shift_jis", "cp932", "①②㈱"),
        ("iso-8859-1", "cp1252", "“Zwölf” €"),
        ("us-ascii", "utf-8", "Grüße"),
        ("iso-2022-jp", "iso2022_jp", "こんにちは"),
        ("unicode-1-1-utf-7", "utf-7", "Grüße"),
    ],
)
def test_charsets_that_mean_more_than_they_say(declared: str, actual: str, text: str) -> None:
    message = parse(f"Content-Type: text/plain; charset={declared}\n\n".encode() + text.encode(actual))
    assert message.text == text


def test_yenc_is_marked() -> None:
    assert any("yEnc" in each for each in parse(b"Subject: x\n\n=ybegin line=128 size=1 name=a\nx\n=yend\n").defects)
