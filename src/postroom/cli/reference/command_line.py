"""The page of commands, from their own help: usage, what it does, options, examples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from postroom.cli import main
from postroom.cli.reference.markdown import block, code, sentence, table, text

PROGRAM = "postroom"


def commands() -> str:
    """Every command, those of groups after their group."""
    parts = [
        "# Commands\n\nExit status: 0 done, 1 it found something wrong, 2 wrong usage, 130 interrupted. Every listing "
        "takes `--json`. `--help` of each command says what stands here. Where the data directory is: run inside it, "
        "or set `POSTROOM_DATA_DIR` ([settings](settings.md)).\n",
        table(
            ("command", "does"),
            [
                (f"[{code(f'{PROGRAM} {name}')}](#{PROGRAM}-{name})", text(line))
                for name, line in main.commands().items()
            ],
        ),
    ]
    context = click.Context(main.postroom, info_name=PROGRAM)
    for name in main.commands():
        command = main.postroom.get_command(context, name)
        assert command is not None
        parts += _command(f"{PROGRAM} {name}", command)
    return "\n".join(parts)


def _command(path: str, command: click.Command) -> Iterator[str]:
    yield f"## {path}\n"
    if isinstance(command, click.Group):
        yield _prose(command)
        for name, child in sorted(command.commands.items()):
            yield from _command(f"{path} {name}", child)
        return
    yield block(f"{path} {_usage(command)}".rstrip())
    yield _prose(command)
    if options := [p for p in command.params if isinstance(p, click.Option)]:
        yield table(("option", "meaning"), [(code(_option(option)), _meaning(option)) for option in options])


def _usage(command: click.Command) -> str:
    parts = ["[OPTIONS]"] if any(isinstance(p, click.Option) for p in command.params) else []
    for argument in command.params:
        if isinstance(argument, click.Argument):
            name = argument.metavar or (argument.name or "").upper() + ("…" if argument.nargs == -1 else "")
            parts.append(name if argument.required else f"[{name}]")
    return " ".join(parts)


def _option(option: click.Option) -> str:
    kind = option.type
    value = option.metavar
    if not value and not option.is_flag:
        value = "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name.upper().split(" ")[0]
    return ", ".join(option.opts) + (f" {value}" if value else "")


def _meaning(option: click.Option) -> str:
    words = text(sentence(option.help or ""))
    notes = ["required"] if option.required else []
    if option.show_default and option.default is not None:
        notes.append(f"default {code(option.default)}")
    return words + (f" ({', '.join(notes)})" if notes else "")


def _prose(command: click.Command) -> str:
    """The help as Markdown: paragraphs, and examples and lists (marked \\b there) as they stand."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        lines = paragraph.splitlines()
        if lines[0].strip() != "\b":
            parts.append(text(paragraph) + "\n")
        elif lines[1].strip() in ("Example:", "Examples:"):
            parts.append(block("\n".join(line.strip() for line in lines[2:]), "sh"))
        else:
            parts.append(block("\n".join(lines[1:])))
    return "\n".join(parts)
