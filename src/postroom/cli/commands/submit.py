"""Publish the draft as a numbered configuration."""

from __future__ import annotations

import click

from postroom.cli.output import say


@click.command()
@click.option("-m", "--message", required=True, help="Why.")
@click.option("--author", "by", default=None, help="Who acts, for the audit (default: the login name).")
def command(message: str, by: str | None) -> None:
    """Publish the draft. Running components take it up within seconds, without a restart.

    A draft that can't work is refused with every reason at once. `postroom diff` shows what would change.

    \b
    Example:
      postroom submit -m "Poll support@ every 15 seconds"
    """
    from postroom.cli.store import author, open_store, validators

    open_store()
    from postroom.store.publishing.submit import submit

    submission = submit(author(by), message, validators())
    say(submission.difference)
    say(f"Submission {submission.number} is in force.")
