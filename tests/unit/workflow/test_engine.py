"""The engine: facts are handed on, everything is recorded, a failing step fails the run and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from postroom.conf.parameters import Parameter, Values
from postroom.mail.message import Message
from postroom.workflow.contract import Assign, Context, Decided, Step, Tag
from postroom.workflow.definition import load
from postroom.workflow.engine import StepFailed, run
from postroom.workflow.testing import context_for


class Do:
    title = "Do"
    parameters: tuple[Parameter, ...] = ()

    def __init__(self, name: str, decide: Callable[[Context], Decided]) -> None:
        self.name = name
        self._decide = decide

    def decide(self, context: Context, values: Values) -> Decided:
        return self._decide(context)


def raise_(error: BaseException) -> Decided:
    raise error


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Do("find", lambda context: Decided("Found.", (Tag("seen"),), {"conversation": 7, "owner": "alice"})),
        Do("assign", lambda context: Decided(f"To {context.facts.owner}.", (Assign(context.facts.owner),))),
        Do("stop", lambda context: Decided("Enough.", stop=True)),
        Do("talk", lambda context: Decided("x" * 5_000)),
        Do("break", lambda context: raise_(ZeroDivisionError("by\nnothing"))),
        Do("deep", lambda context: raise_(RecursionError())),
        Do("unknown fact", lambda context: Decided("a", facts={"colour": "blue"})),
        Do("wrong fact", lambda context: Decided("a", facts={"conversation": "7"})),
        Do("no decision", lambda context: None),  # type: ignore[arg-type,return-value] # a step of somebody careless
    )
}


def of(*steps: str | tuple[str, str]) -> object:
    entries = [{"step": step} if isinstance(step, str) else {"step": step[0], "when": step[1]} for step in steps]
    return {"name": "Test", "version": 2, "steps": entries}


def test_facts_are_handed_on_and_decisions_collected() -> None:
    context = context_for(Message(subject="Hello"))
    done = run(load(of("find", "assign"), STEPS), context)
    assert (done.workflow, done.version) == ("Test", 2)
    assert (done.facts.conversation, done.facts.owner) == (7, "alice")
    assert done.decisions == (Tag("seen"), Assign("alice"))
    assert [(record.step, record.ran, record.reason) for record in done.records] == [
        ("find", True, "Found."),
        ("assign", True, "To alice."),
    ]
    assert done.records[0].facts == {"conversation": 7, "owner": "alice"}
    assert done.records[0].decisions == (Tag("seen"),)
    assert context.facts.conversation == 0


def test_a_condition_sees_the_facts_so_far_and_a_skipped_step_is_recorded() -> None:
    workflow = load(
        of(
            ("find", "message.subject == 'Hello'"),
            ("assign", "facts.owner == 'bob'"),
            ("assign", "facts.owner == 'alice'"),
        ),
        STEPS,
    )
    done = run(workflow, context_for(Message(subject="Hello")))
    assert [record.ran for record in done.records] == [True, False, True]
    assert done.records[1].reason == "Skipped: facts.owner == 'bob' does not hold."
    assert done.decisions == (Tag("seen"), Assign("alice"))


def test_stop_ends_the_workflow() -> None:
    done = run(load(of("find", "stop", "assign"), STEPS), context_for(Message()))
    assert [record.step for record in done.records] == ["find", "stop"]
    assert done.records[-1].stopped
    assert done.decisions == (Tag("seen"),)


def test_a_reason_is_bounded() -> None:
    assert len(run(load(of("talk"), STEPS), context_for(Message())).records[0].reason) == 1_000


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("break", "The step 'break' failed with ZeroDivisionError: by nothing"),
        ("deep", "The step 'deep' failed with RecursionError: it gave no reason"),
        ("unknown fact", "There is no fact 'colour'; there are received_ms, automatic"),
        ("wrong fact", "The fact 'conversation' must be int, not str."),
        ("no decision", "It returned NoneType, not Decided."),
    ],
)
def test_a_failing_step_fails_the_run(step: str, said: str) -> None:
    with pytest.raises(StepFailed) as caught:
        run(load(of("find", step, "assign"), STEPS), context_for(Message()))
    assert said in str(caught.value)
    assert caught.value.step == step
    assert caught.value.code == "4.3.0"


def test_a_failing_condition_fails_the_run_with_clear_words() -> None:
    workflow = load(of(("assign", "'x-a' in message.header ? message.header['x-b'] == 'a' : true")), STEPS)
    assert run(workflow, context_for(Message())).records[0].ran
    with pytest.raises(StepFailed) as caught:
        run(workflow, context_for(Message(headers=[("X-A", "1")])))
    assert "The condition of the step 'assign'" in str(caught.value)
    assert "header('x-b')" in str(caught.value)


def test_the_same_run_again_decides_the_same() -> None:
    workflow = load(of("find", ("assign", "size(message.text) < 10")), STEPS)
    context = context_for(Message(text="short"))
    first, second = run(workflow, context), run(workflow, context)
    assert (first.facts, first.decisions) == (second.facts, second.decisions)
