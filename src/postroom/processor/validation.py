"""What a submit must ask the workflow room, for those who submit: the command line, the console, the API.

`store` and `workflow` don't know each other; here they meet. `Validation` is the `Validators` of publishing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from postroom.conf.parameters import ParameterError
from postroom.store.publishing.check import Found
from postroom.store.publishing.document import Document, ResponseGroup
from postroom.store.publishing.problems import Path, suggestion
from postroom.workflow import templates
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.definition import validate
from postroom.workflow.ready_made import READY_MADE

_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Validation:
    """Asks the workflows, input arguments and templates of this installation."""

    def workflow_problems(self, document: Document) -> Found:
        """What is wrong with the workflows' definitions."""
        return [
            (("workflows", i, *_path(where)), f"Workflow {workflow.name}: {sentence}")
            for i, workflow in enumerate(document.workflows)
            for where, sentence in validate(workflow.model_dump(mode="json"))
        ]

    def argument_problems(self, document: Document) -> Found:
        """What is wrong with the response groups' input arguments."""
        return [
            (("response_groups", i, "input_arguments", name), f"Response group {group.name}: {sentence}")
            for i, group in enumerate(document.response_groups)
            for name, sentence in _arguments(group)
        ]

    def template_problems(self, document: Document) -> Found:
        """What is wrong with the templates' texts."""
        return [
            (("templates", i, field), f"Template {template.name}: {field}: {sentence}")
            for i, template in enumerate(document.templates)
            for field, text in (("subject", template.subject), ("text", template.text))
            for sentence in templates.check(text)
        ]

    def ready_made(self) -> set[str]:
        """Names of the workflows that are always there."""
        return set(READY_MADE)


def _arguments(group: ResponseGroup) -> Iterator[tuple[str, str]]:
    declared = {parameter.name: parameter for parameter in ARGUMENTS}
    for name, value in group.input_arguments.items():
        if name not in declared:
            yield name, f'there is no input argument "{name[:100]}"{suggestion(name, declared)}'
            continue
        try:
            parsed = declared[name].parse(value)
        except ParameterError as error:
            yield name, str(error)
            continue
        if name == "RealTime" and parsed is not None and parsed != group.real_time:
            yield name, "RealTime: says the opposite of the response group's real_time; leave it out."


def _path(where: str) -> Path:
    """A place such as steps[2].when."""
    return tuple(int(index) if index else name for index, name in _PART.findall(where))
