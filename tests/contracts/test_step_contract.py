"""What every workflow step keeps, built in or not: to be run for a step of your own, add it to `STEPS`."""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from contracts.example_step import step as example_step
from postroom.conf.registry import steps as registered
from postroom.mail.message import Address, Attachment, Message
from postroom.mail.references import thread_tag
from postroom.workflow.contract import (
    Context,
    Decided,
    Decision,
    Facts,
    FoundContact,
    FoundConversation,
    FoundOutbound,
    Step,
)
from postroom.workflow.testing import SIGNING_KEY, FakeLookup, context_for, values_for

STEPS: Mapping[str, Step] = {**registered(), example_step.name: example_step}
FACT_TYPES = typing.get_type_hints(Facts)
DECISIONS = typing.get_args(Decision)
ANNA = Address("Anna Smith", "anna@customer.example")
NASTY = "\x00\r\nBcc: all@x.example\ud800\u202e" + "(" * 50 + "{{ 7 }}" + "%s" * 20


def messages() -> Iterator[tuple[str, Message, bytes]]:
    yield "empty", Message(), b""
    yield (
        "ordinary",
        Message(subject="Hello", authors=(ANNA,), text="Where is my order?", size=300),
        b"Subject: Hello\r\n\r\n",
    )
    hostile = Message(
        headers=[(f"X-{number}", NASTY) for number in range(500)]
        + [(name, NASTY) for name in ("Auto-Submitted", "X-Spam-Status", "List-Id", "X-Postroom-Origin", "Received")],
        subject=NASTY * 100,
        authors=(Address(NASTY, NASTY + "@" + NASTY), Address("", "@")),
        originator=Address(NASTY, "\ud800@\ud800"),
        reply_to=tuple(Address(NASTY, f"{number}@x.example") for number in range(200)),
        to=tuple(Address(NASTY, NASTY) for _ in range(500)),
        message_id=NASTY,
        in_reply_to=(NASTY, ""),
        references=tuple(f"{number}{NASTY}" for number in range(500)),
        date_ms=-(10**18),
        return_path=NASTY,
        content_type=NASTY,
        text=(NASTY + "\n> " * 50 + "[THREAD ID:99999999999999999999-AAAAAAAAAAAAAAAA]") * 300,
        html="<" * 10_000,
        attachments=[Attachment(NASTY, NASTY, b"x")] * 200,
        defects=(NASTY,) * 50,
    )
    yield "hostile", hostile, b"\x00\xff" * 10_000
    far = Message(date_ms=10**18, authors=(Address("", "a" * 5_000),), references=("",) * 100, return_path="<>")
    yield "far away", far, b"\r\n" * 1_000
    report = Message(
        content_type="multipart/report", report_type="delivery-status", return_path="", subject="Undelivered", size=100
    )
    body = b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + b"Final-Recipient: rfc822;" * 5_000 + b"\r\n--b--"
    yield "broken report", report, b'Content-Type: multipart/report; boundary="b"\r\n\r\n' + body
    tag = thread_tag(7, SIGNING_KEY)
    yield (
        "follow-up",
        Message(subject=f"Re: a {tag}", authors=(ANNA,), in_reply_to=("known@x",), references=("known@x",)),
        b"",
    )


MESSAGES = {name: (message, octets) for name, message, octets in messages()}


def lookup() -> FakeLookup:
    conversation = FoundConversation(7, NASTY, "closed", "alice", (ANNA.key,), 1, "theirs", "", 1)
    return FakeLookup(
        conversations={"known@x": conversation},
        tags={thread_tag(7, SIGNING_KEY): conversation},
        contacts={ANNA.key: FoundContact(3, NASTY, NASTY)},
        outbound=[FoundOutbound(5, "our@x", (ANNA.key,), 7)],
        ours={"support@example.com"},
        templates={"Ack": {"subject": "Re: {{ subject }}", "text": "{{ contact.name }}{% if"}},
    )


def contexts() -> Iterator[Any]:
    followed = Facts(conversation=7, owner=NASTY, language="en", category=NASTY, sender_name=NASTY, organization=NASTY)
    every: dict[str, object] = {
        "AcknowledgementTemplate": "Ack",
        "EnableLookupSenderByOrganization": True,
        "DefaultLanguage": NASTY.replace("\x00", "").replace("\r\n", ""),
    }
    for name, (message, octets) in MESSAGES.items():
        for situation, facts, arguments in (
            ("new", Facts(), {}),
            ("told", Facts(), every),
            ("followed", followed, every),
        ):
            context = context_for(message, lookup=lookup(), facts=facts, arguments=arguments, octets=octets)
            yield pytest.param(context, id=f"{name}-{situation}")


@pytest.fixture(params=list(STEPS), ids=str)
def step(request: pytest.FixtureRequest) -> Step:
    return STEPS[request.param]


def test_the_built_in_steps_are_registered() -> None:
    assert registered().keys() >= {
        "record-time", "loop", "bounce", "junk", "thread", "sender", "language", "category", "activity", "acknowledge",
        "route",
    }  # fmt: skip


def test_it_declares_itself(step: Step) -> None:
    assert STEPS[step.name] is step
    assert step.name == step.name.lower().replace(" ", "-")
    assert step.title
    names = [parameter.name for parameter in step.parameters]
    assert len(names) == len(set(names))
    for parameter in step.parameters:
        assert parameter.help.endswith(".")
        assert parameter.type != "choice" or parameter.default in parameter.choices
        if parameter.default is not None:
            assert parameter.parse(parameter.default) == parameter.default


@pytest.mark.parametrize("context", list(contexts()))
def test_it_decides_on_anything_and_changes_nothing(step: Step, context: Context) -> None:
    values = values_for(step)
    before = copy.deepcopy((context.message, context.facts, dict(context.arguments), vars(context.lookup)))
    decided = step.decide(context, values)
    assert isinstance(decided, Decided)
    assert (context.message, context.facts, dict(context.arguments), vars(context.lookup)) == before
    assert step.decide(context, values) == decided
    assert decided.reason.strip()
    assert len(decided.reason) <= 2_000
    for name, value in decided.facts.items():
        assert type(value) is FACT_TYPES[name]
    for decision in decided.decisions:
        assert isinstance(decision, DECISIONS)
        assert dataclasses.astuple(decision)
        assert not any(c in "\r\n\x00" for c in getattr(decision, "subject", ""))
