"""Run the components: receiver, processor, outbound, web."""

from __future__ import annotations

import click

from postroom.conf.errors import UsageError

ROLES = ("receiver", "processor", "outbound", "web")


@click.command()
@click.option("--roles", default=",".join(ROLES), show_default=True, metavar="ROLE,…", help="Which components to run.")
def command(roles: str) -> None:
    """Run the components of Postroom until ^C or SIGTERM.

    \b
    receiver   watches the mailboxes; also processes the events of real-time response groups
    processor  processes the events of nonreal-time response groups
    outbound   submits what is owed
    web        answers /healthz, /readyz and /metrics on POSTROOM_WEB_BIND

    Any number of processes may run any roles over one PostgreSQL; over SQLite, run all in one process. A new
    submission is followed without a restart.

    \b
    Examples:
      postroom serve
      postroom serve --roles receiver,processor
      POSTROOM_WEB_BIND=127.0.0.1:9090 postroom serve --roles outbound,web
    """
    wanted = [role.strip() for role in roles.split(",") if role.strip()]
    if unknown := [role for role in wanted if role not in ROLES]:
        raise UsageError(f"There is no role {unknown[0]!r}.", advice=f"The roles are {', '.join(ROLES)}.")
    if not wanted:
        raise UsageError("No role is left to run.", advice=f"The roles are {', '.join(ROLES)}.")
    from postroom.cli.store import open_store
    from postroom.conf import logs

    open_store()
    logs.configure()
    from postroom.cli.serving import Serving

    Serving(wanted).run()
