"""Make a YAML file the draft, and submit it if told to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from postroom.cli.output import say, warn

if TYPE_CHECKING:
    from postroom.store.publishing.draft import Prepared


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--submit", "submitting", is_flag=True, help="Submit it at once; the draft is left alone if it can't be.")
@click.option("-m", "--message", default="", help="Why, for --submit.")
@click.option("--dry-run", is_flag=True, help="Say what would change and what is wrong; change nothing.")
@click.option("--author", "by", default=None, help="Who acts, for the audit (default: the login name).")
def command(file: Path, submitting: bool, message: str, dry_run: bool, by: str | None) -> int:
    """Make FILE (- for standard input) the draft.

    The file is the whole document: it REPLACES the draft, and what it leaves out is left out. `postroom export`,
    edit, `postroom apply` is the round trip. {env: NAME} and {file: PATH} are read now, and what they hold is kept
    sealed; a relative PATH counts from the file's folder. All problems are listed at once, with their lines.

    \b
    Examples:
      postroom apply postroom.yaml --dry-run
      postroom apply postroom.yaml
      postroom apply postroom.yaml --submit -m "Add the Japan mailbox"
    """
    from postroom.conf.errors import UsageError

    if submitting and not dry_run and not message.strip():
        raise UsageError("--submit needs a reason.", advice='Give it with -m "WHY".')
    from postroom.cli.errors import WRONG, problems, say_error
    from postroom.cli.store import author, open_store

    open_store()
    from postroom.store.publishing import draft
    from postroom.store.publishing.problems import with_lines

    state = draft.get()
    prepared, lines = _prepare(file)
    stops = prepared.problems if submitting or prepared.refusals else ()
    if stops or (dry_run and prepared.problems):
        what = "can't be the draft" if prepared.refusals else "can't be submitted"
        say_error(f"{file} {what}; {'nothing was changed.' if not dry_run else 'this is wrong:'}")
        problems(with_lines(prepared.problems, lines), str(file))
    if stops:
        return WRONG
    _differences(prepared, state.document, "draft")
    if dry_run:
        return WRONG if prepared.problems else 0
    if prepared.document != state.document:
        draft.replace_draft(prepared, author(by), state.revision)
    if submitting:
        return _submit(author(by), message)
    if prepared.obstacles:
        warn("\nThe draft is saved. Before it can be submitted:")
        problems(with_lines(prepared.obstacles, lines), str(file))
    else:
        say('The draft is saved. `postroom submit -m "WHY"` publishes it.')
    return 0


def _prepare(file: Path) -> tuple[Prepared, dict[tuple[str | int, ...], int]]:
    import sys

    from postroom.cli.store import validators
    from postroom.store.publishing import draft, secrets, yaml_file
    from postroom.store.publishing.yaml_reader import MAX_OCTETS

    standard = str(file) == "-"
    octets = sys.stdin.buffer.read(MAX_OCTETS + 1) if standard else yaml_file.read_file(file)
    reading = yaml_file.read(octets)
    folder = Path.cwd() if standard else file.absolute().parent
    prepared = draft.prepare(reading.document, reading.problems, validators(), secrets.from_process(folder))
    return prepared, dict(reading.lines)


def _differences(prepared: Prepared, before: object, what: str) -> None:
    from postroom.store.publishing.difference import difference
    from postroom.store.publishing.document import Document

    assert isinstance(before, Document)
    changes = difference(before, prepared.document)
    say("\n".join(changes) if changes else f"Nothing differs from the {what}.")


def _submit(by: str, message: str) -> int:
    from postroom.cli.store import validators
    from postroom.store.publishing.submit import NothingToSubmit, submit

    try:
        submission = submit(by, message, validators())
    except NothingToSubmit as error:
        say(str(error))
        return 0
    say(f"Submission {submission.number} is in force.")
    return 0
