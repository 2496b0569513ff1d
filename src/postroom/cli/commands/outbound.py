"""Look at what is owed and sent, and handle what got stuck: list, show, retry, cancel."""

from __future__ import annotations

import click

from postroom.cli.output import clean, emit_json, json_option, say, table, when

STATES = ("queued", "submitting", "submitted", "delivered", "bounced", "paused", "failed", "unknown", "cancelled")
KINDS = ("acknowledgement", "reply", "notice")


@click.group()
def command() -> None:
    """Look at what is owed and sent, and handle what got stuck."""


@command.command("list")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only messages in this state.")
@click.option("--kind", type=click.Choice(KINDS), default=None, help="Only messages of this kind.")
@click.option("--profile", default="", metavar="NAME", help="Only of this profile.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@json_option
def list_(state: str | None, kind: str | None, profile: str, limit: int, as_json: bool) -> None:
    """List outbound messages, the newest first.

    \b
    Examples:
      postroom outbound list --state paused
      postroom outbound list --profile support@example.com --json
    """
    from postroom.cli.store import open_store

    open_store()
    from postroom.store import stories

    rows = stories.outbound(stories.Wanted(state or "", profile, kind=kind or "", limit=limit))
    if as_json:
        emit_json(rows)
        return
    shown = [
        (r["id"], r["state"], r["kind"], r["profile"], ", ".join(r["recipients"]), r["subject"][:50],
         " ".join(filter(None, [r["code"], r["reason"][:60]])) if r["state"] != "submitted" else "",
         when(r["submitted_ms"] or r["created_ms"]))
        for r in rows
    ]  # fmt: skip
    columns = ("id", "state", "kind", "profile", "to", "subject", "why", "at")
    table(columns, shown, empty="There are no outbound messages.")


@command.command()
@click.argument("message", type=int, metavar="ID")
@json_option
def show(message: int, as_json: bool) -> None:
    """Show a message with its delivery ledger: every attempt, and the server's words.

    \b
    Example:
      postroom outbound show 5
    """
    from postroom.cli.store import open_store

    open_store()
    from postroom.store import stories

    found = stories.outbound_message(message)
    if as_json:
        emit_json(found)
        return
    say(f"{found['kind'].capitalize()} {found['id']}: {found['state']}")
    for name, value in (
        ("profile", found["profile"]),
        ("to", ", ".join(found["recipients"])),
        ("return address", found["return_address"] or "<> (none: nothing may answer it)"),
        ("subject", found["subject"]),
        ("Message-ID", found["message_id"]),
        ("answers", found["in_reply_to"]),
        ("event", found["event"] or ""),
        ("conversation", found["conversation"] or ""),
        ("queued", when(found["created_ms"])),
        ("submitted", when(found["submitted_ms"])),
        ("next attempt", when(found["next_attempt_ms"]) if found["state"] == "paused" else ""),
        ("why", found["reason"] if found["state"] != "submitted" else ""),
    ):
        if value:
            say(f"  {name + ':':<16}{clean(value)}")
    say("\nDelivery ledger" if found["delivery"] else "\nNothing has been submitted yet.")
    for attempt in found["delivery"]:
        who = f" <{attempt['recipient']}>" if attempt["recipient"] else ""
        words = clean(f"{attempt['server']} {attempt['reply'] or ''} {attempt['code']} {attempt['text']}")
        say(f"  {when(attempt['at_ms'])} {attempt['result']}{clean(who)}: {' '.join(words.split())}")
    say("\n" + found["text"])


@command.command()
@click.argument("messages", type=int, nargs=-1, required=True, metavar="ID…")
def retry(messages: tuple[int, ...]) -> None:
    """Submit paused, failed, unknown, bounced or cancelled messages again, now.

    They keep their Message-IDs.

    \b
    Example:
      postroom outbound retry 5
    """
    from postroom.cli.store import author, open_store

    open_store()
    from postroom.store import outbound

    for message in messages:
        outbound.retry(message, author())
        say(f"Message {message} is queued again.")


@command.command()
@click.argument("messages", type=int, nargs=-1, required=True, metavar="ID…")
def cancel(messages: tuple[int, ...]) -> None:
    """Never send messages that have not left.

    \b
    Example:
      postroom outbound cancel 5
    """
    from postroom.cli.store import author, open_store

    open_store()
    from postroom.store import outbound

    for message in messages:
        outbound.cancel(message, author())
        say(f"Message {message} is cancelled.")
