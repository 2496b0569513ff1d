"""Look at driver profiles, and test their connections: list, show, test."""

from __future__ import annotations

import click

from postroom.cli.documents import chosen, find, submitted_option, values_json, values_rows
from postroom.cli.output import clean, emit_json, json_option, say, table, warn


@click.group()
def command() -> None:
    """Look at driver profiles, and test their connections.

    They look at the draft; with --submitted at what runs.
    """


@command.command("list")
@submitted_option
@json_option
def list_(submitted: bool, as_json: bool) -> None:
    """List the profiles.

    \b
    Examples:
      postroom profile list
      postroom profile list --submitted --json
    """
    document = chosen(submitted)
    from postroom.store.models import Profile, ProfileHealth

    states = dict(Profile.objects.values_list("name", "state"))
    health = dict(ProfileHealth.objects.values_list("profile__name", "state"))
    names = ("name", "address", "driver", "response_group", "state", "health")
    rows = [
        (p.name, p.address, p.driver, p.response_group, states.get(p.name, "draft"), health.get(p.name, ""))
        for p in document.profiles
    ]
    if as_json:
        emit_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        columns = [name.replace("_", " ") for name in names]
        table(columns, rows, empty="There are no profiles. `postroom apply FILE` brings some.")


@command.command()
@click.argument("name")
@submitted_option
@json_option
def show(name: str, submitted: bool, as_json: bool) -> None:
    """Show a profile: every parameter with its value, and where that comes from.

    \b
    Example:
      postroom profile show support@example.com
    """
    document = chosen(submitted)
    from postroom.store.publishing.effective import EffectiveValues

    profile = find(document.profiles, "profile", name)
    values, reasons = EffectiveValues(document).of_profile(profile)
    facts = {
        "name": profile.name,
        "address": profile.address,
        "driver": profile.driver,
        "response_group": profile.response_group,
        "responsibilities": profile.responsibilities,
        "signature": profile.signature,
    }
    if as_json:
        emit_json({**facts, "parameters": values_json(values), "problems": reasons})
        return
    for key, value in facts.items():
        text = ", ".join(value) if isinstance(value, list) else value
        say(f"{key.replace('_', ' ') + ':':<18}{clean(text)}".rstrip())
    for reason in reasons:
        warn(reason)
    say()
    table(("parameter", "value", "from"), values_rows(values), empty="No parameters are known.")


@command.command()
@click.argument("name")
@submitted_option
@json_option
def test(name: str, submitted: bool, as_json: bool) -> int:
    """Log in both ways, and say step by step how it went. No message is retrieved, changed or sent.

    Exit status 1 if a step failed.

    \b
    Example:
      postroom profile test support@example.com
    """
    from postroom.cli.connection_test import steps

    document = chosen(submitted)
    found = []
    for direction, step in steps(document, find(document.profiles, "profile", name)):
        found.append((direction, step))
        if not as_json:
            mark = "✗" if not step.ok else "!" if step.warning else "✓"
            say(f"{mark} {direction}: {clean(step.name)}" + (f": {clean(step.detail)}" if step.detail else ""))
            if step.advice:
                say(f"    {clean(step.advice)}")
    failed = [step for _, step in found if not step.ok]
    if as_json:
        names = ("name", "ok", "warning", "detail", "advice")
        emit_json([{"direction": direction, **{n: getattr(step, n) for n in names}} for direction, step in found])
    else:
        say(f"\n{len(failed)} of {len(found)} steps failed." if failed else "\nBoth directions work.")
    return 1 if failed else 0
