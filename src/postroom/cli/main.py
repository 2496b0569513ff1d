"""`postroom …`: finds the command, runs it, and turns errors into words and an exit status.

A command is a file in `cli/commands`: its name is the file's, its line in `postroom --help` the first line of the
file's docstring, and it holds a click command called `command`. It is imported only when it is run, so that
`postroom --help` answers at once; no command imports Django or a driver at its top.

Exit status: 0 done, 1 it found something wrong, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import resources
from typing import Any, NoReturn

import click

PACKAGE = "postroom.cli.commands"


def commands() -> dict[str, str]:
    """The commands there are, each with its line of help."""
    found = {}
    for file in resources.files(PACKAGE).iterdir():
        name = file.name.removesuffix(".py")
        if file.name.endswith(".py") and not name.startswith("_"):
            with file.open(encoding="utf-8") as text:
                found[name.replace("_", "-")] = text.readline().strip().strip('"')
    return dict(sorted(found.items()))


class Commands(click.Group):
    """The commands by file, imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in commands():
            return None
        command: click.Command = importlib.import_module(f"{PACKAGE}.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in commands():
            close = get_close_matches(args[0], commands(), n=1)
            hint = f" Did you mean `postroom {close[0]}`?" if close else " `postroom --help` lists them."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(commands().items()))


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"postroom {version('postroom')}")
        context.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say the version.")
def postroom() -> None:
    """Postroom, an email response server.

    \b
    A beginning:
      postroom init              # a data directory in ./postroom-data
      postroom apply FILE --submit -m "First configuration"
      postroom serve

    `postroom COMMAND --help` explains a command, with examples. Set up a process with POSTROOM_… variables or
    postroom.toml: POSTROOM_DATA_DIR (./postroom-data), POSTROOM_DATABASE_URL (SQLite in the data directory), …
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status, raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no ✓ must not end us
    try:
        status: Any = postroom.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit as error:  # click's answer to a reader that went away
        return error.code if isinstance(error.code, int) else 1
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is still buffered must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort: nobody is shown a traceback
        from postroom.cli.errors import explain

        return explain(error)


def main() -> NoReturn:
    """The program `postroom`."""
    sys.exit(run())
