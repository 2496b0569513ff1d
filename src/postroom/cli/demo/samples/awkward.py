"""Mail that breaks the rules, or a parser: malformed MIME, missing fields, a foreign container, too large, twice."""

from __future__ import annotations

import struct

from .sample import SALES, SUPPORT, Place, Sample, lines, message


def samples(max_message_size: int) -> list[Sample]:
    """`max_message_size`: what the profiles are set to; one sample is twice as large."""
    return [
        Sample("Delivered twice: the first copy", SUPPORT, _TWICE, Place.ACKNOWLEDGED),
        # It is a message of its own on the server: only one seen again under another identity is a duplicate
        Sample("Delivered twice: the second copy", SUPPORT, _TWICE, Place.ACKNOWLEDGED),
        Sample("Without a Message-ID", SUPPORT, _WITHOUT_ID, Place.ACKNOWLEDGED),
        Sample("Without any header", SUPPORT, _WITHOUT_HEADER, Place.NO_AUTHOR),
        Sample("Malformed: broken base64, no last boundary", SALES, _MALFORMED, Place.ACKNOWLEDGED),
        Sample("From Outlook: winmail.dat", SALES, _winmail(), Place.ACKNOWLEDGED),
        Sample("Larger than the profile allows", SUPPORT, _large(2 * max_message_size), Place.TOO_LARGE),
    ]


_TWICE = message("""\
From: Jana Novak <jana.novak@school.example>
To: support@postroom.example
Subject: Invoice for the school
Date: Mon, 16 Nov 2026 14:00:00 +0000
Message-ID: <invoice@school.example>

Could you send us the invoice for order 20801 again?
""")

_WITHOUT_ID = message("""\
From: Karl Weiss <karl.weiss@garden.example>
To: support@postroom.example
Subject: Garden bench
Date: Mon, 16 Nov 2026 14:05:00 +0000

Is the garden bench weatherproof? I wrote this from an old device.
""")

_WITHOUT_HEADER = message("""\

Somebody gave this to the mail server without any header.
It is kept and shown, but there is nobody to answer.
""")

_MALFORMED = message("""\
From: Lena Fox <lena.fox@photos.example>
To: sales@postroom.example
Subject: Photos of the damaged shelf
Date: Mon, 16 Nov 2026 14:10:00 +0000
Message-ID: <photos@photos.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="photos"

--photos
Content-Type: text/plain; charset=x-nobody-knows-this

The shelf came damaged; the photo is attached. My program stopped while sending.

--photos
Content-Type: image/jpeg; name="shelf.jpg"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="../../shelf.jpg"

/9j/4AAQSkZJRgABAQEASABIAAD/2wBDA!!this is no base64!!AMCAgMCAgMDAwMEAwM
EBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFR""")


def _winmail() -> bytes:
    container = _tnef("conditions.txt", b"Payment within 30 days.\r\n")
    return message(f"""\
From: Maria Silva <maria.silva@company.example>
To: sales@postroom.example
Subject: Offer with our conditions
Date: Mon, 16 Nov 2026 14:15:00 +0000
Message-ID: <offer@company.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outlook"

--outlook
Content-Type: text/plain; charset=us-ascii

Our conditions are attached.

--outlook
Content-Type: application/ms-tnef; name="winmail.dat"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="winmail.dat"

{lines(container)}

--outlook--
""")


def _tnef(name: str, octets: bytes) -> bytes:
    """Outlook's container (MS-OXTNEF) with one attachment."""

    def attribute(level: int, number: int, value: bytes) -> bytes:
        return struct.pack("<BII", level, number, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)

    rendering = struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0)
    return b"".join(
        [
            struct.pack("<IH", 0x223E9F78, 1),
            attribute(1, 0x00089006, struct.pack("<I", 0x00010000)),  # version
            attribute(1, 0x00069007, struct.pack("<II", 1252, 0)),  # code page
            attribute(2, 0x00069002, rendering),
            attribute(2, 0x00018010, name.encode("ascii") + b"\0"),
            attribute(2, 0x0006800F, octets),
        ]
    )


def _large(size: int) -> bytes:
    head = message("""\
From: Nils Berg <nils.berg@archive.example>
To: support@postroom.example
Subject: The whole log file
Date: Mon, 16 Nov 2026 14:20:00 +0000
Message-ID: <log@archive.example>

""")
    line = b"2026-11-16 14:19:58 the lamp was switched on, and off again\r\n"
    return head + line * (size // len(line))
