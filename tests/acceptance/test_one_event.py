"""One message on a server, one event: whatever is renumbered, aborted, refused or killed in between."""

from __future__ import annotations

import imaplib
import time

import pytest

from acceptance.running import Postroom, document, message, profile
from servers.dovecot import PASSWORD, Dovecot
from servers.postfix import Postfix


def test_a_changed_uidvalidity_makes_no_second_event(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    stays = profile(support, DeleteProcessedMessages=False)
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [stays]))
    for number in range(3):
        dovecot.deliver(support, message(customer, support, f"Question {number}"))
    serving = postroom.serve()
    postroom.until_processed(3)
    serving.stop()
    dovecot.maildir(support).change_uidvalidity()
    dovecot.deliver(support, message(customer, support, "A new one"))
    postroom.serve()
    events = postroom.until_processed(4)
    assert events[-1]["subject"] == "A new one"
    entries = postroom.ledger()
    assert sorted(entry["disposition"] for entry in entries) == ["duplicate"] * 3 + ["event"] * 4
    assert {entry["event_id"] for entry in entries if entry["disposition"] == "duplicate"} == {
        event["id"] for event in events[:3]
    }
    assert len(dovecot.messages(support)) == 4


@pytest.mark.parametrize("driver", ["IMAP", "POP3"])
@pytest.mark.parametrize("when", ["accept:before:2", "accept:after:2"])
def test_killed_between_accepting_and_acknowledging(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, driver: str, when: str
) -> None:
    """The first commit of the name accept is the listing, the second is the batch."""
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support, driver)]))
    for number in range(5):
        dovecot.deliver(support, message(customer, support, f"Question {number}"))
    killed = postroom.serve(crash=when)
    postroom.until(lambda: not killed.running, "the process is killed")
    assert len(postroom.ledger()) == (5 if "after" in when else 0)
    assert len(dovecot.messages(support)) == 5
    postroom.serve()
    events = postroom.until_processed(5)
    postroom.until(lambda: not dovecot.messages(support), "the mailbox is empty")
    assert sorted(event["subject"] for event in events) == [f"Question {number}" for number in range(5)]
    postroom.until_submitted(3)  # the budget of one author
    assert {entry["disposition"] for entry in postroom.ledger()} == {"event"}


def open_once(dovecot: Dovecot, address: str) -> None:
    session = imaplib.IMAP4("localhost", dovecot.port["imap"])
    session.login(address.partition("@")[0], PASSWORD)
    session.select("INBOX")
    session.logout()


@pytest.mark.parametrize("driver", ["IMAP", "POP3"])
def test_what_the_server_does_not_remove_is_removed_later_and_makes_no_second_event(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, driver: str
) -> None:
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support, driver)]))
    dovecot.deliver(support, message(customer, support))
    open_once(dovecot, support)  # Dovecot shows new mail only where it may write
    dovecot.maildir(support).make_read_only()
    try:
        postroom.serve()
        postroom.until_processed(1)
        postroom.settle(3)
        assert len(postroom.events()) == 1
        assert len(dovecot.messages(support)) == 1
        # Dovecot's POP3 server says that it has removed it, and lists it again.
        assert driver == "POP3" or postroom.ledger()[0]["acknowledged_ms"] is None
    finally:
        dovecot.maildir(support).restore()
    postroom.until(lambda: not dovecot.messages(support), "it is removed once that works")
    postroom.until(lambda: postroom.ledger()[0]["acknowledged_ms"] is not None, "the ledger knows")
    assert len(postroom.events()) == 1
    assert len(postroom.outbound()) == 1


def test_the_same_message_in_two_mailboxes_is_two_events(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, mailbox: str
) -> None:
    """Two mailboxes of one profile, and another profile: each has its own."""
    other = f"other-{mailbox}@test.local"
    octets = message(customer, support, message_id="<one@customer.example>")
    dovecot.deliver(support, octets)
    dovecot.deliver(support, octets, "Sales")
    dovecot.deliver(other, octets)
    profiles = [profile(support, IMAPMailbox=["INBOX", "Sales"]), profile(other, "POP3")]
    postroom.apply(document(dovecot.port, postfix.port["smtp"], profiles))
    postroom.serve()
    events = postroom.until_processed(3)
    assert sorted(event["mailbox"] for event in events) == ["", "INBOX", "Sales"]
    assert postroom.number("SELECT COUNT(*) FROM postroom_content") == 1
    postroom.until(lambda: not dovecot.messages(support) and not dovecot.messages(support, "Sales"), "both are empty")


def test_the_same_message_twice_in_one_mailbox_is_two_events(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    octets = message(customer, support, message_id="<one@customer.example>")
    for _ in range(2):
        dovecot.deliver(support, octets)
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    postroom.until_processed(2)
    postroom.until(lambda: not dovecot.messages(support), "the mailbox is empty")


@pytest.mark.parametrize("driver", ["IMAP", "POP3"])
def test_messages_that_lack_everything(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, driver: str
) -> None:
    """Without Message-ID, with a repeated one, without any header, of 0 octets, and too large: each has its place."""
    octets = {
        "without a Message-ID": message(customer, support, "No id", message_id=""),
        "a repeated one": message(customer, support, "Repeated", message_id="<same@customer.example>"),
        "the same again": message("bob@elsewhere.example", support, "Another", message_id="<same@customer.example>"),
        "no header at all": b"\r\nThere is no header here.\r\n",
        "no header, no empty line": b"only text\r\n",
        "nothing": b"",
        "too large": message(customer, support, "Too large", "x" * 200_000),
    }
    for one in octets.values():
        dovecot.deliver(support, one)
    values = {"MaxMessageSize": 100_000}
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support, driver)], **values))
    postroom.serve()
    postroom.until(lambda: len(postroom.ledger()) == len(octets), "each is in the ledger")
    events = postroom.until_processed(len(octets) - 1)
    subjects = [event["subject"] for event in events]
    assert {"No id", "Repeated", "Another"} < set(subjects)
    # By POP3 Dovecot gives an empty line where there is nothing.
    assert (0 if driver == "IMAP" else 2) in {event["size"] for event in events}
    (excluded,) = [entry for entry in postroom.ledger() if entry["disposition"] == "excluded"]
    assert "MaxMessageSize" in excluded["reason"]
    assert excluded["size"] > 200_000
    postroom.until(lambda: len(dovecot.messages(support)) == 1, "only the excluded one is left")
    assert b"Too large" in dovecot.messages(support)[0].octets
    postroom.settle(2)
    assert len(postroom.ledger()) == len(octets)


@pytest.mark.parametrize("driver", ["IMAP", "POP3"])
def test_mail_from_before_the_profile_began_is_left_alone(
    postroom_on_sqlite: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, driver: str
) -> None:
    postroom = postroom_on_sqlite
    dovecot.deliver(support, message(customer, support, "Old"))
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support, driver)], StartFrom="now"))
    postroom.serve()
    postroom.until_healthy(support)
    time.sleep(1.1)
    dovecot.deliver(support, message(customer, support, "New"))
    (event,) = postroom.until_processed(1)
    assert event["subject"] == "New"
    assert sorted(entry["disposition"] for entry in postroom.ledger()) == ["event", "excluded"]
    postroom.until(lambda: len(dovecot.messages(support)) == 1, "the old one is left")
