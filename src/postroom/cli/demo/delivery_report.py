"""The report that the demo's mail system sends when it can't deliver (RFC 3464, in a multipart/report of RFC 3462)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from email.utils import format_datetime

_LONGEST_HEADER = 64 * 1024
_HOST = "mail.postroom.example"


def delivery_report(recipient: str, returned: bytes, return_address: str) -> bytes:
    """The octets of a report to `return_address` that `recipient` does not exist; holds the header of the message."""
    boundary = f"report-{secrets.token_hex(8)}"
    envelope_id = secrets.token_hex(8)
    header = returned.partition(b"\r\n\r\n")[0][:_LONGEST_HEADER]
    eight_bit = "" if header.isascii() else "\r\nContent-Transfer-Encoding: 8bit"
    now = format_datetime(datetime.now(UTC))
    text = f"""\
Return-Path: <>
Date: {now}
From: Mail Delivery System <MAILER-DAEMON@{_HOST}>
To: <{return_address}>
Subject: Undelivered Mail Returned to Sender
Message-ID: <{envelope_id}@{_HOST}>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="{boundary}"

This is a MIME-encapsulated message.

--{boundary}
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered to one or more recipients.

<{recipient}>: there is no such mailbox here

--{boundary}
Content-Type: message/delivery-status

Reporting-MTA: dns; {_HOST}
Arrival-Date: {now}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: there is no such mailbox here

--{boundary}
Content-Type: text/rfc822-headers{eight_bit}

"""
    return text.replace("\n", "\r\n").encode() + header + f"\r\n\r\n--{boundary}--\r\n".encode()
