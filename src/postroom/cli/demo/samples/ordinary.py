"""What customers write with a good mail program: questions, follow-ups, HTML, attachments, an invitation."""

from __future__ import annotations

import struct
import zlib

from .sample import SALES, SUPPORT, Place, Sample, lines, message


def samples() -> list[Sample]:
    return [
        Sample("A plain question", SUPPORT, _QUESTION, Place.ACKNOWLEDGED),
        Sample("A follow-up (In-Reply-To)", SUPPORT, _FOLLOW_UP, Place.FOLLOW_UP),
        Sample("A second follow-up (References)", SUPPORT, _SECOND_FOLLOW_UP, Place.FOLLOW_UP),
        Sample("HTML only", SALES, _HTML, Place.ACKNOWLEDGED),
        Sample("Text and HTML, with an image and two attachments", SALES, _attachments(), Place.ACKNOWLEDGED),
        Sample("A calendar invitation", SALES, _INVITATION, Place.ACKNOWLEDGED),
        Sample("A message with another inside", SUPPORT, _FORWARDED, Place.ACKNOWLEDGED),
        Sample("A signed message (PGP)", SUPPORT, _SIGNED, Place.ACKNOWLEDGED),
        Sample("To both addresses: the copy to Support", SUPPORT, _TO_BOTH, Place.ACKNOWLEDGED),
        Sample("To both addresses: the copy to Sales", SALES, _TO_BOTH, Place.ACKNOWLEDGED),
    ]


_QUESTION = message("""\
From: Ann Miller <ann.miller@customer.example>
To: support@postroom.example
Subject: The lamp does not turn on
Date: Mon, 16 Nov 2026 09:12:03 +0000
Message-ID: <lamp-1@customer.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Hello,

my new reading lamp (order 20714) does not turn on. I tried another bulb.
What should I do?

Kind regards
Ann Miller
""")

_FOLLOW_UP = message("""\
From: Ann Miller <ann.miller@customer.example>
To: support@postroom.example
Subject: Re: The lamp does not turn on
Date: Mon, 16 Nov 2026 09:40:55 +0000
Message-ID: <lamp-2@customer.example>
In-Reply-To: <lamp-1@customer.example>
References: <lamp-1@customer.example>

I forgot to say: the switch on the cable has come loose.

Ann Miller wrote:
> my new reading lamp (order 20714) does not turn on. I tried another bulb.
""")

_SECOND_FOLLOW_UP = message("""\
From: Ann Miller <ann.miller@customer.example>
To: support@postroom.example
Subject: Lamp, once more
Date: Mon, 16 Nov 2026 11:05:10 +0000
Message-ID: <lamp-3@customer.example>
References: <lamp-1@customer.example>
 <lamp-2@customer.example>

I could also bring it to your shop on Saturday.
""")

_HTML = message(
    """\
From: "Berger, Tom" <tom.berger@bookshop.example>
To: Sales <sales@postroom.example>
Subject: Price for 40 chairs?
Date: Mon, 16 Nov 2026 09:30:00 +0100
Message-ID: <chairs@bookshop.example>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html><head><style>p { color: #333 }</style><script>alert("this must never run")</script></head>
<body>
<p>Good morning,</p>
<p>we look for <b>40 chairs</b> for our reading room. What would they cost,
delivered in <i>December</i>?</p>
<ul><li>stackable</li><li>not more than 90&nbsp;€ each</li></ul>
<p><img src="https://tracker.example/pixel.gif" width="1" height="1">
<a href="https://bookshop.example/room" onclick="steal()">Our room</a></p>
</body></html>
""",
    "utf-8",
)

_INVITATION = message("""\
From: Carla Rossi <carla.rossi@studio.example>
To: sales@postroom.example
Subject: Invitation: visit of the showroom
Date: Mon, 16 Nov 2026 10:00:00 +0100
Message-ID: <visit@studio.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="visit"

--visit
Content-Type: text/plain; charset=us-ascii

Could we visit your showroom on 24 November at 14:00?

--visit
Content-Type: text/calendar; charset=us-ascii; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Postroom//Sample//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:visit-1@studio.example
DTSTAMP:20261116T090000Z
DTSTART:20261124T130000Z
DTEND:20261124T140000Z
SUMMARY:Visit of the showroom
ORGANIZER;CN=Carla Rossi:mailto:carla.rossi@studio.example
ATTENDEE;RSVP=TRUE:mailto:sales@postroom.example
END:VEVENT
END:VCALENDAR

--visit--
""")

_FORWARDED = message("""\
From: Dora Klein <dora.klein@family.example>
To: support@postroom.example
Subject: Fwd: Your order has been sent
Date: Mon, 16 Nov 2026 10:20:00 +0100
Message-ID: <forwarded@family.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: text/plain; charset=us-ascii

This came a week ago, but nothing has arrived yet. The message is attached.

--outer
Content-Type: message/rfc822
Content-Disposition: attachment; filename="Your order has been sent.eml"

From: shop@postroom.example
To: dora.klein@family.example
Subject: Your order has been sent
Date: Mon, 9 Nov 2026 08:00:00 +0000
Message-ID: <order-20699@postroom.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Your order 20699 left our store today.

--outer--
""")

# The signature has the form of one; nobody's key made it.
_SIGNED = message("""\
From: Erik Lund <erik.lund@security.example>
To: support@postroom.example
Subject: Please delete my account
Date: Mon, 16 Nov 2026 10:45:00 +0100
Message-ID: <signed@security.example>
MIME-Version: 1.0
Content-Type: multipart/signed; micalg=pgp-sha256;
 protocol="application/pgp-signature"; boundary="signed"

--signed
Content-Type: text/plain; charset=us-ascii

Please delete my account elund and confirm.

--signed
Content-Type: application/pgp-signature; name="signature.asc"
Content-Description: OpenPGP digital signature

-----BEGIN PGP SIGNATURE-----

c2FtcGxlIHNpZ25hdHVyZSBvZiB0aGUgUG9zdHJvb20gZGVtbywgbWFkZSBieSBu
byBrZXkgYXQgYWxs
=AbCd
-----END PGP SIGNATURE-----

--signed--
""")

_TO_BOTH = message("""\
From: Frank Osei <frank.osei@cafe.example>
To: support@postroom.example, sales@postroom.example
Subject: A broken table, and six new ones
Date: Mon, 16 Nov 2026 11:15:00 +0000
Message-ID: <tables@cafe.example>

One of our tables broke. I'd like to have it repaired, and to buy six more.

Frank Osei
""")


def _attachments() -> bytes:
    return message(f"""\
From: Grace Tan <grace.tan@office.example>
To: sales@postroom.example
Subject: Order 4711 with floor plan
Date: Mon, 16 Nov 2026 10:10:00 +0000
Message-ID: <plan@office.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="mixed"

--mixed
Content-Type: multipart/related; boundary="related"

--related
Content-Type: multipart/alternative; boundary="choice"

--choice
Content-Type: text/plain; charset=us-ascii

Please find the list and the floor plan attached.

--choice
Content-Type: text/html; charset=us-ascii

<p>Please find the list and the floor plan attached.</p><p><img src="cid:logo@office.example" alt="Logo"></p>

--choice--

--related
Content-Type: image/png; name="logo.png"
Content-Transfer-Encoding: base64
Content-Disposition: inline; filename="logo.png"
Content-ID: <logo@office.example>

{lines(_png())}

--related--

--mixed
Content-Type: text/csv; charset=us-ascii; name="list.csv"
Content-Disposition: attachment; filename="list.csv"

article,number
desk,12
chair,24

--mixed
Content-Type: application/pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
 filename*=utf-8''Floor%20plan%20%E2%80%93%202nd%20floor.pdf

{lines(_PDF)}

--mixed--
""")


def _png() -> bytes:
    """A blue square of 16 by 16 pixels."""
    rows = b"".join(b"\0" + b"\x20\x60\xc0" * 16 for _ in range(16))

    def chunk(kind: bytes, octets: bytes) -> bytes:
        return struct.pack(">I", len(octets)) + kind + octets + struct.pack(">I", zlib.crc32(kind + octets))

    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


_PDF = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 200 100]>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""
