"""The configurations, workflows and settings that the documents show are valid, and their commands exist."""

from __future__ import annotations

import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from contracts.example_driver import driver as example_driver
from contracts.example_step import step as example_step
from postroom.cli import main
from postroom.conf import registry, sealing
from postroom.conf.settings import Settings, key_path, reset
from postroom.store.setup import setup
from postroom.workflow.definition import validate

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^([ ]*)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
setup()


def blocks(language: str) -> Iterator[object]:
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        for found in _BLOCK.finditer(text):
            if found[2] == language:
                name = f"{document.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
                yield pytest.param(textwrap.dedent(found[3]), id=name)


@pytest.fixture
def with_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver and the step to copy are installed, as the documents that use them have said."""
    monkeypatch.setitem(registry.drivers(), example_driver.name, example_driver)
    monkeypatch.setitem(registry.steps(), example_step.name, example_step)


@pytest.fixture
def with_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A key that seals the secrets of the examples."""
    monkeypatch.setenv("POSTROOM_KEY_FILE", str(tmp_path / "key"))
    reset()
    sealing.make_key_file(key_path())
    yield
    monkeypatch.undo()
    reset()


@pytest.mark.usefixtures("with_key", "with_examples")
@pytest.mark.parametrize("text", list(blocks("yaml")))
def test_a_configuration_could_be_submitted(text: str) -> None:
    from postroom.processor.validation import Validation
    from postroom.store.publishing import yaml_file
    from postroom.store.publishing.check import consistency, readiness
    from postroom.store.publishing.secrets import seal_document

    if text.startswith("name:"):  # a workflow alone
        assert validate(text) == []
        return
    reading = yaml_file.read(text.encode())
    assert reading.problems == ()
    refusals = seal_document(reading.document, [], lambda _source, _name: "what stands there")
    refusals += consistency(reading.document, ())
    assert [str(problem) for problem in (*refusals, *readiness(reading.document, Validation(), refusals))] == []


@pytest.mark.parametrize("text", list(blocks("toml")))
def test_settings_in_a_file_are_known(text: str) -> None:
    read = tomllib.loads(text)
    if "project" not in read:
        assert set(read) <= set(Settings.model_fields)


@pytest.mark.parametrize("text", list(blocks("sh")))
def test_commands_and_options_exist(text: str) -> None:
    for line in text.splitlines():
        if found := re.match(r"(?:\w+=\S+ )*postroom ([^(|>&;]+)", line):
            _parse(shlex.split(found[1], comments=True))


def _parse(words: list[str]) -> None:
    command: click.Command | None = main.postroom
    context = click.Context(main.postroom)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"there is no command {name}"
    assert command is not None
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = {word for word in words if word.startswith("-")} - options - {"-", "--help", "--version"}
    assert unknown == set()
