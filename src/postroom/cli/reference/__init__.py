"""The pages of `docs/reference`, made from what the code declares, so that they can't tell anything else.

`python -m postroom.cli.reference docs/reference` (`make docs`) writes them; a test compares them with the code. They
tell of what is built in: what a plug-in declares is shown by `postroom driver show KIND`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postroom.cli.reference import command_line, configuration, declared, names, states

HEAD = "<!-- Made from the code by `make docs`. Change the declaration, not this file. -->\n\n"

MAKERS: Mapping[str, Callable[[], str]] = {
    "commands.md": command_line.commands,
    "conditions.md": names.conditions,
    "configuration-file.md": configuration.configuration_file,
    "http.md": names.addresses,
    "input-arguments.md": declared.input_arguments,
    "metrics.md": names.metrics,
    "parameters.md": declared.driver_parameters,
    "settings.md": configuration.settings,
    "states.md": states.states,
    "steps.md": declared.steps,
    "template-fields.md": names.template_fields,
}


def pages() -> dict[str, str]:
    """Every page by file name. Needs a store that is set up; touches no database."""
    return {name: HEAD + make() for name, make in MAKERS.items()}
