"""What a workflow is: an ordered list of steps with conditions and parameters, versioned, written as YAML.

    name: Process Message
    version: 1
    comment: What it is for.
    steps:
      - step: junk                       # a step's name
        when: facts.automatic == ""      # a condition, see conditions.py; left out: always
        parameters: {MarkOnly: true}     # as the step declares them
        comment: Why it stands here.

`validate` says everything that is wrong with a definition at once; `load` makes the workflow that the engine runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from postroom.conf.errors import Permanent
from postroom.conf.parameters import ParameterError, Values, resolve
from postroom.conf.registry import steps as registered
from postroom.workflow.conditions import Condition, ConditionError, compile_condition
from postroom.workflow.contract import Step

LONGEST = 262_144  # characters of a definition
MOST_STEPS = 50
_LONGEST_NAME = 100
_LONGEST_COMMENT = 2_000
_KEYS = ("name", "version", "comment", "steps")
_STEP_KEYS = ("step", "when", "parameters", "comment")

Problem = tuple[str, str]  # where, as "steps[2].when", and a sentence


@dataclass(frozen=True, slots=True)
class StepUse:
    """A step at its place in a workflow. `when` None: always."""

    step: Step
    values: Values
    when: Condition | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow ready to run. `reads` names the message's fields that its conditions need."""

    name: str
    version: int
    steps: tuple[StepUse, ...]
    comment: str = ""
    reads: frozenset[str] = frozenset()


class InvalidWorkflow(Permanent):
    """A definition can't work. `problems` has every reason: (where, sentence)."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(" ".join(f"{path}: {sentence}" if path else sentence for path, sentence in problems))


def load(definition: object, steps: Mapping[str, Step] | None = None) -> Workflow:
    """The workflow of a definition: YAML text, or the mapping that it holds.

    `steps` are those there are, by name; the registered ones if not given. Raises `InvalidWorkflow` with every reason.
    """
    problems, workflow = _read(definition, registered() if steps is None else steps)
    if workflow is None:
        raise InvalidWorkflow(problems)
    return workflow


def validate(definition: object, steps: Mapping[str, Step] | None = None) -> list[Problem]:
    """Everything that is wrong with a definition, as (where, sentence); empty if nothing is."""
    return _read(definition, registered() if steps is None else steps)[0]


def _read(definition: object, steps: Mapping[str, Step]) -> tuple[list[Problem], Workflow | None]:
    problems: list[Problem] = []
    document = _document(definition, problems)
    if document is None:
        return problems, None
    problems += _unknown_keys("", document, _KEYS)
    name, version = document.get("name"), document.get("version", 1)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
        problems.append(("name", f"A workflow needs a name of at most {_LONGEST_NAME} characters, on one line."))
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 2**31:
        problems.append(("version", "The version is a whole number from 1 on."))
    comment = _comment("", document, problems)
    uses = tuple(_uses(document.get("steps"), steps, problems))
    if problems:
        return problems, None
    assert isinstance(name, str)
    assert isinstance(version, int)
    reads = frozenset[str]().union(*(use.when.reads for use in uses if use.when))
    return [], Workflow(name.strip(), version, uses, comment, reads)


def _document(definition: object, problems: list[Problem]) -> Mapping[Any, Any] | None:
    if isinstance(definition, str):
        if len(definition) > LONGEST:
            problems.append(("", f"The definition has {len(definition)} characters; the most is {LONGEST}."))
            return None
        try:
            definition = yaml.safe_load(definition)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            said = " ".join(str(error).split())[:300] if not isinstance(error, RecursionError) else "nested too deeply"
            problems.append(("", f"This is no YAML: {said}."))
            return None
    if not isinstance(definition, Mapping):
        problems.append(("", "A workflow is a mapping of name, version, comment and steps."))
        return None
    return definition


def _uses(entries: object, steps: Mapping[str, Step], problems: list[Problem]) -> Iterator[StepUse]:
    if not isinstance(entries, list | tuple) or not entries:
        problems.append(("steps", "A workflow needs a list of steps."))
        return
    if len(entries) > MOST_STEPS:
        problems.append(("steps", f"There are {len(entries)} steps; the most is {MOST_STEPS}."))
        return
    for index, entry in enumerate(entries):
        path = f"steps[{index}]"
        if not isinstance(entry, Mapping):
            problems.append((path, "A step is a mapping of step, when, parameters and comment."))
            continue
        problems += _unknown_keys(f"{path}.", entry, _STEP_KEYS)
        comment = _comment(f"{path}.", entry, problems)
        when = _condition(f"{path}.when", entry.get("when"), problems)
        name = entry.get("step")
        step = steps.get(name) if isinstance(name, str) else None
        if step is None:
            problems.append((f"{path}.step", f"There is no step {_shown(name)}.{_hint(name, steps)}"))
            continue
        values = _values(f"{path}.parameters", step, entry.get("parameters"), problems)
        yield StepUse(step, values, when, comment)


def _condition(path: str, source: object, problems: list[Problem]) -> Condition | None:
    if source is None or source is True:
        return None
    if not isinstance(source, str) or not source.strip():
        problems.append((path, "A condition is a text; leave it out for a step that always runs."))
        return None
    try:
        return compile_condition(source.strip())
    except ConditionError as error:
        problems += [(path, sentence) for sentence in error.sentences]
        return None


def _values(path: str, step: Step, given: object, problems: list[Problem]) -> Values:
    declared = {parameter.name: parameter for parameter in step.parameters}
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        problems.append((path, "Parameters are a mapping of names and values."))
        given = {}
    good: dict[str, object] = {}
    for name, value in given.items():
        if name not in declared:
            problems.append((f"{path}.{name}", f"{step.name} has no parameter {_shown(name)}.{_hint(name, declared)}"))
            continue
        try:
            declared[name].parse(value)
            good[name] = value
        except ParameterError as error:
            problems.append((f"{path}.{name}", str(error)))
    for parameter in declared.values():
        if parameter.required and given.get(parameter.name) in (None, "") and parameter.default in (None, ""):
            problems.append((f"{path}.{parameter.name}", f"{step.name} needs the parameter {parameter.name}."))
    return resolve(step.parameters, good)


def _comment(path: str, entry: Mapping[Any, Any], problems: list[Problem]) -> str:
    comment = entry.get("comment")
    if comment is None:
        return ""
    if isinstance(comment, str) and len(comment) <= _LONGEST_COMMENT:
        return comment.strip()
    problems.append((f"{path}comment", f"A comment is a text of at most {_LONGEST_COMMENT} characters."))
    return ""


def _unknown_keys(path: str, entry: Mapping[Any, Any], known: tuple[str, ...]) -> list[Problem]:
    return [
        (f"{path}{_shown(key).strip(chr(39))}", f"{_shown(key)} is not known here.{_hint(key, known)}")
        for key in list(entry)[:100]
        if key not in known
    ]


def _hint(name: object, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(str(name)[:_LONGEST_NAME], list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _shown(value: object) -> str:
    return repr(value)[:80] if isinstance(value, str | int | float | bool | None) else type(value).__name__
