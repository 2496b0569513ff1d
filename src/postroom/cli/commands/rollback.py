"""Submit an earlier configuration again."""

from __future__ import annotations

import click

from postroom.cli.output import say


@click.command()
@click.argument("number", type=click.IntRange(min=1))
@click.option("-m", "--message", default="", help="Why (default: Back to submission N).")
@click.option("--author", "by", default=None, help="Who acts, for the audit (default: the login name).")
def command(number: int, message: str, by: str | None) -> None:
    """Submit the document of submission NUMBER again, as a new submission.

    A draft with changes of its own stays as it is; `postroom diff` then shows it against the new submission.

    \b
    Example:
      postroom rollback 3 -m "The new driver loses its connection"
    """
    from postroom.cli.store import author, open_store, validators

    open_store()
    from postroom.store.publishing.submit import rollback

    submission = rollback(number, author(by), message, validators())
    say(submission.difference)
    say(f"Submission {submission.number} is in force: the configuration of submission {number}.")
