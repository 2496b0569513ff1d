"""Hostile octets: no exception, bounded results, nothing that a database or a file system refuses."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postroom.mail.message import Message
from postroom.mail.parse import parse
from unit.mail.parse_samples import FOLDER, mapi, multipart, tnef

SAMPLES = [path.read_bytes() for path in sorted(FOLDER.glob("*.eml"))]
FRAGMENTS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b" ",
    b"\t",
    b"\0",
    b":",
    b";",
    b'"',
    b"<",
    b">",
    b"(",
    b"=",
    b"--",
    b"--b",
    b"--b--",
    b"From: ",
    b"To: ",
    b"Subject: ",
    b"Date: ",
    b"References: ",
    b"Content-Type: ",
    b"multipart/mixed; boundary=b",
    b"multipart/signed",
    b"multipart/encrypted; boundary=b",
    b"message/rfc822",
    b"application/ms-tnef",
    b"text/html",
    b"text/plain; charset=utf-7; format=flowed",
    b"Content-Transfer-Encoding: base64",
    b"quoted-printable",
    b"=?utf-8?q?=C3?=",
    b"filename*0*=utf-8''%E2",
    b"<a href='x'>",
    b"<pre>",
    b"</",
    b"<!--",
    b"&#xD800;",
    b"begin 644 a\n",
    b"\nend\n",
    b"+2AA-",
    b"\xff\xfe",
    b"\x1b$B",
    b"\x78\x9f\x3e\x22",
    b"abc",
    b"A@b.example",
    b"=ybegin ",
    b"-----BEGIN PGP MESSAGE-----",
]


def storable(message: Message) -> None:
    """Whatever came in: texts that UTF-8 and PostgreSQL take, bounded lists, names that are safe."""
    texts = [
        message.subject,
        message.text,
        message.html,
        message.message_id,
        message.return_path or "",
        message.content_type,
    ]
    texts += [*message.in_reply_to, *message.references, *message.defects, message.report_type]
    texts += [text for field in message.headers for text in field]
    for address in (*message.authors, *message.to, *message.cc, *message.reply_to):
        texts += [address.name, address.address]
    for attachment in message.attachments:
        texts += [attachment.name, attachment.content_type, attachment.content_id]
        assert isinstance(attachment.octets, bytes)
        assert attachment.size >= 0
        assert 0 < len(attachment.name.encode()) <= 255
        assert "/" not in attachment.name
        assert "\\" not in attachment.name
        assert attachment.name[0] != "."
        assert attachment.name.isprintable()
    for text in texts:
        text.encode("utf-8")
        assert "\0" not in text
    assert all("\n" not in value and "\r" not in value for _, value in message.headers)
    assert message.engine == "mime"


@given(st.binary(max_size=2_000))
@example(b"")
@example(b"\0" * 100)
@example(b"\r\r\r\n\r\n")
@settings(max_examples=300, deadline=None)
def test_any_octets_give_a_message(octets: bytes) -> None:
    message = parse(octets)
    storable(message)
    assert message.size == len(octets)


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=5)), max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_mixture_of_mail_like_fragments_gives_a_message(parts: list[bytes]) -> None:
    octets = b"".join(parts)
    storable(parse(octets))
    storable(parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + octets, embedded=False))


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=300, deadline=None)
def test_any_piece_of_a_message_gives_a_message(octets: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, len(octets)))
    cut = data.draw(st.binary(max_size=3))
    storable(parse(octets[:start]))
    storable(parse(octets[start:end]))
    storable(parse(octets[:start] + cut + octets[end:]))


def test_a_type_that_is_none_is_read_as_the_nearest() -> None:
    octets = multipart(b"\r\nHello").replace(b"multipart/mixed", b"multipart/al\0ter native*")
    assert (parse(octets).content_type, parse(octets).text) == ("multipart/mixed", "Hello")
    assert parse(b"Content-Type: text\n\nHello").content_type == "text/plain"


def test_no_octets() -> None:
    message = parse(b"")
    assert (message.text, message.headers, message.defects) == ("", [], ("The message is empty.",))


def test_text_without_a_header() -> None:
    assert parse(b"Just words,\r\nno header.\r\n").text == "Just words,\nno header.\n"
    assert parse(b"Thanks: that was it").text == "Thanks: that was it"


def test_from_line_of_an_mbox() -> None:
    message = parse(b"From a@example.org Mon Mar  4 10:00:00 2024\r\nSubject: x\r\n\r\nbody")
    assert (message.subject, message.text) == ("x", "body")


def test_a_folded_line_without_indentation_loses_no_header() -> None:
    message = parse(b"Subject: a long\nsubject\nFrom: a@example.org\nContent-Type: text/html\n\n<p>Hello")
    assert (message.subject, message.text) == ("a long subject", "Hello")
    assert message.author is not None


def test_body_without_an_empty_line_before() -> None:
    message = parse(b"From: a@example.org\nSubject: x\nHello there,\nhow are you?\n\nBye\n")
    assert message.text == "Hello there,\nhow are you?\n\nBye\n"


def test_a_bare_cr_makes_no_field() -> None:
    message = parse(b"Subject: a\rBcc: victim@example.org\r\nFrom: a@example.org\r\n\r\nx")
    assert message.header("bcc") is None
    assert message.subject == "a Bcc: victim@example.org"


def test_encoded_line_ends_make_no_field() -> None:
    message = parse(b"Subject: =?utf-8?q?a=0D=0ABcc:_x@example.org?=\n\nx")
    assert message.subject == "a Bcc: x@example.org"


def test_header_bombs() -> None:
    many = parse(b"X-A: b\r\n" * 50_000 + b"\r\nbody")
    assert len(many.headers) == 2_000
    assert many.text == "body"
    assert any("2000 fields" in defect for defect in many.defects)
    long = parse(b"From: a@example.org\r\nSubject: " + b"a" * 3_000_000 + b"\r\n\r\nbody")
    assert 65_000 < len(dict(long.headers)["Subject"]) <= 65_536
    assert long.text == "body"


def test_200_levels_are_opened_and_deeper_ones_kept_whole() -> None:
    def nested(levels: int) -> bytes:
        heads = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
        return b"".join(heads) + b"\r\nat the bottom\r\n"

    assert parse(nested(200)).text.strip() == "at the bottom"
    deep = parse(nested(5_000))
    assert deep.text == ""
    assert [(each.kind, each.content_type) for each in deep.attachments] == [("file", "multipart/mixed")]
    assert b"at the bottom" in deep.attachments[0].octets
    assert any("200 levels" in defect for defect in deep.defects)


def test_1000_attachments_and_too_many() -> None:
    part = b"Content-Type: image/png; name=x.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"
    assert len(parse(multipart(*[part] * 1_000)).attachments) == 1_000
    many = parse(multipart(*[part] * 10_000))
    assert len(many.attachments) == 2_000
    assert "8000 more parts are not listed." in many.defects


def test_large_texts_are_cut() -> None:
    text = parse(b"Subject: x\n\n" + b"word " * 3_000_000)
    assert len(text.text) == 10_485_760
    html = parse(b"Content-Type: text/html\n\n" + b"<p>word " * 2_000_000)
    assert len(html.html) == 10_485_760
    assert any("10 MiB" in defect for defect in html.defects)


def test_an_attachment_is_decoded_only_when_read() -> None:
    content = bytes(range(256)) * 4_000
    head = b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    attachment = parse(multipart(b"\r\nx", head + base64.encodebytes(content).rstrip())).attachments[0]
    assert not isinstance(attachment.content, bytes)
    assert attachment.size == len(content)
    assert attachment.octets == content


@pytest.mark.parametrize(
    "name",
    [
        b"../../etc/passwd",
        b"C:\\Windows\\x.exe",
        b"/abs/x",
        b".htaccess",
        b"a\0b\x1b.txt",
        b"=?utf-8?q?=E2=80=AEgpj.exe?=",
        b"..",
        b"",
    ],
)
def test_names_are_safe(name: bytes) -> None:
    head = b'Content-Type: application/octet-stream; name="' + name.replace(b"\\", b"\\\\") + b'"'
    storable(parse(multipart(b"\r\nx", head + b"\r\n\r\ny")))


def test_identical_boundaries_at_two_levels_and_prefixes() -> None:
    inner = b"Content-Type: multipart/alternative; boundary==b=\r\n\r\n--=b=\r\n\r\ninner"
    assert "inner" in parse(multipart(inner)).text
    longer = b'Content-Type: multipart/mixed; boundary="=b=="\r\n\r\n--=b==\r\n\r\none\r\n--=b==\r\n\r\ntwo\r\n--=b==--'
    assert parse(multipart(longer, b"\r\nthree")).text == "one\ntwo\nthree"


def test_unclosed_inner_multipart_ends_with_the_outer_delimiter() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none"
    message = parse(multipart(inner, b"Content-Type: image/png\r\n\r\nPNG"))
    assert message.text == "one"
    assert message.attachments[0].octets == b"PNG"


def test_hostile_tnef() -> None:
    head = b"Content-Type: application/ms-tnef\r\n\r\n"
    counts = tnef(
        (0x9003, b"\xff\xff\xff\xff\x03\x10\x01\x00\xff\xff\xff\xff"), (0x9004, b"\xff\xff\xff\xff" + b"\0" * 20)
    )
    for content in (
        counts,
        b"\x78\x9f\x3e\x22",
        b"",
        b"\x78\x9f\x3e\x22\x01\x00" + b"\0" * 100_000,
        tnef((0x9005, mapi()[:2])),
    ):
        message = parse(multipart(b"\r\nx", head + content))
        assert message.attachments[0].kind == "tnef"
        storable(message)
