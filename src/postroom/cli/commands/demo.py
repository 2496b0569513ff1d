"""Try Postroom out: its own mail servers, sample mail, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--once", is_flag=True, help="End when every message is settled; exit status 1 if one ended wrongly.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Use and keep this data directory instead of a temporary one; it must be new or empty.",
)
@click.option("--seconds", type=click.IntRange(5, 3600), default=60, show_default=True, help="Most time for --once.")
def command(once: bool, keep: Path | None, seconds: int) -> int:
    """A complete try-out in one command.

    Starts mail servers of its own on loopback, a data directory on SQLite, two profiles (one POP3 with a nonreal-time
    response group, one IMAP with a real-time one), delivers sample messages, and shows what happens to each. Then it
    keeps running until ^C, so that the other commands can be tried on it.

    \b
    Examples:
      postroom demo
      postroom demo --once
    """
    from postroom.cli.demo.running import run

    return run(once=once, keep=keep, seconds=seconds)
