"""From an outbound row to the octets that are submitted: the same octets at every attempt.

Everything that goes into them is in the row or in the profile; the Message-ID and the date are the row's.
"""

from __future__ import annotations

from postroom.drivers.contract import Envelope
from postroom.mail import compose, loops
from postroom.mail.message import Address
from postroom.store.outbound import Claimed
from postroom.store.publishing.configuration import ProfileConfiguration


def octets(message: Claimed, profile: ProfileConfiguration, signing_key: bytes) -> bytes:
    """The message as RFC 5322 octets, with our signed origin, so that it is known if it comes back."""
    values = profile.values
    headers = [(loops.HEADER, loops.sign(message.message_id, signing_key))]
    if message.kind == "acknowledgement":
        headers += compose.acknowledgement_headers()
    elif message.kind == "notice":
        headers += [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]
    reply_to = values.text("ReplyToAddress")
    return compose.compose(
        compose.Draft(
            author=Address(values.text("FromName"), values.text("FromAddress") or profile.address),
            reply_to=(Address("", reply_to),) if reply_to else (),
            to=tuple(Address("", recipient) for recipient in message.recipients),
            subject=message.subject,
            text=message.text,
            message_id=message.message_id,
            in_reply_to=message.in_reply_to,
            references=tuple(message.references.split()),
            date_ms=message.created_ms,
            headers=tuple(headers),
        )
    )


def envelope(message: Claimed) -> Envelope:
    return Envelope(message.return_address, message.recipients)
