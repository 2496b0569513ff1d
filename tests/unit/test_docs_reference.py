"""The reference says what the code declares, and everything that is declared says what it is for."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from prometheus_client.metrics import MetricWrapperBase

from postroom.cli import main
from postroom.cli.reference import MAKERS, states
from postroom.conf import metrics, registry
from postroom.conf.parameters import Parameter
from postroom.conf.settings import Settings
from postroom.store.publishing.document import SECTIONS
from postroom.store.setup import setup
from postroom.workflow import conditions, templates
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.condition_names import FUNCTIONS, VARIABLES
from postroom.workflow.definition import validate
from postroom.workflow.template_fields import FIELDS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
setup()


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_is_as_the_code_is(name: str) -> None:
    from postroom.cli.reference import HEAD

    assert (REFERENCE / name).read_text("utf-8") == HEAD + MAKERS[name](), "out of date: run `make docs`"


def test_every_page_is_in_the_index_and_no_other_lies_there() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert {path.name for path in REFERENCE.glob("*.md")} == set(MAKERS)
    assert [name for name in MAKERS if f"(reference/{name})" not in index] == []


# --- everything declared has its help ---------------------------------------------------------------------------------


def parameters() -> Iterator[tuple[str, Parameter]]:
    for group in ("postroom.drivers", "postroom.steps"):
        for name, plugin in registry.load(group).items():
            yield from ((f"{name} {parameter.name}", parameter) for parameter in plugin.parameters)
    yield from ((f"argument {parameter.name}", parameter) for parameter in ARGUMENTS)


@pytest.mark.parametrize(("_name", "parameter"), list(parameters()), ids=lambda one: one if type(one) is str else "")
def test_a_parameter_says_what_it_means(_name: str, parameter: Parameter) -> None:
    assert parameter.help.endswith(".")
    assert parameter.type != "number" or parameter.unit or parameter.name.endswith("Port")
    if parameter.default is not None:
        assert parameter.parse(parameter.default) == parameter.default


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(main.postroom)
    for name in main.commands():
        command = main.postroom.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {child}", of_group) for child, of_group in command.commands.items())


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda one: one if type(one) is str else "")
def test_a_command_has_help_and_examples(name: str, command: click.Command) -> None:
    assert command.help
    if not isinstance(command, click.Group):
        examples = re.findall(
            r"^ *(?:\w+=\S+ )*postroom (.+)", inspect.cleandoc(command.help).partition("\nExample")[2], re.MULTILINE
        )
        assert examples
        assert all(example.startswith(name) for example in examples)
    assert [option.opts for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_settings_and_the_configuration_file_say_what_they_mean() -> None:
    models = [Settings, *(model for model, _ in SECTIONS.values())]
    fields = [(f"{model.__name__}.{name}", field) for model in models for name, field in model.model_fields.items()]
    assert [name for name, field in fields if not (field.description or "").endswith(".")] == []


def test_steps_and_drivers_say_what_they_are() -> None:
    for plugin in (*registry.steps().values(), *registry.drivers().values()):
        assert plugin.title
        module = inspect.getmodule(type(plugin))
        assert module is not None
        assert ast.get_docstring(ast.parse(inspect.getsource(module)))


def test_metrics_addresses_and_names_say_what_they_mean() -> None:
    from postroom.web.urls import urlpatterns

    collectors = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    assert collectors
    assert [
        metric.name for one in collectors for metric in one.describe() if not metric.documentation.endswith(".")
    ] == []
    assert [url.pattern for url in urlpatterns if not (url.callback.__doc__ or "").strip().endswith(".")] == []
    assert [item.name for item in (*VARIABLES, *FIELDS) if not item.meaning] == []
    assert [name for name, meaning in FUNCTIONS.items() if not meaning] == []


@pytest.mark.parametrize("title", states.declared())
def test_every_state_has_a_meaning(title: str) -> None:
    meanings, known = states.declared()[title]
    assert set(meanings) == set(known)


# --- examples ---------------------------------------------------------------------------------------------------------


def block_of(name: str) -> str:
    found = re.search(r"```\n(.*?)```", (REFERENCE / name).read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_the_examples_of_conditions_hold() -> None:
    for line in block_of("conditions.md").splitlines():
        conditions.compile_condition(line)


def test_the_example_of_a_template_holds() -> None:
    assert templates.check(block_of("template-fields.md")) == []


def test_the_workflows_that_are_shown_can_be_loaded() -> None:
    shown = re.findall(r"```yaml\n(name: .*?)```", (REFERENCE / "steps.md").read_text("utf-8"), re.DOTALL)
    assert shown
    assert [validate(definition) for definition in shown] == [[] for _ in shown]
