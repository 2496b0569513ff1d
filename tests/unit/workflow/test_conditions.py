"""Conditions: what they may say, what they are told, and what is refused before it can hurt."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mail.message import Address, Attachment, Message
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.condition_names import VARIABLES
from postroom.workflow.conditions import ConditionError, Scope, compile_condition
from postroom.workflow.contract import Facts
from postroom.workflow.testing import context_for

ANNA = Address("Anna Smith", "Anna@Example.ORG")
MESSAGE = Message(
    headers=[("List-ID", "<news.example.org>"), ("X-Priority", "1"), ("x-priority", "3")],
    subject="Invoice 4711",
    authors=(ANNA,),
    to=(Address("", "Support@example.com"),),
    cc=(Address("", "boss@example.org"),),
    text="Where is my order?",
    attachments=[Attachment("order.pdf", "application/pdf", b"x")],
    size=2_000,
)


def holds(source: str, message: Message = MESSAGE, facts: Facts | None = None, **arguments: object) -> bool:
    condition = compile_condition(source)
    facts = facts or Facts()
    return Scope(context_for(message, facts=facts, arguments=arguments), condition.reads).holds(condition, facts)


def refused(source: str) -> str:
    with pytest.raises(ConditionError) as caught:
        compile_condition(source)
    return " ".join(caught.value.sentences)


@pytest.mark.parametrize(
    "source",
    [
        "message.subject.contains('Invoice')",
        "message.subject.matches('(?i)^invoice')",
        "message.author == 'anna@example.org' && message.author_domain == 'example.org'",
        "message.author_name == 'Anna Smith'",
        "'support@example.com' in message.to && 'boss@example.org' in message.cc",
        "message.to.exists(one, one.endsWith('@example.com'))",
        "message.attachments.exists(name, name.endsWith('.pdf'))",
        "message.size > 1000 && size(message.text) < 100",
        "header('X-Priority') == '1' && header('X-None') == ''",
        "'list-id' in message.header && message.header['list-id'].contains('news')",
        "profile == 'support@example.com' && group == 'Support' && address == 'support@example.com'",
        "profile.contains('@') && group.startsWith('Sup') && arguments . DefaultLanguage == 'en'",
        r"""message.subject.matches(r'\d\d$') && r'a\' == 'a\\' && '''it's''' == "it's" && message.size > 1""",
        "facts.language == '' && facts.conversation == 0 && !facts.report",
        "!arguments.EnableTestMode && arguments.MaxAttempts == 5 && arguments.CatalogName == ''",
        "message.protection == '' // nobody signed it: 'message.nothing'",
    ],
)
def test_what_a_message_says(source: str) -> None:
    assert holds(source)


def test_facts_and_arguments_are_those_of_the_moment() -> None:
    condition = compile_condition("facts.category == 'Billing' && arguments.EnableTestMode")
    context = context_for(MESSAGE, arguments={"EnableTestMode": True})
    scope = Scope(context, condition.reads)
    assert not scope.holds(condition, context.facts)
    assert scope.holds(condition, Facts(category="Billing"))
    assert not scope.holds(condition, Facts())


def test_every_fact_and_argument_is_documented() -> None:
    documented = {variable.name for variable in VARIABLES}
    assert {f"facts.{field.name}" for field in fields(Facts)} <= documented
    assert {f"arguments.{argument.name}" for argument in ARGUMENTS} <= documented
    assert all(variable.meaning and variable.type for variable in VARIABLES)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 +", "can't be read"),
        ("", "can't be read"),
        ("message.subjekt == 'a'", "Did you mean 'message.subject'?"),
        ("fact.junk == ''", "There is no 'fact'"),
        ("message == 1", "'message' alone"),
        ("message['subject'] == 'x'", "'message' alone"),
        ("lower(message.subject) == 'x'", "no function 'lower'"),
        ("message.subject.matches(message.text)", "written out"),
        ("message.subject.matches('a' + message.text)", "written out"),
        ("message.subject.matches('(')", "unclosed"),
        ("message.to.exists(a, message.cc.exists(b, a == b))", "inside another"),
        ("message.to.all(message, message == 'a')", "names a value already"),
        ("message.size > 'a'", "different types"),
        ("message.size", "neither true nor false"),
        ("message.to[0] == 'a'", "empty message"),
        ("message.header['x-none'] == 'a'", "header('x-none')"),
        ("1 / message.size > 0", "empty message"),
        ("'a' == " + "'" + "a" * 3_000 + "'", "most is 2000"),
        ("(" * 900 + "true" + ")" * 900, "can't be read"),
        ("m`e`", "can't be read"),
    ],
)
def test_refused_with_a_reason(source: str, said: str) -> None:
    assert said in refused(source)


def test_every_reason_at_once() -> None:
    said = refused("message.foo == 'a' && bar == 1 && baz(2)")
    assert all(name in said for name in ("message.foo", "bar", "baz"))


def test_macros_beside_each_other() -> None:
    assert holds("message.to.exists(a, a != '') && message.cc.all(a, a != '') && [1, 2].exists_one(x, x == 1)")


def test_hostile_message_is_bounded_and_gives_an_answer() -> None:
    hostile = Message(
        headers=[("X" * 5_000, "\ud800" * 50)] * 2_000,
        subject="\ud800\x00" * 10_000,
        authors=(Address("\udfff", "no-at"),),
        to=tuple(Address("", f"a{number}@example.org") for number in range(5_000)),
        text="\udc80a" * 500_000,
        size=10**9,
    )
    assert holds("size(message.to) == 100 && size(message.text) <= 100000 && size(message.header) == 1", hostile)
    assert holds("message.author == 'no-at' && message.author_domain == 'no-at' || true", hostile)
    assert holds("header('x-none') == '' && size(message.subject) <= 2000", hostile)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.text(alphabet="message.subject()[]'\"&|!=<>+-*/?:0 1§`{}\\ax", max_size=60)))
def test_any_text_is_a_condition_or_an_error_with_words(source: str) -> None:
    try:
        said = [compile_condition(source).source]
    except ConditionError as error:
        said = list(error.sentences)
    assert said
    assert all(said)
