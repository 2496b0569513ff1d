"""Look at communications drivers and their parameters: list, show."""

from __future__ import annotations

import click

from postroom.cli.documents import chosen, find, submitted_option, values_json, values_rows
from postroom.cli.output import clean, emit_json, json_option, say, table


@click.group()
def command() -> None:
    """Look at communications drivers and their parameters.

    They look at the draft; with --submitted at what runs.
    """


@command.command("list")
@click.option("--kinds", is_flag=True, help="List the kinds of drivers that are installed.")
@submitted_option
@json_option
def list_(kinds: bool, submitted: bool, as_json: bool) -> None:
    """List the drivers, or the kinds that there are.

    \b
    Examples:
      postroom driver list
      postroom driver list --kinds
    """
    rows: list[tuple[object, ...]]
    if kinds:
        from postroom.conf import registry

        names: tuple[str, ...] = ("kind", "title", "channel", "parameters")
        installed = registry.drivers().items()
        rows = [(name, plugin.title, plugin.channel, len(plugin.parameters)) for name, plugin in installed]
    else:
        document = chosen(submitted)
        names = ("name", "kind", "profiles", "maintainers")
        used = [profile.driver for profile in document.profiles]
        rows = [(d.name, d.kind, used.count(d.name), ", ".join(d.maintainers)) for d in document.drivers]
    if as_json:
        emit_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table(names, rows, empty="There are no drivers. `postroom driver list --kinds` shows the kinds there are.")


@command.command()
@click.argument("name")
@submitted_option
@json_option
def show(name: str, submitted: bool, as_json: bool) -> None:
    """Show a driver's values and the profiles that use it; of a kind, what its parameters mean.

    \b
    Examples:
      postroom driver show "Head office POP3"
      postroom driver show internet-smtp-imap
    """
    from postroom.conf import registry

    if (plugin := registry.drivers().get(name)) is not None:
        _kind(plugin, as_json)
        return
    document = chosen(submitted)
    from postroom.store.publishing.effective import EffectiveValues

    driver = find(document.drivers, "driver", name)
    profiles = [profile.name for profile in document.profiles if profile.driver == name]
    values, reasons = EffectiveValues(document).of_driver(driver)
    if as_json:
        facts = {"name": driver.name, "kind": driver.kind, "maintainers": driver.maintainers, "profiles": profiles}
        emit_json({**facts, "parameters": values_json(values), "problems": reasons})
        return
    say(f"name:        {clean(driver.name)}\nkind:        {clean(driver.kind)}")
    say(f"maintainers: {clean(', '.join(driver.maintainers))}".rstrip())
    say(f"profiles:    {clean(', '.join(profiles)) or 'none'}\n")
    table(("parameter", "value", "from"), values_rows(values), empty="No parameters are known.")


def _kind(plugin: object, as_json: bool) -> None:
    from postroom.drivers.contract import Driver

    driver: Driver = plugin  # type: ignore[assignment]  # the registry holds what plug-ins name
    names = ("name", "type", "default", "unit", "direction", "help")
    rows = [
        (p.name, p.type, p.default, p.unit, p.direction, (f"{', '.join(p.choices)}. " if p.choices else "") + p.help)
        for p in driver.parameters
    ]
    if as_json:
        emit_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table(names, [[_shown(cell) for cell in row] for row in rows])


def _shown(cell: object) -> object:
    return ", ".join(cell) if isinstance(cell, tuple) else str(cell).lower() if isinstance(cell, bool) else cell
