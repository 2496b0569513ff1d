"""An answer that can't be delivered: refused at once, put off, or reported later; the server's words are kept."""

from __future__ import annotations

import re
import time

from acceptance.running import Postroom, document, message, profile
from servers.dovecot import Dovecot
from servers.postfix import Postfix

REPORT = """\
From: MAILER-DAEMON@mx.test.local (Mail Delivery System)
To: {support}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="BOUNDARY"
Return-Path: <>

--BOUNDARY
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--BOUNDARY
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.test.local
Arrival-Date: Mon, 06 Jan 2025 10:00:00 +0000

Final-Recipient: rfc822; {customer}
Action: failed
Status: 5.2.1
Diagnostic-Code: smtp; 550 5.2.1 this mailbox is disabled

--BOUNDARY
Content-Type: message/rfc822

From: <{support}>
To: <{customer}>
Message-ID: {message_id}
Subject: Re: A question

We have your message.

--BOUNDARY--
"""


def test_a_refused_recipient_fails_with_the_servers_words(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str
) -> None:
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    dovecot.deliver(support, message("nouser@customer.example", support))
    postroom.until(lambda: [one["state"] for one in postroom.outbound()] == ["failed"], "the acknowledgement failed")
    (row,) = postroom.outbound()
    assert row["code"] == "5.1.1"
    assert "no such user" in row["reason"]
    (attempt,) = postroom.records("deliveryattempt", "id result reply code text")
    assert (attempt["result"], attempt["reply"], attempt["code"]) == ("failed", 550, "5.1.1")


def test_a_greylisted_recipient_is_tried_again(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str
) -> None:
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    dovecot.deliver(support, message("greylist@customer.example", support))
    postroom.until(lambda: [one["state"] for one in postroom.outbound()] == ["paused"], "it is paused")
    (row,) = postroom.outbound()
    assert row["code"] == "4.7.1"
    assert "try again later" in row["reason"]
    assert 10_000 < row["next_attempt_ms"] - time.time() * 1000 < 60_000
    postroom.let_time_pass("outboundmessage")
    postroom.until(lambda: postroom.outbound()[0]["attempts"] == 2, "it is tried again by itself")
    postroom.until(lambda: postroom.outbound()[0]["state"] == "paused", "it is paused again")
    postroom.command("outbound", "retry", str(row["id"]))
    postroom.until(lambda: postroom.number("SELECT COUNT(*) FROM postroom_deliveryattempt") == 3, "and on request")
    assert {one["result"] for one in postroom.records("deliveryattempt", "id result")} == {"paused"}


def test_a_report_that_comes_later_finds_its_message(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    dovecot.deliver(support, message(customer, support))
    (row,) = postroom.until_submitted(1)
    report = REPORT.format(support=support, customer=customer, message_id=f"<{row['message_id']}>")
    dovecot.deliver(support, re.sub("\n", "\r\n", report).encode())
    postroom.until(lambda: postroom.outbound()[0]["state"] == "bounced", "the acknowledgement is known to have bounced")
    (row,) = postroom.outbound()
    assert row["code"] == "5.2.1"
    assert "disabled" in row["reason"]
    event = postroom.until_processed(2)[1]
    assert event["conversation_id"] == row["conversation_id"]
    # A forged report about nothing of ours changes nothing.
    forged = REPORT.format(support=support, customer=customer, message_id="<guess@test.local>")
    dovecot.deliver(support, re.sub("\n", "\r\n", forged).encode())
    postroom.until_processed(3)
    assert len(postroom.outbound()) == 1
