"""What the processor makes of events: conversations, acknowledgements, quarantine, reports, pauses and failures."""

from __future__ import annotations

from typing import Any

import pytest

from installation import Installation, deliver, submit

CONFIGURATION = """
drivers:
  - name: Mail
    kind: internet-smtp-imap
    parameters: {IMAPServer: 127.0.0.1, IMAPEncryption: none, SMTPServer: 127.0.0.1, SMTPEncryption: none}
profiles:
  - name: support@us.example
    address: support@us.example
    driver: Mail
    overrides: {IMAPAccountName: support, IMAPPassword: secret}
    response_group: Support
  - name: sales@us.example
    address: sales@us.example
    driver: Mail
    overrides: {IMAPAccountName: sales, IMAPPassword: secret}
    response_group: Sales
response_groups:
  - name: Support
    administrator: ops@us.example
    input_arguments: {ProcessName: Process Message, AcknowledgementTemplate: Thanks, MaxAttempts: 2}
  - name: Sales
    real_time: false
    input_arguments: {ProcessName: Process Message}
templates:
  - {name: Thanks, subject: "Re: {{ subject }}", text: "Dear {{ contact.name }}, this is number {{ conversation.id }}."}
"""
FIRST = b"""From: Anna Smith <anna@customer.example>\r
To: support@us.example\r
Subject: My order\r
Message-ID: <first@customer.example>\r
\r
Where is my order? I have been waiting for it for two weeks now.\r
"""


def work(realtime: bool = True) -> int:
    from postroom.broker.embedded import EmbeddedBroker
    from postroom.processor.process import Processor

    total = 0
    processor = Processor(EmbeddedBroker(), lambda: "r1", "realtime" if realtime else "processor")
    while done := processor.work():
        total += done
    return total


def row(event: int) -> Any:
    from postroom.store.models import InboundEvent

    return InboundEvent.objects.get(pk=event)


@pytest.fixture
def configured(installation: Installation) -> Installation:
    submit(CONFIGURATION)
    return installation


def test_a_question_becomes_a_conversation_and_is_acknowledged(configured: Installation) -> None:
    from postroom.store import stories
    from postroom.store.models import Contact, OutboundMessage

    (event,) = deliver(FIRST, profile="support@us.example")
    assert work() == 1
    story = stories.event(event)
    assert (story["state"], story["outcome"]) == ("processed", "activity")
    assert (story["author"], story["subject"]) == ("anna@customer.example", "My order")
    assert story["activity"]["language"] == "en"
    steps = {step["step"]: step["reason"] for step in story["runs"][0]["steps"]}
    assert list(steps) == [
        "record-time", "loop", "bounce", "junk", "thread", "sender", "language", "category", "activity", "acknowledge",
        "route",
    ]  # fmt: skip
    assert all(steps.values())
    assert Contact.objects.get().name == "Anna Smith"
    owed = OutboundMessage.objects.get()
    assert (owed.kind, owed.state, owed.recipients) == ("acknowledgement", "queued", ["anna@customer.example"])
    assert (owed.return_address, owed.in_reply_to, owed.subject) == ("", "first@customer.example", "Re: My order")
    assert owed.text.startswith(f"Dear Anna Smith, this is number {event}.")
    assert "[THREAD ID:" in owed.text
    assert "waiting" not in owed.text


def test_follow_ups_join_and_are_not_acknowledged(configured: Installation) -> None:
    from postroom.store.models import Conversation, OutboundMessage

    (first,) = deliver(FIRST, profile="support@us.example")
    work()
    acknowledgement = OutboundMessage.objects.get()
    tag = acknowledgement.text.strip().splitlines()[-1]
    answer = FIRST.replace(b"<first@", b"<second@").replace(
        b"\r\n\r\n", b"\r\nIn-Reply-To: <" + acknowledgement.message_id.encode() + b">\r\n\r\n"
    )
    tagged = b"From: anna@customer.example\r\nMessage-ID: <third@c>\r\n\r\nsee " + tag.encode() + b"\r\n"
    forged = b"From: evil@stranger.example\r\nMessage-ID: <x@e>\r\n\r\n[THREAD ID:%d-AAAAAAAAAAAAAAAA]\r\n" % first
    joined = deliver(answer, tagged, profile="support@us.example")
    (stranger,) = deliver(forged, profile="support@us.example")
    assert work() == 3
    assert {row(event).conversation_id for event in joined} == {first}
    assert row(stranger).conversation_id == stranger
    assert Conversation.objects.count() == 2
    assert {o.event_id for o in OutboundMessage.objects.all()} <= {first, stranger}


def test_a_thread_within_one_batch_is_one_conversation(configured: Installation) -> None:
    answer = FIRST.replace(b"<first@", b"<second@").replace(
        b"\r\n\r\n", b"\r\nReferences: <first@customer.example>\r\n\r\n"
    )
    first, second = deliver(FIRST, answer, profile="support@us.example")
    work()
    assert row(second).conversation_id == row(first).conversation_id == first


def test_questions_of_several_people_in_one_batch_are_all_acknowledged(configured: Installation) -> None:
    from postroom.store.models import OutboundMessage

    people = [FIRST.replace(b"<first@", b"<m%d@" % n).replace(b"anna@", b"anna%d@" % n) for n in range(20)]
    deliver(*people, profile="support@us.example")
    work()
    assert OutboundMessage.objects.count() == 20


def test_the_budget_of_an_author_counts_within_a_batch(configured: Installation) -> None:
    from postroom.store.models import Budget, OutboundMessage

    storm = [FIRST.replace(b"<first@", b"<m%d@" % n).replace(b"My order", b"Order %d" % n) for n in range(30)]
    deliver(*storm, profile="support@us.example")
    work()
    acknowledged = OutboundMessage.objects.count()
    assert 0 < acknowledged < 15
    used = Budget.objects.filter(key__startswith="author:anna@customer.example/").values_list("used", flat=True)
    assert set(used) == {acknowledged}


def test_a_nonreal_time_group_waits_for_an_inbound_processor(configured: Installation) -> None:
    (event,) = deliver(FIRST, profile="sales@us.example")
    assert work(realtime=True) == 0
    assert work(realtime=False) == 1
    assert row(event).outcome == "activity"


def test_our_own_mail_is_quarantined(configured: Installation) -> None:
    from postroom.conf.sealing import signing_key
    from postroom.mail import loops

    header = f"{loops.HEADER}: {loops.sign('first@customer.example', signing_key())}\r\n".encode()
    (event,) = deliver(header + FIRST, profile="support@us.example")
    work()
    assert row(event).outcome == "quarantined"
    assert row(event).reason.startswith("loop:")


def test_junk_that_a_person_releases_becomes_an_activity(configured: Installation) -> None:
    from postroom.store import events

    (event,) = deliver(b"X-Spam-Flag: YES\r\n" + FIRST, profile="support@us.example")
    work()
    assert row(event).reason.startswith("junk:")
    events.resubmit(event, "alice")
    work()
    assert row(event).outcome == "quarantined"
    events.resubmit(event, "alice", release=True)
    work()
    assert row(event).outcome == "activity"


def test_a_delivery_report_finds_its_message(configured: Installation) -> None:
    from postroom.store.models import DeliveryAttempt, OutboundMessage

    deliver(FIRST, profile="support@us.example")
    work()
    owed = OutboundMessage.objects.get()
    OutboundMessage.objects.update(state="submitted")
    report = (
        b"From: MAILER-DAEMON@mx.example\r\nTo: support@us.example\r\nSubject: Undelivered\r\n"
        b"Message-ID: <dsn@mx>\r\nReturn-Path: <>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
        b"--B\r\n\r\nSorry.\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.example\r\n\r\n"
        b"Final-Recipient: rfc822; anna@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--B\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Message-ID: <" + owed.message_id.encode() + b">\r\nSubject: Re: My order\r\n\r\nDear\r\n--B--\r\n"
    )
    (event,) = deliver(report, profile="support@us.example")
    work()
    owed.refresh_from_db()
    assert (owed.state, owed.code) == ("bounced", "5.1.1")
    assert DeliveryAttempt.objects.get().recipient == "anna@customer.example"
    assert row(event).state == "processed"
    assert OutboundMessage.objects.count() == 1


def test_a_failing_event_stops_nobody_and_ends_with_a_person(
    configured: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postroom.mail import parse
    from postroom.store.models import InboundEvent, Notice

    real = parse.parse

    def broken(octets: bytes, **options: Any) -> Any:
        if b"poison" in octets:
            raise ValueError("cannot read this")
        return real(octets, **options)

    monkeypatch.setattr(parse, "parse", broken)
    bad, good = deliver(b"poison", FIRST, profile="support@us.example")
    work()
    assert row(good).outcome == "activity"
    assert (row(bad).state, row(bad).attempts) == ("paused", 1)
    assert "cannot read this" in row(bad).reason
    InboundEvent.objects.filter(pk=bad).update(state="queued")
    work()
    assert row(bad).state == "failed"
    assert Notice.objects.get().about == str(bad)


def test_an_event_taken_over_meanwhile_is_left_alone(configured: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    from postroom.processor import process
    from postroom.store.models import Conversation, InboundEvent

    (event,) = deliver(FIRST, profile="support@us.example")
    real = process.apply

    def slow(*arguments: Any) -> Any:
        InboundEvent.objects.update(holder="another")
        return real(*arguments)

    monkeypatch.setattr(process, "apply", slow)
    work()
    assert row(event).state == "processing"
    assert Conversation.objects.count() == 0


@pytest.mark.parametrize(
    "octets", [b"", b"\x00" * 100_000, b"Subject: \x00\xff\xfe\r\n\r\n\x00", b"\xff" * 5000, b"\r\n"]
)
def test_any_octets_are_processed(configured: Installation, octets: bytes) -> None:
    (event,) = deliver(octets, profile="support@us.example")
    work()
    assert row(event).state == "processed"
