"""The steps that find out what a message is: record time, loop, junk, thread, sender, category."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postroom.mail.loops import HEADER, sign
from postroom.mail.message import Address, Message
from postroom.mail.references import thread_tag
from postroom.workflow.contract import (
    Context,
    Decided,
    FoundContact,
    FoundConversation,
    KeepContact,
    Quarantine,
    Step,
)
from postroom.workflow.steps import category, junk, loop, record_time, sender, thread
from postroom.workflow.testing import ACCEPTED_MS, SIGNING_KEY, FakeLookup, context_for, values_for

ANNA = Address("Anna Smith", "anna@customer.example")
DAY_MS = 86_400_000


def decide(step: Step, context: Context, **parameters: object) -> Decided:
    return step.decide(context, values_for(step, **parameters))


# --- record time, loop, junk ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date_ms", "reason"),
    [
        (ACCEPTED_MS - 60_000, "Accepted on 2026-11-22 15:00:00 UTC."),
        (ACCEPTED_MS - 3 * DAY_MS, "Accepted on 2026-11-22 15:00:00 UTC, 72 h after its Date."),
        (ACCEPTED_MS + DAY_MS, "Accepted on 2026-11-22 15:00:00 UTC; its Date lies 24 h ahead."),
        (None, "Accepted on 2026-11-22 15:00:00 UTC; it has no date of its own."),
    ],
)
def test_record_time(date_ms: int | None, reason: str) -> None:
    decided = decide(record_time.step, context_for(Message(date_ms=date_ms)))
    assert decided.reason == reason
    assert decided.facts == {"received_ms": ACCEPTED_MS}


def own_message() -> Message:
    signature = sign("1@example.com", SIGNING_KEY)
    return Message(
        message_id="1@example.com", headers=[(HEADER, signature)], authors=(Address("", "support@example.com"),)
    )


def test_our_own_mail_is_quarantined_and_the_workflow_ends() -> None:
    decided = decide(loop.step, context_for(own_message()))
    assert decided.stop
    assert decided.decisions == (Quarantine("loop", decided.reason),)
    assert "our signature" in decided.facts["loop"]


@pytest.mark.parametrize("by", ["profile", "step"])
def test_our_own_mail_is_let_through_where_wanted(by: str) -> None:
    context = context_for(own_message(), process_own_mail=by == "profile")
    decided = decide(loop.step, context, ProcessIfLoopbackDetected=by == "step")
    assert not decided.stop
    assert decided.decisions == ()
    assert decided.facts["loop"]


def test_a_forged_signature_is_no_loop() -> None:
    message = Message(message_id="1@example.com", headers=[(HEADER, sign("1@example.com", b"another key"))])
    assert decide(loop.step, context_for(message)) == Decided("It is not mail of our own.")


def test_junk_is_quarantined_with_the_filters_words() -> None:
    message = Message(headers=[("X-Spam-Flag", "YES")])
    decided = decide(junk.step, context_for(message))
    assert decided.stop
    assert decided.decisions == (Quarantine("junk", decided.reason),)
    marked = decide(junk.step, context_for(message), MarkOnly=True)
    assert not marked.stop
    assert marked.decisions == ()
    assert marked.facts["junk"] == decided.reason


def test_junk_by_score() -> None:
    message = Message(headers=[("X-Spam-Status", "No, score=4.1 required=5.0")])
    assert decide(junk.step, context_for(message)).decisions == ()
    assert decide(junk.step, context_for(message), Score=4).stop


# --- thread ----------------------------------------------------------------------------------------------------------

OURS = FoundConversation(7, "Order 4711", "open", "alice", ("anna@customer.example",), 1, "ours")
THEIRS = replace(OURS, id=8, evidence="theirs")


def in_thread(author: str, found: dict[str, FoundConversation], **others: object) -> Decided:
    fields = {"in_reply_to": ("a@x",), "references": ("r@x", "a@x"), "subject": "Re: Order 4711", **others}
    message = Message(authors=(Address("", author),), **fields)  # type: ignore[arg-type]  # fields of Message by name
    return decide(thread.step, context_for(message, lookup=FakeLookup(found)))


def test_in_reply_to_comes_first() -> None:
    decided = in_thread("anna@customer.example", {"a@x": OURS, "r@x": THEIRS})
    assert decided.facts == {"conversation": 7, "thread_evidence": "In-Reply-To", "owner": "alice"}
    assert decided.reason == "In-Reply-To names conversation 7."


def test_references_where_in_reply_to_is_unknown() -> None:
    decided = in_thread("anna@customer.example", {"r@x": THEIRS})
    assert decided.facts["conversation"] == 8
    assert decided.facts["thread_evidence"] == "References"


@pytest.mark.parametrize(
    ("author", "joins"),
    [("ANNA@customer.example", True), ("boss@customer.example", True), ("eve@stranger.example", False)],
)
def test_an_id_that_can_be_guessed_is_for_participants_and_their_house(author: str, joins: bool) -> None:
    decided = in_thread(author, {"a@x": THEIRS})
    assert (decided.facts.get("conversation") == 8) is joins
    if not joins:
        assert "“eve@stranger.example” has no part in it" in decided.reason
        assert decided.reason.endswith("So it opens a new conversation.")


def test_the_same_free_mail_provider_is_not_the_same_house() -> None:
    found = replace(THEIRS, participants=("anna@gmail.com",))
    assert in_thread("eve@gmail.com", {"a@x": found}).facts == {}
    assert in_thread("anna@gmail.com", {"a@x": found}).facts["conversation"] == 8


def test_who_has_an_id_of_ours_was_given_our_mail() -> None:
    decided = in_thread("eve@stranger.example", {"a@x": OURS})
    assert decided.facts["conversation"] == 7
    assert "“eve@stranger.example” is new to it." in decided.reason


def test_better_evidence_behind_a_refused_one_counts() -> None:
    decided = in_thread("eve@stranger.example", {"a@x": THEIRS, "r@x": OURS})
    assert decided.facts["conversation"] == 7
    assert "conversation 8, but" in decided.reason


def test_a_signed_tag_joins_and_a_forged_one_does_not() -> None:
    tag = thread_tag(9, SIGNING_KEY)
    forged = thread_tag(9, b"another key")
    tagged = replace(OURS, id=9)
    lookup = FakeLookup(tags={tag: tagged, forged: tagged})
    for text, joins in ((f"> {tag}", True), (f"> {forged}", False), ("[THREAD ID:9]", False)):
        message = Message(authors=(Address("", "eve@stranger.example"),), subject="Order 4711", text=text)
        decided = decide(thread.step, context_for(message, lookup=lookup))
        assert (decided.facts.get("conversation") == 9) is joins
    in_subject = Message(authors=(ANNA,), subject=f"Re: Order 4711 {tag}")
    assert (
        decide(thread.step, context_for(in_subject, lookup=lookup)).facts["thread_evidence"] == "The signed thread tag"
    )
    keyless = context_for(in_subject, lookup=lookup, signing_key=b"")
    assert decide(thread.step, keyless).facts == {}


@pytest.mark.parametrize(("days", "limit", "joins"), [(89, 90, True), (90, 90, False), (900, 0, True), (2, 1, False)])
def test_a_closed_conversation_rests(days: int, limit: int, joins: bool) -> None:
    closed = replace(OURS, state="closed", last_activity_ms=ACCEPTED_MS - days * DAY_MS)
    message = Message(authors=(ANNA,), in_reply_to=("a@x",), subject="Order 4711")
    decided = decide(thread.step, context_for(message, lookup=FakeLookup({"a@x": closed})), ReopenWithinDays=limit)
    assert (decided.facts.get("conversation") == 7) is joins
    if not joins:
        assert f"closed and has rested for {days} days" in decided.reason


@pytest.mark.parametrize(
    ("subject", "changed"),
    [
        ("Re: Order 4711", False),
        ("AW: WG: [ext] order  4711", False),
        ("Antw[2]: Order 4711", False),
        ("Invoice", True),
    ],
)
def test_a_changed_subject_is_mentioned(subject: str, changed: bool) -> None:
    decided = in_thread("anna@customer.example", {"a@x": OURS}, subject=subject)
    assert decided.facts["conversation"] == 7
    assert ("The subject changed" in decided.reason) is changed


def test_no_evidence_is_a_new_conversation() -> None:
    decided = in_thread("anna@customer.example", {})
    assert decided == Decided("It continues no conversation of the response group.")


# --- sender ----------------------------------------------------------------------------------------------------------


def test_a_known_author() -> None:
    lookup = FakeLookup(contacts={"anna@customer.example": FoundContact(3, "Anna M. Smith", "Customer Ltd")})
    decided = decide(sender.step, context_for(Message(authors=(ANNA,)), lookup=lookup))
    assert decided.decisions == (KeepContact(ANNA, "Customer Ltd"),)
    assert decided.facts == {"contact": 3, "sender_name": "Anna M. Smith", "organization": "Customer Ltd"}


@pytest.mark.parametrize(
    ("address", "enabled", "organization"),
    [
        ("anna@customer.example", True, "customer.example"),
        ("anna@customer.example", False, ""),
        ("anna@gmail.com", True, ""),
        ("anna@example.com", True, ""),
        ("anna", True, "anna"),
    ],
)
def test_the_organization_of_a_new_author(address: str, enabled: bool, organization: str) -> None:
    author = Address("Anna", address)
    context = context_for(Message(authors=(author,)), arguments={"EnableLookupSenderByOrganization": enabled})
    decided = decide(sender.step, context)
    assert decided.decisions == (KeepContact(author, organization),)
    assert decided.facts == {"contact": 0, "sender_name": "Anna", "organization": organization}


def test_a_message_without_author() -> None:
    decided = decide(sender.step, context_for(Message()))
    assert not decided.stop
    assert decided.decisions == ()
    aside = decide(sender.step, context_for(Message()), WithoutAuthor="quarantine")
    assert aside.stop
    assert aside.decisions == (Quarantine("unknown author", aside.reason),)


# --- category --------------------------------------------------------------------------------------------------------

RULES = ["Billing: invoice, refund*, rechnung", "Sales/Offer: price", "Delivery: where is, tracking"]


@pytest.mark.parametrize(
    ("subject", "text", "catalog", "expected"),
    [
        ("Your INVOICE", "", "", "Billing"),
        ("", "I want to be refunded.", "", "Billing"),
        ("", "invoices", "", ""),
        ("price?", "", "", ""),
        ("price?", "", "Sales", "Offer"),
        ("", "Where is my parcel?", "", "Delivery"),
        ("Hello", "Nothing", "", ""),
    ],
)
def test_category_by_rules(subject: str, text: str, catalog: str, expected: str) -> None:
    context = context_for(Message(subject=subject, text=text), arguments={"CatalogName": catalog})
    assert decide(category.step, context, Rules=RULES).facts == {"category": expected}


def test_what_is_quoted_is_not_what_it_is_about() -> None:
    text = "Thank you!\n\nOn Mon, Nov 2, 2026 at 10:00 Support <support@example.com> wrote:\n> your invoice\n"
    assert decide(category.step, context_for(Message(text=text)), Rules=RULES).facts == {"category": ""}


def test_category_without_rules_and_with_a_default() -> None:
    assert decide(category.step, context_for(Message())).facts == {"category": ""}
    assert decide(category.step, context_for(Message()), Rules=RULES, Otherwise="Other").facts == {"category": "Other"}


def test_rules_written_as_one_text_or_badly() -> None:
    context = context_for(Message(subject="refunded"))
    assert decide(category.step, context, Rules="Billing: invoice, refund*").facts == {"category": "Billing"}
    assert decide(category.step, context, Rules=["no rule", ": a", "a:", "b: *", "(: [refund"]).facts == {
        "category": ""
    }
