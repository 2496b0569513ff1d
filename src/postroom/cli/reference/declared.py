"""Pages of declared parameters: drivers, steps, input arguments."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from postroom.cli.reference.markdown import code, table, text
from postroom.conf import registry
from postroom.conf.parameters import Parameter
from postroom.drivers.contract import Driver
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.contract import Step
from postroom.workflow.ready_made import READY_MADE

GROUPS = {
    "incoming": "Retrieving",
    "outgoing": "Submitting",
    "content": "Content",
    "limits": "Limits",
    "encryption": "Encryption and the rest",
}


def driver_parameters() -> str:
    """Each kind of driver with its parameters."""
    parts = [
        "# Driver parameters\n\nA value is the profile's override, else the driver's, else the system default below. "
        "`postroom profile show NAME` tells each effective value and where it comes from. A *required* parameter must "
        "have a value before a profile can be submitted. Secrets are given as a text, as `{env: NAME}` or as "
        "`{file: PATH}`, and are kept sealed.\n"
    ]
    for name, driver in _built_in("postroom.drivers"):
        plugin: Driver = driver
        parts.append(f"## {plugin.title}\n\nKind `{name}`, channel {plugin.channel}.\n")
        for group, title in GROUPS.items():
            of_group = [parameter for parameter in plugin.parameters if parameter.group == group]
            if of_group:
                parts.append(f"### {title}: {name}\n\n{_table(of_group)}")
    return "\n".join(parts)


def steps() -> str:
    """Each workflow step with its parameters, and the ready-made workflows."""
    parts = [
        "# Workflow steps\n\nA step decides and changes nothing; what it decided is done in one transaction "
        "afterwards. A workflow names its steps in order, each with its condition (`when`, see "
        "[conditions](conditions.md)) and its parameters.\n"
    ]
    for name, plugin in _built_in("postroom.steps"):
        step: Step = plugin
        parts.append(f"## {name}\n\n{inspect.getdoc(inspect.getmodule(type(plugin)))}\n")
        parts.append(_table(step.parameters) if step.parameters else "It has no parameters.\n")
    for name, definition in READY_MADE.items():
        parts.append(f"## The ready-made workflow {name}\n\n```yaml\n{definition.strip()}\n```\n")
    return "\n".join(parts)


def input_arguments() -> str:
    """What a response group tells its workflow."""
    return (
        "# Input arguments\n\nWhat a response group tells its workflow, under `input_arguments` in the "
        "[configuration file](configuration-file.md). Conditions read them as `arguments.NAME`.\n\n" + _table(ARGUMENTS)
    )


def _built_in(group: str) -> list[tuple[str, Any]]:
    """The plug-ins that are part of Postroom, by name."""
    return [
        (name, plugin)
        for name, plugin in registry.load(group).items()
        if type(plugin).__module__.startswith("postroom.")
    ]


def _table(parameters: Iterable[Parameter]) -> str:
    columns = ("name", "direction", "type", "unit", "default", "meaning")
    return table(columns, [_row(parameter) for parameter in parameters])


def _row(parameter: Parameter) -> tuple[str, ...]:
    kind = "one of " + ", ".join(map(code, parameter.choices)) if parameter.type == "choice" else parameter.type
    if parameter.minimum is not None and parameter.maximum is not None:
        kind += f", {parameter.minimum:,} to {parameter.maximum:,}"
    elif parameter.minimum is not None:
        kind += f", at least {parameter.minimum:,}"
    meaning = ("Required. " if parameter.required else "") + text(parameter.help)
    return code(parameter.name), parameter.direction, kind, parameter.unit, _default(parameter), meaning


def _default(parameter: Parameter) -> str:
    value = parameter.default
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(", ".join(value) if isinstance(value, tuple) else value)
