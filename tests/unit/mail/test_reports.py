"""Reports of many mail systems, each written by us in its style, and those who only look alike."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mail.parse import parse
from postroom.mail.report_fields import read_groups, typed_address
from postroom.mail.reports import Report, ReportedRecipient, read_report

REPORTS = Path(__file__).parents[2] / "data" / "reports"
OURS = "0123456789abcdef@example.com"


def read(octets: bytes) -> Report | None:
    return read_report(parse(octets), octets)


def sample(name: str) -> Report:
    octets = (REPORTS / f"{name}.eml").read_bytes()
    report = read(octets)
    assert report == read(octets.replace(b"\n", b"\r\n"))
    assert report is not None
    return report


@pytest.mark.parametrize(
    "name", ["postfix", "exchange", "exim", "qmail", "global", "read_receipt", "abuse", "returned_only"]
)
def test_every_report_names_our_message(name: str) -> None:
    assert sample(name).original_message_ids[0] == OURS


def test_postfix() -> None:
    report = sample("postfix")
    assert (report.kind, report.certain) == ("delivery", True)
    words = "550 5.1.1 <ann.moved@customer.test>: Recipient address rejected: User unknown in virtual mailbox table"
    assert report.recipients == (
        ReportedRecipient("ann@customer.test", "failed", "5.1.1", words),
        ReportedRecipient("bob@customer.test", "delayed", "4.2.2", "452 4.2.2 Mailbox full"),
    )


def test_exchange_says_more_in_its_words_than_in_its_status() -> None:
    (recipient,) = sample("exchange").recipients
    assert (recipient.address, recipient.action, recipient.code) == ("carla@corp.test", "failed", "5.1.10")
    assert recipient.text.endswith("Recipient not found by SMTP address lookup")


def test_exim() -> None:
    report = sample("exim")
    assert report.certain
    assert [(r.address, r.action, r.code) for r in report.recipients] == [
        ("dora@elsewhere.test", "failed", "5.2.1"),
        ("emil@elsewhere.test", "failed", "5.2.1"),
    ]


def test_qmail_is_probable_only() -> None:
    report = sample("qmail")
    assert not report.certain
    assert [(r.address, r.action, r.code) for r in report.recipients] == [("fritz@qmail.test", "failed", "5.1.1")]


def test_internationalised_addresses() -> None:
    report = sample("global")
    assert [(r.address, r.code) for r in report.recipients] == [("jörg@eai.test", "5.7.1"), ("jörn@eai.test", "5.1.1")]


def test_a_read_receipt_is_no_failure() -> None:
    report = sample("read_receipt")
    assert (report.kind, report.certain) == ("disposition", True)
    assert report.recipients == (ReportedRecipient("ann@customer.test", "delivered", "2.0.0", "displayed"),)


def test_an_abuse_report() -> None:
    report = sample("abuse")
    assert report.kind == "feedback"
    assert report.recipients == (ReportedRecipient("gustav@provider.test", "delivered", "2.0.0", "abuse"),)


def test_a_returned_message_alone() -> None:
    report = sample("returned_only")
    assert not report.certain
    assert [recipient.address for recipient in report.recipients] == ["hanna@old.test"]


@pytest.mark.parametrize("name", ["vacation", "person"])
def test_what_is_no_report(name: str) -> None:
    assert read((REPORTS / f"{name}.eml").read_bytes()) is None


def with_status(lines: str) -> Report:
    octets = (REPORTS / "postfix.eml").read_bytes()
    head, _, rest = octets.partition(b"Final-Recipient:")
    tail = rest[rest.index(b"--4F1A12") :]
    report = read(head + lines.encode() + b"\n\n" + tail)
    assert report is not None
    return report


@pytest.mark.parametrize(
    ("lines", "action", "code"),
    [
        ("Final-Recipient: rfc822; a@b.test\nStatus: 4.4.1", "delayed", "4.4.1"),
        ("Final-Recipient: rfc822; a@b.test\nStatus: 5.4.1", "failed", "5.4.1"),
        ("Final-Recipient: rfc822; a@b.test\nAction: failed\nStatus: 4.4.7", "failed", "4.4.7"),
        ("Final-Recipient: rfc822; a@b.test\nAction: relayed", "relayed", "2.0.0"),
        ("Final-Recipient: rfc822; a@b.test\nAction: nonsense", "failed", "5.0.0"),
        ("Final-Recipient: rfc822; a@b.test\nDiagnostic-Code: smtp; 450 try later", "delayed", "4.2.0"),
        ("Final-Recipient: a@b.test\nStatus: 5.2.2 (over quota)", "failed", "5.2.2"),
        ("Final-Recipient: rfc822; <a@b.test>\nAction: DELIVERED\nStatus: 2.0.0", "delivered", "2.0.0"),
    ],
)
def test_incomplete_fields(lines: str, action: str, code: str) -> None:
    (recipient,) = with_status(lines).recipients
    assert (recipient.address, recipient.action, recipient.code) == ("a@b.test", action, code)


def test_limits() -> None:
    many = "\n\n".join(f"Final-Recipient: rfc822; a{number}@b.test\nStatus: 5.1.1" for number in range(5000))
    assert len(with_status(many).recipients) == 100
    (recipient,) = with_status(f"Final-Recipient: rfc822; a@b.test\nDiagnostic-Code: smtp; {'x' * 100_000}").recipients
    assert len(recipient.text) == 500


def test_typed_addresses() -> None:
    assert typed_address("rfc822; ann@customer.test") == "ann@customer.test"
    assert typed_address("X.400; c=de;a=x@y") == ""
    assert typed_address("rfc822;") == ""


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["postfix", "exchange", "exim", "qmail", "global", "abuse"]),
    st.integers(0, 2500),
    st.binary(max_size=60),
    st.integers(0, 200),
)
def test_damaged_reports_never_fail(name: str, at: int, octets: bytes, lost: int) -> None:
    whole = (REPORTS / f"{name}.eml").read_bytes()
    read(whole[:at] + octets + whole[at + lost :])


@given(st.text())
def test_any_text_gives_groups(text: str) -> None:
    assert all(name == name.lower() for group in read_groups(text) for name in group)


@pytest.mark.parametrize("piece", [b"\n", b"a@b ", b"<a@b>\n", b"550 ", b"Message-ID: <", b"> \n", b"\x00", b"   x\n"])
def test_a_megabyte_of_anything(piece: bytes) -> None:
    octets = b"From: MAILER-DAEMON@x.test\r\nSubject: failure notice\r\n\r\n" + piece * (1_000_000 // len(piece))
    report = read(octets)
    assert report is None or not report.certain
