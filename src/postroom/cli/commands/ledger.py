"""Compare the mail servers with the ledger: reconcile."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from postroom.cli.output import clean, emit_json, json_option, progress, say, warn
from postroom.conf.errors import PostroomError, UsageError

if TYPE_CHECKING:
    from postroom.receiver.reconcile import Reconciliation

MOST_TOLD = 20
DIFFERENCES = (
    ("without_disposition", "on the server and not in the ledger (will be retrieved while the profile is watched)"),
    ("not_acknowledged", "safe here, and the server has not been told yet"),
    ("removed_but_there", "removed by us, and still on the server"),
    ("gone", "to be acknowledged, and no longer on the server"),
)


@click.group()
def command() -> None:
    """Every message on a mail server has a disposition in the ledger."""


@command.command()
@click.argument("profile", required=False)
@json_option
def reconcile(profile: str | None, as_json: bool) -> int:
    """Compare server and ledger, and print the difference. Nothing is retrieved or changed.

    Of one profile, or of all that run. Exit status 1 if anything differs or a server could not be asked.

    \b
    Examples:
      postroom ledger reconcile
      postroom ledger reconcile support@example.com
    """
    from postroom.cli.store import open_store

    open_store()
    from postroom.receiver.reconcile import reconcile as compare
    from postroom.store.publishing import configuration

    profiles = dict(configuration.current().profiles)
    if profile is not None:
        if profile not in profiles:
            raise UsageError(f'There is no profile "{profile}" in the submitted configuration.')
        profiles = {profile: profiles[profile]}
    results: list[Reconciliation] = []
    failed: dict[str, str] = {}
    for name, chosen in progress(list(profiles.items()), "Comparing"):
        try:
            results += asyncio.run(compare(chosen))
        except PostroomError as error:
            failed[name] = str(error)
        except OSError as error:
            failed[name] = f"The server can't be asked: {error}."
    if as_json:
        told: list[dict[str, Any]] = [{**asdict(r), "clean": r.clean} for r in results]
        emit_json([*told, *({"profile": name, "clean": False, "error": why} for name, why in failed.items())])
    else:
        _tell(results, failed)
    return 1 if failed or not all(result.clean for result in results) else 0


def _tell(results: list[Reconciliation], failed: dict[str, str]) -> None:
    for result in results:
        where = f"{result.profile} {result.mailbox}".strip()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.with_disposition.items()))
        mark = "✓" if result.clean else "✗"
        say(f"{mark} {clean(where)}: {result.on_server} on the server" + (f" ({kinds})" if kinds else ""))
        for name, meaning in DIFFERENCES:
            ids: list[str] = getattr(result, name)
            if ids:
                say(f"    {len(ids)} {meaning}")
                for source_id in ids[:MOST_TOLD]:
                    say(f"      {clean(source_id)}")
                if len(ids) > MOST_TOLD:
                    say(f"      … and {len(ids) - MOST_TOLD} more")
    for name, why in failed.items():
        say(f"✗ {clean(name)}: {clean(why)}")
    if not results and not failed:
        warn("There are no profiles to compare. `postroom apply FILE --submit` brings some.")
