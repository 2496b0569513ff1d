"""List what was submitted, by whom and why."""

from __future__ import annotations

import click

from postroom.cli.output import clean, emit_json, json_option, say, table, when


@click.command()
@click.argument("number", required=False, type=click.IntRange(min=1))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="How many, newest first.")
@json_option
def command(number: int | None, limit: int, as_json: bool) -> None:
    """List submissions, the newest first; with NUMBER, what that one changed.

    \b
    Examples:
      postroom submissions
      postroom submissions 4
    """
    from postroom.cli.store import open_store
    from postroom.conf.errors import UsageError

    open_store()
    from postroom.store.models import Submission

    rows = Submission.objects.order_by("-number").defer("document")
    if number is not None:
        rows = rows.filter(number=number)
        if not rows:
            raise UsageError(f"There is no submission {number}.", advice="`postroom submissions` lists them.")
    found = list(rows[:limit])
    if as_json:
        names = ("number", "author", "reason", "created_ms", "difference")
        emit_json([{name: getattr(row, name) for name in names} for row in found])
    elif number is not None:
        row = found[0]
        say(f"Submission {row.number}, {when(row.created_ms)}, by {clean(row.author)}: {clean(row.reason)}\n")
        say(row.difference or "No difference.")
    else:
        lines = [(r.number, when(r.created_ms), r.author, r.reason, len(r.difference.splitlines())) for r in found]
        table(("number", "when", "author", "reason", "changes"), lines, empty="Nothing was submitted yet.")
