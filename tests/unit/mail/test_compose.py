"""What is composed can be read back by anybody, and no value can break out of its field."""

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.conf.errors import Permanent
from postroom.mail.compose import Draft, acknowledgement_headers, compose
from postroom.mail.domains import ascii_domain
from postroom.mail.header_encoding import one_line, wire_address
from postroom.mail.message import Address, Attachment
from postroom.mail.parse import parse

SUPPORT = Address("Support", "support@example.com")
ANN = Address("Ann", "ann@customer.test")


def draft(**changes: Any) -> Draft:
    base: dict[str, Any] = {
        "author": SUPPORT,
        "to": (ANN,),
        "subject": "Re: order",
        "text": "Hello\n",
        "message_id": "abc@example.com",
        "date_ms": 1_700_000_000_000,
    }
    return Draft(**{**base, **changes})


def read(octets: bytes) -> Message:
    """By the standard library, and only if it is well formed on the wire."""
    assert octets.isascii()
    assert octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r")
    header, _, body = octets.partition(b"\r\n\r\n")
    assert max(map(len, header.split(b"\r\n"))) <= 600
    assert max(map(len, body.split(b"\r\n"))) <= 998
    return message_from_bytes(octets)


def decoded(value: str) -> str:
    return str(make_header(decode_header(value.replace("\r\n", ""))))


def test_plain_text() -> None:
    octets = compose(draft(in_reply_to="x@a.test", references=("w@a.test", "x@a.test"), language="en"))
    assert octets == (
        b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        b"From: Support <support@example.com>\r\n"
        b"To: Ann <ann@customer.test>\r\n"
        b"Subject: Re: order\r\n"
        b"Message-ID: <abc@example.com>\r\n"
        b"In-Reply-To: <x@a.test>\r\n"
        b"References: <w@a.test> <x@a.test>\r\n"
        b"Content-Language: en\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hello\r\n"
    )


def test_the_same_draft_gives_the_same_octets() -> None:
    whole = draft(html="<p>Hello</p>", attachments=(Attachment("a.txt", "text/plain", b"x"),))
    assert compose(whole) == compose(whole)
    assert compose(whole) != compose(draft(html="<p>Hello</p>", message_id="other@example.com"))


def test_an_acknowledgement_says_what_it_is() -> None:
    message = read(compose(draft(headers=acknowledgement_headers())))
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Precedence"] is None


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: evil@x.test", "a\nBcc: evil@x.test", "a\rBcc: e@x.test", "a\0b", "a\r\n\r\nbody"]
)
def test_no_value_begins_a_field(evil: str) -> None:
    octets = compose(
        draft(
            subject=evil,
            author=Address(evil, "support@example.com"),
            to=(Address(evil, "ann@customer.test"),),
            language=evil,
            in_reply_to=evil,
            references=(evil, "ok@a.test"),
            headers=(("X-Note", evil),),
            html="<p>x</p>",
            charset=evil,
            attachments=(
                Attachment(evil, evil, b"x", content_id=evil, inline=True),
                Attachment(evil, f"text/{evil}", b"x", content_id=evil),
            ),
        )
    )
    message = read(octets)
    assert message["Bcc"] is None
    assert b"\0" not in octets
    assert [name for name in message if name not in EXPECTED] == []
    assert message["References"] == "<ok@a.test>"
    assert message["In-Reply-To"] is None


EXPECTED = {"Date", "From", "To", "Subject", "Message-ID", "References", "X-Note", "MIME-Version", "Content-Type"}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@x.test",
        "ann@",
        "a\r\nb@x.test",
        "ann@x\r\ny",
        "ann@x.test>",
        "a" * 400 + "@x.test",
        "ann@x..test",
        "ann@-x",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Permanent) as refused:
        compose(draft(to=(Address("Ann", address),)))
    assert refused.value.code in ("5.1.2", "5.1.3")


def test_addresses_on_the_wire() -> None:
    assert wire_address("ann@bücher.example") == "ann@xn--bcher-kva.example"
    assert wire_address("ann@faß.example") == "ann@xn--fa-hia.example"
    assert wire_address("john doe@x.test") == '"john doe"@x.test'
    assert wire_address('"john doe"@x.test') == '"john doe"@x.test'
    assert wire_address("a<b>c@x.test") == '"a<b>c"@x.test'
    assert wire_address("ann@[192.0.2.1]") == "ann@[192.0.2.1]"
    with pytest.raises(Permanent) as refused:
        wire_address("jörg@x.test")
    assert refused.value.code == "5.6.7"


@pytest.mark.parametrize(
    "name", ["", "X Y", "X:Y", "X\r\nBcc", "Bcc", "bcc", "From", "Content-Type", "É", "MIME-Version"]
)
def test_field_names_that_are_refused(name: str) -> None:
    with pytest.raises(Permanent):
        compose(draft(headers=((name, "x"),)))


@pytest.mark.parametrize("message_id", ["", "a", "a b@c", "a@b>\r\nBcc: x", "<a@b>", "ä@b"])
def test_message_ids_that_are_refused(message_id: str) -> None:
    with pytest.raises(Permanent):
        compose(draft(message_id=message_id))


def test_transfer_encodings() -> None:
    assert read(compose(draft(text="x" * 998)))["Content-Transfer-Encoding"] == "7bit"
    assert read(compose(draft(text="x" * 999)))["Content-Transfer-Encoding"] == "quoted-printable"
    assert read(compose(draft(text="x" * 100, longest_line=78)))["Content-Transfer-Encoding"] == "quoted-printable"
    assert read(compose(draft(text="Grüße an alle im Büro von uns")))["Content-Transfer-Encoding"] == "quoted-printable"
    assert read(compose(draft(text="我的订单在哪里")))["Content-Transfer-Encoding"] == "base64"
    assert read(compose(draft(text="a\0b")))["Content-Transfer-Encoding"] == "quoted-printable"
    assert read(compose(draft(text="a\n--=_forged--\n")))["Content-Transfer-Encoding"] == "quoted-printable"


def test_charsets() -> None:
    latin = read(compose(draft(text="Grüße an alle im Büro von uns", charset="iso-8859-1")))
    assert latin.get_content_charset() == "iso-8859-1"
    assert latin.get_payload(decode=True) == "Grüße an alle im Büro von uns\r\n".encode("iso-8859-1")
    for unfit in ("us-ascii", "utf-16", "no-such-charset", "idna", "rot13", "hex", "unicode_escape"):
        message = read(compose(draft(text="Grüße € 我", charset=unfit)))
        assert message.get_content_charset() == "utf-8"
        assert message.get_payload(decode=True) == "Grüße € 我\r\n".encode(), unfit


def test_structure_with_images_and_files() -> None:
    forwarded = compose(draft(subject="the original"))
    message = read(
        compose(
            draft(
                html='<p>Hello <img src="cid:logo@x"></p>',
                attachments=(
                    Attachment("logo.png", "image/png", b"\x89PNG", inline=True, content_id="logo@x"),
                    Attachment("Rechnung für Öl.pdf", "application/pdf", bytes(range(256)) * 100),
                    Attachment("original.eml", "message/rfc822", forwarded, kind="message"),
                    Attachment("8bit.eml", "message/rfc822", b"Subject: \xff\r\n\r\nx", kind="message"),
                ),
            )
        )
    )
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
        "message/rfc822",
        "text/plain",
        "application/octet-stream",
    ]
    parts = list(message.walk())
    assert parts[5]["Content-ID"] == "<logo@x>"
    assert parts[6].get_filename() == "Rechnung für Öl.pdf"
    assert parts[6].get_payload(decode=True) == bytes(range(256)) * 100
    assert parts[7].get_payload()[0]["Subject"] == "the original"  # type: ignore[index]  # a list of one
    assert parts[9].get_payload(decode=True) == b"Subject: \xff\r\n\r\nx"


def test_html_alone() -> None:
    assert read(compose(draft(text="", html="<p>x</p>"))).get_content_type() == "text/html"


TEXTS = st.text(st.characters(codec="utf-8"), max_size=400)
NAMES = st.text(st.characters(codec="utf-8"), max_size=120)


@settings(max_examples=300, deadline=None)
@given(
    subject=NAMES,
    name=NAMES,
    text=TEXTS,
    html=TEXTS,
    files=st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=3),
)
def test_what_is_composed_can_be_read(
    subject: str, name: str, text: str, html: str, files: list[tuple[str, bytes]]
) -> None:
    attachments = tuple(Attachment(file_name, "application/x-test", octets) for file_name, octets in files)
    octets = compose(
        draft(
            subject=subject, to=(Address(name, "ann@customer.test"), ANN), text=text, html=html, attachments=attachments
        )
    )
    message = read(octets)
    assert decoded(message["Subject"]) == one_line(subject)
    modern = message_from_bytes(octets, policy=policy.SMTP)
    assert isinstance(modern, EmailMessage)
    written = getaddresses([message["To"].replace("\r\n", "")])
    assert [address for _, address in written] == ["ann@customer.test", "ann@customer.test"]
    assert decoded(written[0][0]) == one_line(name)
    parts = [part for part in message.walk() if not part.is_multipart()]
    got = [part.get_payload(decode=True) for part in parts if part.get_content_type() == "application/x-test"]
    assert got == [octets for _, octets in files]
    got_names = [part.get_filename() for part in parts if part.get_content_type() == "application/x-test"]
    assert got_names == [one_line(file_name).strip() or "attachment" for file_name, _ in files]
    if text.strip():
        assert lines(parts[0].get_payload(decode=True)) == lines(text.encode())
    if html:
        page = next(part for part in parts if part.get_content_type() == "text/html")
        assert lines(page.get_payload(decode=True)) == lines(html.encode())


def lines(octets: Any) -> bytes:
    """Whatever the line ends are, and whether the last line has one."""
    return bytes(octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n"))


@given(st.text(max_size=80))
def test_any_domain_is_written_or_refused(text: str) -> None:
    try:
        written = ascii_domain(text)
    except Permanent:
        return
    assert written.isascii()
    assert written.isprintable()
    assert " " not in written


@given(st.text(max_size=80), st.text(max_size=20))
def test_any_address_is_written_or_refused(local: str, domain: str) -> None:
    try:
        octets = compose(draft(to=(Address(local, f"{local}@{domain}"),)))
    except Permanent:
        return
    assert read(octets)["Bcc"] is None
    assert len(getaddresses([read(octets)["To"].replace("\r\n", "")])) == 1


@settings(max_examples=200, deadline=None)
@given(subject=NAMES, name=NAMES, text=TEXTS, files=st.lists(st.binary(max_size=300), max_size=3))
def test_our_own_parser_reads_it_back(subject: str, name: str, text: str, files: list[bytes]) -> None:
    attachments = tuple(
        Attachment(f"file-{number}.bin", "application/x-test", octets) for number, octets in enumerate(files)
    )
    message = parse(
        compose(
            draft(
                subject=subject,
                to=(Address(name, "ann@customer.test"),),
                text=text,
                attachments=attachments,
                in_reply_to="x@a.test",
                references=("w@a.test", "x@a.test"),
            )
        )
    )
    assert message.subject.split() == one_line(subject).split()
    assert message.to[0].address == "ann@customer.test"
    assert message.to[0].name.split() == one_line(name).split()
    assert (message.message_id, message.in_reply_to) == ("abc@example.com", ("x@a.test",))
    assert message.references == ("w@a.test", "x@a.test")
    assert message.date_ms == 1_700_000_000_000
    assert [attachment.octets for attachment in message.attachments] == files
    if text.isprintable():
        assert message.text.strip() == text.strip()
