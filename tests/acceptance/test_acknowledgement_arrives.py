"""A customer writes; the message becomes an event and an activity; the acknowledgement is in the customer's mailbox."""

from __future__ import annotations

import hashlib
import os
import smtplib
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import zstandard

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.postfix import Postfix

SECRET_WORDS = "My card ends with 4711."


def in_mailbox(dovecot: Dovecot, address: str) -> list[EmailMessage]:
    found = [message_from_bytes(one.octets, policy=policy.default) for one in dovecot.messages(address)]
    return [one for one in found if isinstance(one, EmailMessage)]


@pytest.mark.parametrize("driver", ["IMAP", "POP3"])
@pytest.mark.parametrize("real_time", [True, False], ids=["real-time", "nonreal-time"])
def test_a_message_becomes_an_activity_and_its_acknowledgement_arrives(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, driver: str, real_time: bool
) -> None:
    postroom.apply(
        document(dovecot.port, postfix.port["smtp"], [profile(support, driver)], [group(real_time=real_time)])
    )
    postroom.serve()
    octets = message(customer, support, "Parcel 17", SECRET_WORDS, "<first@customer.example>", References="<old@x.y>")
    with smtplib.SMTP("localhost", postfix.port["smtp"]) as session:
        session.sendmail(customer, [support], octets)

    (event,) = postroom.until_processed(1)
    assert (event["outcome"], event["subject"], event["author"]) == ("activity", "Parcel 17", customer)
    assert event["message_id"] == "first@customer.example"
    (activity,) = postroom.records("activity", "id event_id kind author text conversation_id")
    assert (activity["event_id"], activity["kind"], activity["author"]) == (event["id"], "inbound", customer)
    assert activity["text"].strip() == SECRET_WORDS
    (conversation,) = postroom.records("conversation", "id state subject")
    assert (conversation["id"], conversation["state"]) == (activity["conversation_id"], "open")

    (row,) = postroom.until_submitted(1)
    postroom.until(lambda: bool(dovecot.messages(customer)), "the acknowledgement is in the customer's mailbox")
    (acknowledgement,) = in_mailbox(dovecot, customer)
    assert acknowledgement["Return-Path"] == "<>"
    assert acknowledgement["Auto-Submitted"] == "auto-replied"
    assert acknowledgement["In-Reply-To"] == "<first@customer.example>"
    assert acknowledgement["References"].split() == ["<old@x.y>", "<first@customer.example>"]
    assert acknowledgement["Message-ID"] == f"<{row['message_id']}>"
    assert acknowledgement["From"].addresses[0].addr_spec == support
    assert acknowledgement["To"].addresses[0].addr_spec == customer
    assert acknowledgement["Subject"] == "Re: Parcel 17"
    text = acknowledgement.get_content()
    assert "We have your message" in text
    assert "4711" not in acknowledgement.as_string()

    postroom.until(lambda: not dovecot.messages(support), "the message is removed from the server")
    (entry,) = postroom.ledger()
    assert (entry["disposition"], entry["event_id"], entry["action"]) == ("event", event["id"], "delete")
    postroom.until(lambda: postroom.ledger()[0]["acknowledged_ms"] is not None, "the ledger knows that it is removed")
    story = postroom.command("events", "show", str(event["id"]))
    for told in (support, customer, "thread", "acknowledge", "submitted"):
        assert told in story
    assert "4711" not in postroom.servings[0].said()
    postroom.command("ledger", "reconcile")
    assert postroom.servings[0].stop() == 0


def test_the_octets_are_kept_as_they_came(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    """Small ones in the database, large ones as files; both come back as they were."""
    small = message(customer, support, "Small", "8 bits: ").rstrip(b"\r\n") + bytes(range(128, 256)) + b"\r\n"
    large = message(customer, support, "Large", "\r\n".join(os.urandom(40).hex() for _ in range(20_000)))
    for octets in (small, large):
        dovecot.deliver(support, octets)
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    postroom.until_processed(2)
    kept = {}
    for one in postroom.records("content", "sha256 size codec octets path"):
        packed = (postroom.folder / "data" / "contents" / one["path"]).read_bytes() if one["path"] else one["octets"]
        kept[bytes(one["sha256"])] = (zstandard.ZstdDecompressor().decompress(packed, one["size"]), bool(one["path"]))
    assert kept == {hashlib.sha256(small).digest(): (small, False), hashlib.sha256(large).digest(): (large, True)}
