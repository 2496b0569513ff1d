"""Workflow definitions: read from YAML, refused with every reason at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.conf.parameters import Parameter, Values
from postroom.workflow.contract import Context, Decided
from postroom.workflow.definition import InvalidWorkflow, load, validate


class Say:
    name = "say"
    title = "Say"
    parameters: tuple[Parameter, ...] = (
        Parameter("Word", "text", "What to say.", required=True),
        Parameter("Times", "number", "How often.", default=1, minimum=1, maximum=3),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        return Decided(values.text("Word") * values.number("Times"))


STEPS = {"say": Say()}

GOOD = """
name: Greet
version: 3
comment: A greeting.
steps:
  - step: say
    parameters: {Word: hello, Times: 2}
  - step: say
    when: message.subject == "hello" && facts.junk == ""
    parameters: {Word: hello again}
    comment: Only if greeted.
"""


def test_a_definition_is_read() -> None:
    workflow = load(GOOD, STEPS)
    assert (workflow.name, workflow.version, workflow.comment) == ("Greet", 3, "A greeting.")
    first, second = workflow.steps
    assert first.when is None
    assert (first.values.text("Word"), first.values.number("Times")) == ("hello", 2)
    assert second.when is not None
    assert second.values.number("Times") == 1
    assert second.comment == "Only if greeted."
    assert workflow.reads == {"message.subject", "facts.junk"}
    assert validate(GOOD, STEPS) == []


def test_every_reason_at_once() -> None:
    problems = dict(
        validate(
            {
                "name": "",
                "version": 0,
                "stepps": [],
                "steps": [
                    {"step": "sya"},
                    {"step": "say", "parameters": {"Word": "a", "Times": 9, "Tmies": 1}, "wenn": "true"},
                    {"step": "say", "when": "message.subjekt == 'a' && 1 +"},
                    {"step": "say", "when": "message.subjekt == 'a'", "parameters": {"Word": "a"}},
                    "say",
                ],
            },
            STEPS,
        )
    )
    assert "steps" in problems["stepps"]
    assert set(problems) == {
        "name",
        "version",
        "stepps",
        "steps[0].step",
        "steps[1].parameters.Times",
        "steps[1].parameters.Tmies",
        "steps[1].wenn",
        "steps[2].when",
        "steps[2].parameters.Word",
        "steps[3].when",
        "steps[4]",
    }
    assert problems["steps[0].step"] == "There is no step 'sya'. Did you mean 'say'?"
    assert "at most 3" in problems["steps[1].parameters.Times"]
    assert problems["steps[1].parameters.Tmies"].endswith("Did you mean 'Times'?")
    assert "Did you mean 'message.subject'?" in problems["steps[3].when"]


def test_an_invalid_one_is_not_loaded() -> None:
    with pytest.raises(InvalidWorkflow) as caught:
        load({"name": "x", "steps": [{"step": "none"}]}, STEPS)
    assert caught.value.problems == [("steps[0].step", "There is no step 'none'.")]
    assert "steps[0].step: There is no step 'none'." in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("a: [", ""),
        ("- a", ""),
        ("[" * 5_000, ""),
        ("x" * 300_000, ""),
        ("name: a\nsteps: []", "steps"),
        ("name: a\nsteps: 3", "steps"),
        ("name: a\nsteps: {a: b}", "steps"),
        ("name: [a]\nsteps: [{step: say, parameters: {Word: a}}]", "name"),
        ("name: a\nversion: true\nsteps: [{step: say, parameters: {Word: a}}]", "version"),
        ("name: a\ncomment: [a]\nsteps: [{step: say, parameters: {Word: a}}]", "comment"),
        ("name: a\nsteps: [{step: say, when: 3, parameters: {Word: a}}]", "steps[0].when"),
        ("name: a\nsteps: [{step: say, parameters: [a]}]", "steps[0].parameters"),
        ("name: a\nsteps: [{step: [say]}]", "steps[0].step"),
        ("name: 2026-11-22\nsteps: [{step: 2026-99-99}]", ""),
        ("? [a, b]\n: 1\n", ""),
        ("!!python/object/apply:os.system ['true']", ""),
        ("name: a\nsteps: [" + "{step: say, parameters: {Word: a}}," * 51 + "]", "steps"),
    ],
)
def test_nonsense_is_refused_with_its_place(text: str, path: str) -> None:
    assert path in [where for where, _ in validate(text, STEPS)]


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "version", "steps", "step", "when", "parameters", "Word"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_document_is_a_workflow_or_has_reasons(document: object) -> None:
    problems = validate(document, STEPS)
    if problems:
        assert all(sentence for _, sentence in problems)
    else:
        assert load(document, STEPS).steps
