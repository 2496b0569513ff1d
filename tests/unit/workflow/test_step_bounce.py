"""The step bounce: real reports, read by the real reader, and what becomes of the messages that they report on."""

from __future__ import annotations

from typing import Any

import pytest

from postroom.mail.parse import parse
from postroom.workflow.contract import AddActivity, Decided, FoundOutbound, RecordReport
from postroom.workflow.steps import bounce
from postroom.workflow.testing import FakeLookup, context_for, values_for

OURS = FoundOutbound(5, "our.reply@example.com", ("anna@customer.example",), 7)


def report(
    action: str = "failed",
    status: str = "5.1.1",
    recipient: str = "anna@customer.example",
    message_id: str = "our.reply@example.com",
) -> bytes:
    returned = (
        f"Message-ID: <{message_id}>\r\nSubject: Re: Order\r\nTo: {recipient}\r\n" if message_id else "Subject: a\r\n"
    )
    return (
        "Return-Path: <>\r\n"
        "From: Mail Delivery System <MAILER-DAEMON@mx.customer.example>\r\n"
        "To: support@example.com\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\n"
        "Message-ID: <report.1@mx.customer.example>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
        "\r\n--b\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.customer.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user here\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--b--\r\n"
    ).encode()


PROSE = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.customer.example\r\nTo: support@example.com\r\n"
    b"Subject: failure notice\r\n\r\n"
    b"Hi. This is the qmail-send program at mx.customer.example.\r\n"
    b"I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
    b"This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
    b"<anna@customer.example>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n"
)
ABSENT = (
    b"From: Anna <anna@customer.example>\r\nTo: support@example.com\r\nSubject: Out of office\r\n"
    b"Auto-Submitted: auto-replied\r\nIn-Reply-To: <our.reply@example.com>\r\n\r\nI am away until Monday.\r\n"
)


def decide(octets: bytes, *outbound: FoundOutbound, **parameters: Any) -> Decided:
    context = context_for(parse(octets), lookup=FakeLookup(outbound=list(outbound)), octets=octets)
    return bounce.step.decide(context, values_for(bounce.step, **parameters))


def test_a_bounce_is_recorded_and_reopens_its_conversation() -> None:
    decided = decide(report(), OURS)
    record, activity = decided.decisions
    assert isinstance(record, RecordReport)
    assert (record.outbound, record.recipient, record.status, record.code) == (
        5,
        "anna@customer.example",
        "bounced",
        "5.1.1",
    )
    assert "No such user here" in record.text
    assert not record.probable
    assert activity == AddActivity(7, "Undelivered Mail Returned to Sender", reopen=True)
    assert decided.stop
    assert decided.facts["report"] is True
    assert decided.facts["conversation"] == 7
    assert "bounced 5.1.1 for “anna@customer.example” (message 5)" in decided.reason


@pytest.mark.parametrize(
    ("action", "status", "recorded"), [("delayed", "4.4.1", "delayed"), ("delivered", "2.0.0", "delivered")]
)
def test_other_reports_reopen_nothing(action: str, status: str, recorded: str) -> None:
    record, activity = decide(report(action, status), OURS).decisions
    assert isinstance(record, RecordReport)
    assert record.status == recorded
    assert isinstance(activity, AddActivity)
    assert not activity.reopen


def test_a_forwarded_message_bounces_for_the_address_that_we_wrote_to() -> None:
    record = decide(report(recipient="anna@new.example"), OURS).decisions[0]
    assert isinstance(record, RecordReport)
    assert record.recipient == "anna@customer.example"


@pytest.mark.parametrize("octets", [PROSE, report(message_id="")])
def test_found_by_the_address_only_it_is_probable(octets: bytes) -> None:
    record, activity = decide(octets, OURS).decisions
    assert isinstance(record, RecordReport)
    assert record.probable
    assert activity == AddActivity(7, activity.subject, reopen=True) if isinstance(activity, AddActivity) else False


def test_a_report_on_nothing_of_ours_is_kept_as_an_event() -> None:
    decided = decide(report())
    assert decided.stop
    assert decided.decisions == ()
    assert decided.facts["report"] is True
    assert "no message of ours" in decided.reason
    let_through = decide(report(), ProcessUnknownReports=True)
    assert not let_through.stop
    assert let_through.facts["automatic"]


def test_prose_on_nothing_of_ours_goes_on_as_automatic_mail() -> None:
    decided = decide(PROSE)
    assert not decided.stop
    assert decided.facts["automatic"]


def test_an_absence_note_goes_on_and_changes_no_state() -> None:
    decided = decide(ABSENT, OURS)
    assert not decided.stop
    assert decided.decisions == ()
    assert decided.facts.keys() == {"automatic"}
    assert decided.facts["automatic"]


def test_a_persons_message_that_holds_a_report_is_a_persons_message() -> None:
    forwarded = (
        b"From: Anna <anna@customer.example>\r\nTo: support@example.com\r\nSubject: What is this?\r\n"
        b'Return-Path: <anna@customer.example>\r\nContent-Type: multipart/mixed; boundary="o"\r\n\r\n'
        b"--o\r\n\r\nI got this.\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" + report() + b"\r\n--o--\r\n"
    )
    decided = decide(forwarded, OURS)
    assert decided == Decided("A person wrote it, as far as can be told.")


def test_a_report_with_ten_thousand_recipients_is_bounded() -> None:
    groups = "".join(
        f"Final-Recipient: rfc822; a{number}@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        for number in range(10_000)
    )
    octets = report().replace(b"Final-Recipient", groups.encode() + b"Final-Recipient", 1)
    decided = decide(octets, FoundOutbound(5, "our.reply@example.com", ("a1@x.example", "a2@x.example"), 7))
    assert 0 < len(decided.decisions) <= 101
    assert len(decided.reason) < 1_000
