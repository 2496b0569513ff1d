"""Process Message, the ready-made workflow, on whole messages: what is decided and why, in its order."""

from __future__ import annotations

from typing import Any

from postroom.mail.loops import HEADER, sign
from postroom.mail.parse import parse
from postroom.workflow.contract import (
    Acknowledge,
    AddActivity,
    Assign,
    FoundConversation,
    KeepContact,
    Quarantine,
    Run,
)
from postroom.workflow.definition import validate
from postroom.workflow.engine import run
from postroom.workflow.ready_made import READY_MADE, ready_made
from postroom.workflow.testing import SIGNING_KEY, FakeLookup, context_for

CONVERSATION = FoundConversation(7, "Order 4711", "open", "alice", ("anna@customer.example",), 1, "ours")
TEXT = "Dear all,\r\n\r\nI ordered two lamps three weeks ago. Could you please tell me where they are?\r\n\r\nAnna\r\n"


def mail(*fields: str, text: str = TEXT) -> bytes:
    first = ("From: Anna Smith <anna@customer.example>", "To: support@example.com", "Message-ID: <1@customer.example>")
    return ("\r\n".join((*first, *fields)) + "\r\n\r\n" + text).encode()


def process(octets: bytes, **arguments: object) -> Run:
    lookup = FakeLookup(
        conversations={"our.reply@example.com": CONVERSATION},
        ours={"support@example.com"},
        templates={"Ack": {"subject": "Re: {{ subject }}", "text": "Dear {{ contact.first_name }}, we have it."}},
    )
    given: dict[str, Any] = {"AcknowledgementTemplate": "Ack", **arguments}
    workflow = ready_made("Process Message")
    assert workflow is not None
    return run(workflow, context_for(parse(octets), lookup=lookup, arguments=given, octets=octets))


def kinds(done: Run) -> list[type]:
    return [type(decision) for decision in done.decisions]


def test_every_ready_made_workflow_is_valid() -> None:
    for name, text in READY_MADE.items():
        assert validate(text) == []
        workflow = ready_made(name)
        assert workflow is not None
        assert workflow.name == name
        assert all(use.comment for use in workflow.steps)
    assert ready_made("None of these") is None


def test_a_question_opens_a_conversation_and_is_acknowledged() -> None:
    done = process(mail("Subject: Order 4711"))
    assert [record.step for record in done.records] == [
        "record-time", "loop", "bounce", "junk", "thread", "sender", "language", "category", "activity", "acknowledge",
        "route",
    ]  # fmt: skip
    assert kinds(done) == [KeepContact, AddActivity, Acknowledge]
    assert done.facts.language == "en"
    acknowledgement = done.decisions[-1]
    assert isinstance(acknowledgement, Acknowledge)
    assert (acknowledgement.subject, acknowledgement.text) == ("Re: Order 4711", "Dear Anna, we have it.")


def test_a_follow_up_joins_goes_to_its_agent_and_is_not_acknowledged() -> None:
    done = process(mail("Subject: Re: Order 4711", "In-Reply-To: <our.reply@example.com>"))
    assert kinds(done) == [KeepContact, AddActivity, Assign]
    assert done.decisions[1:] == (AddActivity(7, "Re: Order 4711", "en", "", True), Assign("alice"))
    unassigned = process(mail("In-Reply-To: <our.reply@example.com>"), EnableAssignment=False)
    assert kinds(unassigned) == [KeepContact, AddActivity]


def test_an_absence_note_joins_and_changes_nothing_else() -> None:
    note = mail("Subject: Out of office", "Auto-Submitted: auto-replied", "In-Reply-To: <our.reply@example.com>")
    done = process(note)
    assert kinds(done) == [KeepContact, AddActivity]
    activity = done.decisions[1]
    assert isinstance(activity, AddActivity)
    assert (activity.conversation, activity.reopen) == (7, False)
    assert done.facts.automatic


def test_an_absence_note_without_a_conversation_is_not_acknowledged() -> None:
    assert Acknowledge not in kinds(process(mail("Subject: Automatic reply: Hello")))


def test_our_own_mail_and_junk_stop_before_anything_is_answered() -> None:
    own = process(mail("Subject: a", f"{HEADER}: {sign('1@customer.example', SIGNING_KEY)}"))
    assert kinds(own) == [Quarantine]
    assert own.records[-1].step == "loop"
    assert own.records[-1].stopped
    junk = process(mail("Subject: a", "X-Spam-Flag: YES"))
    assert kinds(junk) == [Quarantine]
    assert junk.records[-1].step == "junk"


def test_mail_through_a_list_is_kept_and_not_acknowledged() -> None:
    assert kinds(process(mail("Subject: a", "List-Id: <a.example>"))) == [KeepContact, AddActivity]


def test_test_mode_decides_everything_and_sends_nothing() -> None:
    done = process(mail("Subject: a"), EnableTestMode=True)
    assert kinds(done) == [KeepContact, AddActivity]
    assert "Test mode" in next(record.reason for record in done.records if record.step == "acknowledge")


def test_octets_that_are_no_message_are_still_decided_on() -> None:
    for octets in (b"", b"\x00" * 1_000, b"\xff\xfe" * 500, b":" * 10_000, b"\r\n" * 100):
        done = process(octets)
        assert kinds(done) == [AddActivity]
        assert all(record.reason for record in done.records)
