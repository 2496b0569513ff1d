"""Runs a workflow over one event's context: decides, records why, changes nothing.

Each step's condition is asked, the step decides, its facts are there for the next one. A condition or step that
fails ends the run with `StepFailed`, and nothing of the run is used: the caller tries the event again. Costs a few
microseconds for each step; values are made ready for conditions only if a condition is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from time import perf_counter_ns
from typing import Any, get_type_hints

from postroom.conf.errors import Transient
from postroom.workflow.conditions import ConditionError, Scope
from postroom.workflow.contract import Context, Decided, Decision, Facts, Quarantine, Run, StepRecord
from postroom.workflow.definition import Workflow
from postroom.workflow.words import one_line

_FACT_TYPES: Mapping[str, type] = get_type_hints(Facts)
_CONTEXT_NAMES = tuple(field.name for field in fields(Context))
_LONGEST_REASON = 1_000


class StepFailed(Transient):
    """A step or its condition failed. `step` is its name, `cause` what it raised. The event may be tried again."""

    def __init__(self, step: str, cause: BaseException, *, condition: str = "") -> None:
        said = one_line(str(cause), 300) or "it gave no reason"
        what = f"The condition of the step {step!r} ({one_line(condition)})" if condition else f"The step {step!r}"
        kind = "" if isinstance(cause, ConditionError) else f" with {type(cause).__name__}"
        super().__init__(f"{what} failed{kind}: {said}", code="4.3.0")
        self.step = step
        self.cause = cause


def run(workflow: Workflow, context: Context) -> Run:
    """What the workflow says about the event. Raises `StepFailed`."""
    facts = context.facts
    known = {name: getattr(facts, name) for name in _FACT_TYPES}
    parts = {name: getattr(context, name) for name in _CONTEXT_NAMES}
    decisions: list[Decision] = []
    records: list[StepRecord] = []
    scope: Scope | None = None
    for use in workflow.steps:
        began = perf_counter_ns()
        name = use.step.name
        if use.when is not None:
            try:
                scope = scope or Scope(context, workflow.reads)
                holds = scope.holds(use.when, facts)
            except Exception as error:
                raise StepFailed(name, error, condition=use.when.source) from error
            if not holds:
                reason = f"Skipped: {one_line(use.when.source, 200)} does not hold."
                records.append(StepRecord(name, False, reason, {}, (), microseconds=_since(began)))
                continue
        try:
            decided = use.step.decide(context, use.values)
            if not isinstance(decided, Decided):
                raise TypeError(f"It returned {type(decided).__name__}, not Decided.")
            if context.released:
                decided = _released(decided)
            if decided.facts:
                _check(decided.facts)
                known |= decided.facts
                parts["facts"] = facts = Facts(**known)
                context = Context(**parts)
        except Exception as error:
            raise StepFailed(name, error) from error
        decisions += decided.decisions
        reason = decided.reason if len(decided.reason) <= _LONGEST_REASON else one_line(decided.reason, _LONGEST_REASON)
        record = StepRecord(name, True, reason, decided.facts, decided.decisions, decided.stop, _since(began))
        records.append(record)
        if decided.stop:
            break
    return Run(workflow.name, workflow.version, facts, tuple(decisions), tuple(records))


def _released(decided: Decided) -> Decided:
    """What the step says of an event that a person let out of quarantine."""
    others = tuple(decision for decision in decided.decisions if not isinstance(decision, Quarantine))
    if len(others) == len(decided.decisions):
        return decided
    return replace(decided, decisions=others, stop=False, reason=f"{decided.reason} A person released it.")


def _check(new: Mapping[str, Any]) -> None:
    """An unknown name or a wrong type is a defect of the step."""
    for name, value in new.items():
        expected = _FACT_TYPES.get(name)
        if expected is None:
            raise TypeError(f"There is no fact {name!r}; there are {', '.join(_FACT_TYPES)}.")
        if type(value) is not expected:
            raise TypeError(f"The fact {name!r} must be {expected.__name__}, not {type(value).__name__}.")


def _since(began: int) -> int:
    return (perf_counter_ns() - began) // 1000
