"""The demo's SMTP server, and the mail system as one: what is sent arrives, what can't be delivered comes back."""

from __future__ import annotations

import email
import smtplib
import threading
from collections.abc import Iterator

import pytest

from postroom.cli.demo.servers import MailSystem

MESSAGE = (
    b"From: support@postroom.example\r\nTo: ann@customer.example\r\nMessage-ID: <1@postroom.example>\r\n\r\nHi\r\n"
)


@pytest.fixture
def mail() -> Iterator[MailSystem]:
    with MailSystem() as system:
        system.add_address("support@postroom.example")
        yield system


def send(mail: MailSystem, return_address: str, *recipients: str, octets: bytes = MESSAGE) -> None:
    with smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=10) as session:
        session.login("support@postroom.example", mail.password)
        session.sendmail(return_address, list(recipients), octets)


def test_mail_for_any_address_arrives(mail: MailSystem) -> None:
    send(mail, "support@postroom.example", "Ann@Customer.example", "bob@customer.example")
    expected = b"Return-Path: <support@postroom.example>\r\n" + MESSAGE
    assert mail.mailbox("ann@customer.example") == [expected]
    assert mail.mailbox("bob@customer.example") == [expected]
    assert set(mail.addresses()) >= {"Ann@Customer.example", "bob@customer.example"}


def test_an_unknown_recipient_bounces_with_a_delivery_report(mail: MailSystem) -> None:
    send(mail, "support@postroom.example", "nouser@customer.example", "ann@customer.example")
    assert len(mail.mailbox("ann@customer.example")) == 1
    [octets] = mail.mailbox("support@postroom.example")
    report = email.message_from_bytes(octets)
    assert report["Return-Path"] == "<>"
    assert report["Auto-Submitted"] == "auto-replied"
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "delivery-status")
    _, status, returned = report.get_payload()
    assert status.get_content_type() == "message/delivery-status"
    recipient = status.get_payload()[1]
    assert recipient["Final-Recipient"] == "rfc822; nouser@customer.example"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")
    assert "<1@postroom.example>" in returned.get_payload()
    assert not report.defects


def test_a_report_never_bounces(mail: MailSystem) -> None:
    send(mail, "", "nouser@customer.example")
    assert mail.mailbox("support@postroom.example") == []
    assert mail.addresses() == ["support@postroom.example"]


def test_a_wrong_password_is_refused(mail: MailSystem) -> None:
    with (
        smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=10) as session,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        session.login("support@postroom.example", "wrong")


def test_what_is_no_address_is_refused(mail: MailSystem) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mail, "support@postroom.example", "nobody")


def test_octets_that_are_not_text_survive(mail: MailSystem) -> None:
    octets = b"Subject: \xa4\xff\r\n\r\n" + bytes(range(32, 256)) + b"\r\n.\r\n"
    send(mail, "support@postroom.example", "ann@customer.example", octets=octets)
    assert mail.mailbox("ann@customer.example")[0].endswith(octets)


def test_it_stops_with_its_sessions_and_keeps_the_mail() -> None:
    mail = MailSystem("chosen password")
    mail.deliver("a@postroom.example", b"before the start")
    mail.start()
    session = smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=10)
    mail.deliver("a@postroom.example", b"while it runs")
    threads = threading.active_count()
    mail.stop()
    mail.stop()
    assert threading.active_count() < threads
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        session.noop()
    assert mail.mailbox("a@postroom.example") == [b"before the start", b"while it runs"]
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", mail.smtp_port)
