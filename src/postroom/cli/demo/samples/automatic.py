"""What machines send: absence notes, delivery reports, lists, newsletters, junk, and our own mail come back."""

from __future__ import annotations

from collections.abc import Callable

from .sample import SALES, SUPPORT, Place, Sample, message


def samples(origin: Callable[[str], str]) -> list[Sample]:
    return [
        Sample("An absence note", SUPPORT, _ABSENCE, Place.AUTOMATIC),
        Sample("A delivery report on a message that is not ours", SUPPORT, _REPORT, Place.REPORT),
        Sample("A message of a mailing list", SALES, _LIST, Place.LIST),
        Sample("A message that no person sent", SUPPORT, _NO_REPLY, Place.AUTOMATIC),
        Sample("Junk, as the filter in front of us says", SALES, _JUNK, Place.JUNK),
        Sample("Our own message come back", SALES, _own(origin), Place.LOOP),
    ]


_ABSENCE = message("""\
Return-Path: <>
From: Hana Kovar <hana.kovar@agency.example>
To: support@postroom.example
Subject: Automatic reply: Your question
Date: Mon, 16 Nov 2026 13:00:00 +0100
Message-ID: <absence@agency.example>
Auto-Submitted: auto-replied (vacation)

I am out of the office until 30 November and will answer when I am back.
""")

_REPORT = message("""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.elsewhere.example>
To: support@postroom.example
Subject: Undelivered Mail Returned to Sender
Date: Mon, 16 Nov 2026 13:05:00 +0000
Message-ID: <report@mx.elsewhere.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="report"

--report
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered to <nobody@elsewhere.example>.

--report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.elsewhere.example

Final-Recipient: rfc822; nobody@elsewhere.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 there is no such user

--report
Content-Type: text/rfc822-headers

From: support@postroom.example
To: nobody@elsewhere.example
Subject: Cheap watches
Message-ID: <somebody-forged-this@elsewhere.example>

--report--
""")

_LIST = message("""\
From: Ivan Petrov <ivan.petrov@woodworkers.example>
To: talk@lists.woodworkers.example
Subject: [talk] Which oil for oak?
Date: Mon, 16 Nov 2026 13:10:00 +0000
Message-ID: <oil@woodworkers.example>
List-Id: Talk about wood <talk.lists.woodworkers.example>
List-Post: <mailto:talk@lists.woodworkers.example>
List-Unsubscribe: <mailto:talk-leave@lists.woodworkers.example>
Precedence: list

Which oil do you use for oak table tops?
""")

_NO_REPLY = message("""\
From: Parcel service <no-reply@parcels.example>
To: support@postroom.example
Subject: Your parcel arrives today
Date: Mon, 16 Nov 2026 13:15:00 +0000
Message-ID: <parcel@parcels.example>

Your parcel 00340 arrives between 14:00 and 16:00.
Nobody reads answers to this message.
""")

_JUNK = message("""\
From: "Lucky Day" <winner@prizes.example>
To: sales@postroom.example
Subject: You are the WINNER of our lottery
Date: Mon, 16 Nov 2026 13:20:00 +0000
Message-ID: <winner@prizes.example>
X-Spam-Flag: YES
X-Spam-Score: 14.2

Dear friend, send us your account number and receive 1,000,000.
""")


def _own(origin: Callable[[str], str]) -> bytes:
    message_id = "demo-own-message@postroom.example"
    return message(f"""\
From: Support <support@postroom.example>
To: sales@postroom.example
Subject: Re: The lamp does not turn on
Date: Mon, 16 Nov 2026 13:25:00 +0000
Message-ID: <{message_id}>
X-Postroom-Origin: {origin(message_id)}

An answer that was forwarded back to us by a rule in somebody's mailbox.
""")
