"""Show in words what differs between the draft and what was submitted."""

from __future__ import annotations

import click

from postroom.cli.output import emit_json, json_option, say


@click.command()
@click.argument("old", required=False, type=click.IntRange(min=0))
@click.argument("new", required=False, type=click.IntRange(min=0))
@json_option
def command(old: int | None, new: int | None, as_json: bool) -> None:
    """Show what differs between submission OLD and submission NEW.

    Without NEW it is the draft, without OLD the submission in force. A changed driver shows each profile that it
    affects, with its effective values. Secrets are shown only as changed.

    \b
    Examples:
      postroom diff
      postroom diff 3
      postroom diff 3 4
    """
    from postroom.cli.store import open_store

    open_store()
    from postroom.store.publishing import draft
    from postroom.store.publishing.difference import difference

    _, before = draft.submitted(old)
    after = draft.get().document if new is None else draft.submitted(new)[1]
    changes = difference(before, after)
    if as_json:
        emit_json(changes)
    else:
        say("\n".join(changes) or "No difference.")
