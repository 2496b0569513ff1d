"""The steps that say what is to be done: activity, acknowledge, route."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from postroom.mail.message import Address, Message
from postroom.workflow.contract import Acknowledge, AddActivity, Assign, Decided, Facts
from postroom.workflow.steps import acknowledge, activity, route
from postroom.workflow.template_fields import CONVERSATION
from postroom.workflow.templates import with_conversation
from postroom.workflow.testing import FakeLookup, context_for, values_for

ANNA = Address("Anna Smith", "anna@customer.example")
FACTS = Facts(sender_name="Anna Smith", language="en", category="Billing")


def test_a_new_conversation_is_opened() -> None:
    context = context_for(Message(subject="Order\r\n 4711"), facts=FACTS)
    decided = activity.step.decide(context, values_for(activity.step))
    assert decided.decisions == (AddActivity(0, "Order 4711", "en", "Billing", True),)


@pytest.mark.parametrize(("automatic", "reopen"), [("", True), ("It is an absence note.", False)])
def test_automatic_mail_changes_no_state(automatic: str, reopen: bool) -> None:
    context = context_for(Message(subject="Re: a"), facts=replace(FACTS, conversation=7, automatic=automatic))
    decided = activity.step.decide(context, values_for(activity.step))
    assert decided.decisions == (AddActivity(7, "Re: a", "en", "Billing", reopen),)
    assert ("stays as it is" in decided.reason) is not reopen


@pytest.mark.parametrize(
    ("facts", "enabled", "owner"),
    [
        (Facts(conversation=7, owner="alice"), True, "alice"),
        (Facts(conversation=7, owner="alice"), False, ""),
        (Facts(conversation=7, owner="alice", automatic="x"), True, ""),
        (Facts(conversation=7), True, ""),
        (Facts(), True, ""),
    ],
)
def test_route(facts: Facts, enabled: bool, owner: str) -> None:
    context = context_for(Message(), facts=facts, arguments={"EnableAssignment": enabled})
    decided = route.step.decide(context, values_for(route.step))
    assert decided.decisions == ((Assign(owner),) if owner else ())
    assert decided.reason


# --- acknowledge -----------------------------------------------------------------------------------------------------

TEMPLATE = {"subject": "Re: {{ subject }}", "text": "Dear {{ contact.name }}, your number is {{ conversation.id }}."}


def acknowledged(
    message: Message | None = None,
    *,
    facts: Facts = FACTS,
    template: dict[str, str] | None = None,
    used: dict[tuple[str, int], int] | None = None,
    arguments: dict[str, object] | None = None,
    **parameters: Any,
) -> Decided:
    lookup = FakeLookup(ours={"support@example.com"}, templates={"Ack": template or TEMPLATE}, used=used or {})
    message = message or Message(subject="Order 4711", authors=(ANNA,), text="secret words of the customer")
    context = context_for(
        message, facts=facts, lookup=lookup, arguments={"AcknowledgementTemplate": "Ack", **(arguments or {})}
    )
    return acknowledge.step.decide(context, values_for(acknowledge.step, **parameters))


def test_a_new_conversation_is_acknowledged() -> None:
    (decision,) = acknowledged().decisions
    assert isinstance(decision, Acknowledge)
    assert decision.to == Address("", "anna@customer.example")
    assert decision.subject == "Re: Order 4711"
    assert with_conversation(decision.text, 12) == "Dear Anna Smith, your number is 12."
    assert decision.template == "Ack"
    assert decision.null_return_path
    assert decision.budgets == (
        ("author:anna@customer.example", 3, 3_600),
        ("author:anna@customer.example", 10, 86_400),
        (f"conversation:{CONVERSATION}", 1, 31_536_000),
        ("profile:support@example.com", 10_000, 3_600),
        ("server", 100_000, 3_600),
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"facts": Facts(conversation=7)}, "continues conversation 7"),
        ({"facts": Facts(junk="It is junk.")}, "It is junk."),
        ({"facts": Facts(loop="It is ours.")}, "It is ours."),
        ({"facts": Facts(automatic="It is automatic.")}, "It is automatic."),
        ({"arguments": {"DisableSendAcknowledgement": True}}, "DisableSendAcknowledgement is on"),
        ({"arguments": {"AcknowledgementTemplate": " "}}, "names no template"),
        ({"arguments": {"AcknowledgementTemplate": "None"}}, "no template “None”"),
        ({"arguments": {"EnableTestMode": True}}, "Test mode: it would be acknowledged"),
        ({"template": {"subject": "a", "text": "{{ text }}"}}, "can't be rendered. Line 1"),
        ({"template": {"subject": "a", "text": "{% if %}"}}, "can't be rendered"),
        ({"template": {"subject": "a", "text": " \n"}}, "gives no text"),
        ({"used": {("author:anna@customer.example", 3_600): 3}}, "“author:anna@customer.example” of 3 in an hour"),
        ({"used": {("author:anna@customer.example", 86_400): 10}}, "of 10 in a day"),
        ({"used": {("profile:support@example.com", 3_600): 10_000}}, "“profile:support@example.com” of 10,000"),
        ({"used": {("server", 3_600): 100_000}}, "“server” of 100,000 in an hour"),
        ({"used": {("server", 3_600): 5}, "PerServerHour": 5}, "“server” of 5"),
        ({"message": Message(subject="a")}, "names no author"),
        ({"message": Message(authors=(Address("", "support@example.com"),))}, "one of our own"),
        ({"message": Message(authors=(Address("", "no-reply@shop.example"),))}, "Not acknowledged"),
        ({"message": Message(authors=(ANNA,), headers=[("List-Id", "<a.b>")])}, "mailing list"),
        ({"message": Message(authors=(ANNA,), headers=[("Auto-Submitted", "auto-replied")])}, "a program wrote it"),
        ({"message": Message(authors=(ANNA,), return_path="")}, "null return path"),
        ({"message": Message(authors=(ANNA,), return_path="bounces+17@mailer.example")}, "takes only reports"),
        ({"message": Message(authors=(ANNA,), return_path="a b@x.example")}, "can't be written to"),
        ({"message": Message(authors=(ANNA,), return_path="Support@example.com")}, "one of our own"),
    ],
)
def test_not_acknowledged(changes: dict[str, Any], said: str) -> None:
    decided = acknowledged(**changes)
    assert decided.decisions == ()
    assert said in decided.reason


def test_it_goes_to_the_return_address_unless_told_otherwise() -> None:
    message = Message(subject="a", authors=(ANNA,), return_path="anna.private@elsewhere.example")
    (by_return_path,) = acknowledged(message).decisions
    (by_author,) = acknowledged(message, AcknowledgeTo="author").decisions
    assert isinstance(by_return_path, Acknowledge)
    assert isinstance(by_author, Acknowledge)
    assert by_return_path.to.address == "anna.private@elsewhere.example"
    assert by_return_path.budgets[0][0] == "author:anna.private@elsewhere.example"
    assert by_author.to.address == "anna@customer.example"


def test_nothing_of_the_customer_but_a_bounded_subject_gets_out() -> None:
    message = Message(
        subject="Win\r\nBcc: all@x.example\x00 " + "x" * 900,
        authors=(Address("Buy at http://evil.example", "anna@customer.example"),),
        text="the body",
        headers=[("X-A", "a header")],
    )
    template = {"subject": "Re: {{ subject }}", "text": "{{ subject }}|{{ contact.name }}|{{ contact.address }}"}
    (decision,) = acknowledged(message, facts=Facts(sender_name=message.authors[0].name), template=template).decisions
    assert isinstance(decision, Acknowledge)
    assert "\n" not in decision.subject
    assert "\r" not in decision.subject
    assert len(decision.subject) <= 260
    subject, name, address = decision.text.split("|")
    assert len(subject) <= 200
    assert (name, address) == ("", "anna@customer.example")


def test_a_template_without_subject_answers_the_subject() -> None:
    (decision,) = acknowledged(template={"text": "Hello"}).decisions
    assert isinstance(decision, Acknowledge)
    assert decision.subject == "Re: Order 4711"
