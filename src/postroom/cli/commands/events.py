"""Look at inbound events, and handle those that need a person: list, show, resubmit, discard."""

from __future__ import annotations

from typing import Any

import click

from postroom.cli.output import clean, emit_json, json_option, say, table, when

STATES = ("queued", "processing", "processed", "paused", "failed", "discarded")
OUTCOMES = ("activity", "quarantined", "report", "processed")


@click.group()
def command() -> None:
    """Look at inbound events, and handle those that need a person."""


@command.command("list")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only events in this state.")
@click.option("--outcome", type=click.Choice(OUTCOMES), default=None, help="Only events that ended so.")
@click.option("--profile", default="", metavar="NAME", help="Only of this profile.")
@click.option("--group", default="", metavar="NAME", help="Only of this response group.")
@click.option("--author", default="", metavar="ADDRESS", help="Only from this author.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@json_option
def list_(
    state: str | None, outcome: str | None, profile: str, group: str, author: str, limit: int, as_json: bool
) -> None:
    """List events, the newest first.

    \b
    Examples:
      postroom events list --state failed
      postroom events list --outcome quarantined --profile support@example.com
    """
    from postroom.cli.store import open_store

    open_store()
    from postroom.store import stories

    rows = stories.events(stories.Wanted(state or "", profile, group, author, outcome or "", limit=limit))
    if as_json:
        emit_json(rows)
        return
    shown = [
        (r["id"], r["state"], r["outcome"] or r["reason"][:60], r["profile"], r["author"], r["subject"][:60],
         when(r["accepted_ms"]))
        for r in rows
    ]  # fmt: skip
    table(("id", "state", "outcome", "profile", "author", "subject", "accepted"), shown, empty="There are no events.")


@command.command()
@click.argument("event", type=int, metavar="ID")
@click.option("--raw", is_flag=True, help="Print the exact octets of the message instead.")
@click.option("--parsed", is_flag=True, help="Show what this version's parser makes of the octets instead.")
@json_option
def show(event: int, raw: bool, parsed: bool, as_json: bool) -> None:
    """Tell the whole story of an event.

    Where it came from, each step with its reason, what it changed, what was sent.

    \b
    Examples:
      postroom events show 17
      postroom events show 17 --raw > message.eml
      postroom events show 17 --parsed
    """
    from postroom.cli.store import open_store

    open_store()
    from postroom.store import content, stories

    story = stories.event(event)
    if raw:
        click.echo(content.get(bytes.fromhex(story["digest"])), nl=False)
    elif parsed:
        _parsed(content.get(bytes.fromhex(story["digest"])), as_json)
    elif as_json:
        emit_json(story)
    else:
        _tell(story)


@command.command()
@click.argument("events", type=int, nargs=-1, required=True, metavar="ID…")
@click.option("--release", is_flag=True, help="Let them out of quarantine: no step puts them there again.")
def resubmit(events: tuple[int, ...], release: bool) -> None:
    """Queue failed, paused, discarded or quarantined events again.

    \b
    Examples:
      postroom events resubmit 17 18
      postroom events resubmit 19 --release
    """
    from postroom.cli.store import author, open_store

    open_store()
    from postroom.store import events as store

    for event in events:
        store.resubmit(event, author(), release=release)
        say(f"Event {event} is queued again.")


@command.command()
@click.argument("events", type=int, nargs=-1, required=True, metavar="ID…")
@click.option("-m", "--reason", default="", help="Why, for the event's story.")
def discard(events: tuple[int, ...], reason: str) -> None:
    """Set events aside that are not to be processed. Their octets stay.

    \b
    Example:
      postroom events discard 17 -m "test mail"
    """
    from postroom.cli.store import author, open_store

    open_store()
    from postroom.store import events as store

    for event in events:
        store.discard(event, author(), reason)
        say(f"Event {event} is discarded; `postroom events resubmit {event}` brings it back.")


def _parsed(octets: bytes, as_json: bool) -> None:
    """The message anew, as the parser of this version reads it."""
    from postroom.mail.parse import VERSION, parse

    message = parse(octets)
    attachments = [
        {"name": a.name, "type": a.content_type, "kind": a.kind, "size": a.size} for a in message.attachments
    ]
    facts = {
        "parser": VERSION,
        "subject": message.subject,
        "from": ", ".join(f"{a.name} <{a.address}>".strip() for a in message.authors),
        "to": ", ".join(a.address for a in message.to),
        "message_id": message.message_id,
        "defects": list(message.defects),
        "attachments": attachments,
        "text": message.text,
    }
    if as_json:
        emit_json(facts)
        return
    for name in ("parser", "subject", "from", "to", "message_id"):
        say(f"{name.replace('_', '-') + ':':<12}{clean(facts[name])}")
    for defect in message.defects:
        say(f"{'defect:':<12}{clean(defect)}")
    for attachment in attachments:
        say(f"{'attachment:':<12}{clean(attachment['name'])} ({attachment['type']}, {attachment['size']} octets)")
    say("\n" + message.text)


def _tell(story: dict[str, Any]) -> None:
    state = story["state"] + (f" ({story['outcome']})" if story["outcome"] else "")
    say(f"Event {story['id']}: {state}" + (f", {clean(story['reason'])}" if story["reason"] else ""))
    group = f"{story['response_group']} ({'real-time' if story['realtime'] else 'nonreal-time'})"
    for name, value in (
        ("profile", f"{story['profile']} <{story['address']}>"),
        ("response group", group),
        ("author", story["author"]),
        ("subject", story["subject"]),
        ("Message-ID", story["message_id"]),
        ("size", f"{story['size']} octets, SHA-256 {story['digest'][:16]}…"),
        ("received", when(story["received_ms"])),
        ("accepted", when(story["accepted_ms"])),
        ("processed", when(story["processed_ms"])),
        ("next attempt", when(story["next_attempt_ms"]) if story["state"] == "paused" else ""),
        ("attempts", story["attempts"] if story["attempts"] > 1 else ""),
    ):
        if value:
            say(f"  {name + ':':<16}{clean(value)}")
    say("\nOn the mail server")
    for entry in story["ledger"]:
        place = f"{entry['mailbox']} UIDVALIDITY {entry['epoch']} UID" if entry["epoch"] else "identity"
        told = "not yet acknowledged"
        if entry["acknowledged_ms"]:
            told = f"{'removed' if entry['removed'] else 'acknowledged'} {when(entry['acknowledged_ms'])}"
        elif entry["acknowledge_reason"]:
            told += f": {entry['acknowledge_reason']} ({entry['acknowledge_failures']} attempts)"
        note = f", {entry['reason']}" if entry["reason"] else ""
        say(f"  {clean(place)} {clean(entry['source_id'])}: {entry['disposition']}{clean(note)}; {clean(told)}")
    for run in story["runs"]:
        say(f"\n{clean(run['workflow'])}, version {run['version']}, configuration {run['submission']}")
        for step in run["steps"]:
            mark = "■" if step.get("stopped") else "✓" if step["ran"] else "–"
            say(f"  {mark} {step['step']:<12} {clean(step['reason'])}")
    if story["activity"]:
        activity = story["activity"]
        about = [activity["state"], activity["language"], activity["category"]]
        owner = f"owner {activity['owner']}" if activity["owner"] else "no owner"
        say(f"\nConversation {activity['conversation']}: {', '.join(filter(None, [*about, owner]))}")
        for attachment in activity["attachments"]:
            say(f"  attachment {clean(attachment['name'])} ({attachment['type']}, {attachment['size']} octets)")
    for message in story["sent"]:
        say(f"\n{message['kind'].capitalize()} {message['id']} to {', '.join(map(clean, message['recipients']))}:")
        say(f"  {message['state']}" + (f", {clean(message['reason'])}" if message["reason"] else ""))
        for attempt in message["delivery"]:
            words = clean(f"{attempt['server']} {attempt['code']} {attempt['text']}".strip())
            say(f"  {when(attempt['at_ms'])} {attempt['result']}: {words}")
    for line in story["audit"]:
        say(f"\n{when(line['at_ms'])} {clean(line['actor'])}: {line['action']} {clean(line['detail'])}".rstrip())
