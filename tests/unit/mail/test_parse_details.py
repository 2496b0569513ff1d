"""The small readers of the parser: file names, parameters, transfer encodings, flowed text, TNEF, protection."""

from __future__ import annotations

import binascii
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mail.content_fields import parameterised
from postroom.mail.file_names import safe_name
from postroom.mail.flowed import unflow
from postroom.mail.parse import parse
from postroom.mail.tnef import open_tnef
from postroom.mail.transfer import EncodedOctets, decode_transfer
from unit.mail.parse_samples import mapi, multipart, tnef


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.doc", "a.doc"),
        ("..hidden", "hidden"),
        ("a\r\nb\0.txt", "a b.txt"),
        ("a \x1b\rb.txt", "a b.txt"),
        ("a\ue000b.txt", "ab.txt"),
        ("\u202egpj.exe", "gpj.exe"),
        ('a:b|c?"d".txt', "a_b_c__d_.txt"),
        ("  ", "default"),
        ("...", "default"),
        ("/", "default"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("ä" * 300 + ".pdf", "ä" * 125 + ".pdf"),
    ],
)
def test_file_names(wanted: str, name: str) -> None:
    assert safe_name(wanted, "default") == name


@given(st.text())
def test_any_file_name(wanted: str) -> None:
    name = safe_name(wanted, "default")
    assert 0 < len(name.encode("utf-8")) <= 255
    assert name == safe_name(name, "default")
    assert name.isprintable()


@pytest.mark.parametrize(
    ("raw", "value", "parameters"),
    [
        (b'text/plain; charset="utf-8"', "text/plain", {"charset": "utf-8"}),
        (b"TEXT/Plain; Charset=UTF-8; format=flowed", "text/plain", {"charset": "UTF-8", "format": "flowed"}),
        (b"text/plain charset=utf-8", "text/plain", {"charset": "utf-8"}),
        (b"attachment; filename=a b.pdf; size=1", "attachment", {"filename": "a b.pdf", "size": "1"}),
        (b'attachment; filename="a;b \\"c\\".pdf"', "attachment", {"filename": 'a;b "c".pdf'}),
        (b'attachment; filename="C:\\temp\\x.pdf"', "attachment", {"filename": "C:\\temp\\x.pdf"}),
        (b"attachment; filename*=utf-8''%E2%82%AC.pdf; filename=e.pdf", "attachment", {"filename": "€.pdf"}),
        (b'attachment; filename*0="a;"; filename*1=b.pdf', "attachment", {"filename": "a;b.pdf"}),
        (b"attachment; filename*1*=%AC.pdf; filename*0*=utf-8''%E2%82", "attachment", {"filename": "€.pdf"}),
        (b"attachment; filename==?utf-8?Q?=E2=82=AC.pdf?=", "attachment", {"filename": "€.pdf"}),
        (b"attachment; filename=" + "Größe.pdf".encode("latin-1"), "attachment", {"filename": "Größe.pdf"}),
        (b"attachment; filename=" + "Größe.pdf".encode(), "attachment", {"filename": "Größe.pdf"}),
        (b'multipart/mixed; boundary="unclosed', "multipart/mixed", {"boundary": "unclosed"}),
        (b"", "", {}),
        (b";;;", "", {}),
    ],
)
def test_parameters(raw: bytes, value: str, parameters: dict[str, str]) -> None:
    assert parameterised(raw) == (value, parameters)


@given(
    st.lists(st.sampled_from([b";", b"=", b'"', b"\\", b"a", b"*0", b"*", b"'", b"%E2", b" ", b"(", b"utf-8''"])).map(
        b"".join
    )
)
def test_any_parameters(raw: bytes) -> None:
    parameterised(raw)


@pytest.mark.parametrize(
    ("encoded", "encoding", "octets"),
    [
        (b"SGVsbG8=", "base64", b"Hello"),
        (b"SGVs\r\nbG8=\r\n", "base64", b"Hello"),
        (b"SGVsbG8", "base64", b"Hello"),
        (b"SGVs*bG8=\x00", "base64", b"Hello"),
        (b"SGVsbG8=SGVsbG8=", "base64", b"HelloHello"),
        (b"SGVsbG8=\r\n-- \r\nA list's footer\r\n", "base64", b"Hello"),
        (b"SGVsbG8gA", "base64", b"Hello "),
        (b"====", "base64", b""),
        (b"a=C3=A4=\r\nb=", "quoted-printable", b"a\xc3\xa4b"),
        (b"=ZZ", "quoted-printable", b"=ZZ"),
        (b"begin 644 x\n#0V%T\n`\nend\n", "x-uuencode", b"Cat"),
        (b"as it is", "x-unknown", b"as it is"),
    ],
)
def test_transfer_encodings(encoded: bytes, encoding: str, octets: bytes) -> None:
    assert decode_transfer(encoded, encoding) == octets


@given(st.binary(max_size=300), st.integers(4, 90))
def test_size_of_base64_is_exact(octets: bytes, width: int) -> None:
    encoded = binascii.b2a_base64(octets, newline=False)
    lines = b"\r\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))
    assert EncodedOctets(lines, 0, len(lines), "base64").size == len(octets)
    assert EncodedOctets(lines, 0, len(lines), "base64").decode() == octets


@given(st.binary(), st.sampled_from(["base64", "quoted-printable", "uuencode", ""]))
def test_any_octets_of_any_encoding(octets: bytes, encoding: str) -> None:
    encoded = EncodedOctets(octets, 0, len(octets), encoding)
    encoded.decode()
    assert encoded.size >= 0


def test_text_that_is_no_base64_is_kept() -> None:
    message = parse(b"Subject: x\nContent-Transfer-Encoding: base64\n\nThis is plainly no base64 at all.\n")
    assert message.text == "This is plainly no base64 at all.\n"
    assert any("base64" in defect for defect in message.defects)


@pytest.mark.parametrize(
    ("text", "delete_space", "wanted"),
    [
        ("a \nb\nc", False, "a b\nc"),
        ("a \nb", True, "ab"),
        ("> a \n> b\nc", False, "> a b\nc"),
        (">a \n>>b", False, "> a \n>> b"),
        (" >not a quote\n From here", False, ">not a quote\nFrom here"),
        ("a \n-- \nAnna", False, "a \n-- \nAnna"),
        ("", False, ""),
    ],
)
def test_flowed(text: str, delete_space: bool, wanted: str) -> None:
    assert unflow(text, delete_space=delete_space) == wanted


def test_tnef_gives_its_files_and_keeps_the_whole() -> None:
    title = mapi((0x1F, 0x3707, "Größe.pdf\0".encode("utf-16-le")), (0x1E, 0x370E, b"application/pdf\0"))
    stream = tnef(
        (0x9007, b"\xe4\x04\0\0\0\0\0\0"),
        *((0x9002, b"\0" * 14), (0x8010, b"GR_~1.PDF\0"), (0x800F, b"%PDF-1.4"), (0x9005, title)),
        *((0x9002, b"\0" * 14), (0x8010, b"b.txt\0"), (0x800F, b"words")),
    )
    head = b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    message = parse(multipart(b"\r\nHello", head + binascii.b2a_base64(stream)))
    assert [(each.name, each.kind, each.content_type) for each in message.attachments] == [
        ("winmail.dat", "tnef", "application/ms-tnef"),
        ("Größe.pdf", "file", "application/pdf"),
        ("b.txt", "file", "application/octet-stream"),
    ]
    assert [each.octets for each in message.attachments] == [stream, b"%PDF-1.4", b"words"]


def test_tnef_body_is_the_text_where_there_is_no_other() -> None:
    stream = tnef((0x9003, mapi((0x1E, 0x1000, b"the body\0"))))
    assert parse(multipart(b"Content-Type: application/ms-tnef\r\n\r\n" + stream)).text == "the body"


@given(st.binary(max_size=300))
def test_any_tnef(octets: bytes) -> None:
    open_tnef(octets)
    open_tnef(b"\x78\x9f\x3e\x22\x01\x00" + octets)
    open_tnef(tnef((0x9002, b""), (0x9005, octets), (0x9003, octets)))


@pytest.mark.parametrize(
    ("octets", "protection", "kinds"),
    [
        (
            multipart(
                b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1",
                b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n-----BEGIN PGP MESSAGE-----",
                kind=b'encrypted; protocol="application/pgp-encrypted"',
            ),
            "pgp-encrypted",
            ["encrypted", "encrypted"],
        ),
        (
            multipart(
                b"\r\nwords",
                b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nx",
                kind=b'signed; protocol="application/pkcs7-signature"',
            ),
            "smime-signed",
            ["signature"],
        ),
        (
            b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nx",
            "smime-encrypted",
            ["encrypted"],
        ),
        (b"Content-Type: application/x-pkcs7-mime; smime-type=signed-data\n\nx", "smime-signed", ["signature"]),
        (b"Subject: x\n\n-----BEGIN PGP MESSAGE-----\n...\n", "pgp-encrypted", []),
        (b"Subject: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\n...\n", "pgp-signed", []),
        (b"Subject: x\n\nHello\n", "", []),
    ],
)
def test_protection(octets: bytes, protection: str, kinds: list[str]) -> None:
    message = parse(octets)
    assert message.protection == protection
    assert [each.kind for each in message.attachments] == kinds


def test_embedded_message_left_shut() -> None:
    part = b'Content-Type: message/rfc822; name="old.eml"\r\n\r\nSubject: =?utf-8?q?=C3=A4?= b\r\n\r\ninner'
    assert parse(multipart(b"\r\nouter", part)).attachments[0].name == "ä b.eml"
    shut = parse(multipart(b"\r\nouter", part), embedded=False)
    assert (shut.text, shut.attachments[0].name, shut.attachments[0].kind) == ("outer", "old.eml", "message")


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Zs", "Cs", "Cn", "Co")),
    min_size=1,
    max_size=40,
)
LINES = st.lists(WORDS, min_size=1, max_size=5).map("\n".join)


@given(
    subject=WORDS,
    text=LINES,
    html=LINES,
    files=st.lists(st.tuples(WORDS, st.binary(max_size=100)), max_size=3),
    charset=st.sampled_from(["utf-8", "utf-7", "gb18030"]),
    cte=st.sampled_from(["base64", "quoted-printable"]),
)
@settings(max_examples=150, deadline=None)
def test_what_the_standard_library_writes_is_read(
    subject: str, text: str, html: str, files: list[tuple[str, bytes]], charset: str, cte: str
) -> None:
    written = EmailMessage()
    written["Subject"] = subject
    written["From"] = "Änne <anne@example.org>"
    written.set_content(text, charset=charset, cte=cte)
    written.add_alternative(f"<pre>{html.replace('&', '&amp;').replace('<', '&lt;')}</pre>", subtype="html")
    for name, octets in files:
        written.add_attachment(octets, maintype="application", subtype="pdf", filename=name)
    octets = written.as_bytes(policy=policy.SMTP)
    as_written = message_from_bytes(octets, policy=policy.default)
    message = parse(octets)
    assert message.subject == str(as_written["Subject"]).strip()
    assert message.authors[0].name == "Änne"
    assert message.text.rstrip("\n") == text.rstrip("\n")
    assert [each.octets for each in message.attachments] == [each for _, each in files]
    assert [each.size for each in message.attachments] == [len(each) for _, each in files]
    assert [each.name for each in message.attachments] == [
        safe_name(name, f"part-{number}.pdf") for number, (name, _) in enumerate(files, start=1)
    ]
