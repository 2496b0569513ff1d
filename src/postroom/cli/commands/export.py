"""Write the draft, or a submission, as YAML."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from postroom.cli.output import clean_block, warn


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--submission", type=click.IntRange(min=1), default=None, help="That submission, not the draft.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def command(file: Path | None, submission: int | None, force: bool) -> None:
    """Write the draft as a YAML document that `postroom apply` reads, to FILE or standard output.

    Secrets are written sealed: they open only with this installation's key, in the place where they stand.

    \b
    Examples:
      postroom export postroom.yaml
      postroom export --submission 4 | less
    """
    from postroom.cli.store import open_store
    from postroom.conf.errors import UsageError

    open_store()
    from postroom.store.publishing import draft, yaml_file

    if submission is None:
        state = draft.get()
        document, origin = state.document, f"draft based on submission {state.base}"
    else:
        (_, document), origin = draft.submitted(submission), f"submission {submission}"
    text = yaml_file.write(document, origin)
    if file is None:
        # A file gets every character; a terminal none that steers it.
        click.echo(clean_block(text) if sys.stdout.isatty() else text, nl=False)
        return
    if file.exists() and not force:
        raise UsageError(f"{file} is there already.", advice="--force replaces it.")
    # Written beside it and moved, so that a full disk leaves no half of a file.
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.chmod(0o600)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    warn(f"Wrote {file}.")
