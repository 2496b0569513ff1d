"""Accounts of people: list, add, password."""

from __future__ import annotations

import secrets
import sys

import click

from postroom.cli.output import emit_json, json_option, say, table, when


@click.group()
def command() -> None:
    """Accounts of people.

    Who answers from which profiles is configuration: responsibilities and their members (`postroom apply`).
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the accounts.

    \b
    Example:
      postroom user list
    """
    from postroom.cli.store import open_store

    open_store()
    from django.contrib.auth.models import User

    names = ("name", "email", "administrator", "active", "password", "responsibilities", "last_login_ms")
    rows = [
        (
            user.username,
            user.email,
            user.is_superuser,
            user.is_active,
            user.has_usable_password(),
            [responsibility.name for responsibility in user.responsibilities.all()],
            int(user.last_login.timestamp() * 1000) if user.last_login else None,
        )
        for user in User.objects.order_by("username").prefetch_related("responsibilities")
    ]
    if as_json:
        emit_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    yes = {True: "yes", False: "no"}
    lines = [(a, b, yes[c], yes[d], yes[e], ", ".join(f), when(g)) for a, b, c, d, e, f, g in rows]
    columns = ("name", "email", "administrator", "active", "password", "responsibilities", "last login")
    table(columns, lines, empty="There are no users.")


_password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@command.command()
@click.argument("name")
@click.option("--email", default="", help="Their own address.")
@click.option("--administrator", is_flag=True, help="May do everything.")
@_password_option
def add(name: str, email: str, administrator: bool, password_stdin: bool) -> None:
    """Add an account; its password is made up and shown once, unless it is given.

    \b
    Examples:
      postroom user add alice --email alice@example.com
      postroom user add bob --password-stdin < password.txt
    """
    from postroom.cli import accounts
    from postroom.cli.store import open_store

    open_store()
    password = _given() if password_stdin else secrets.token_urlsafe(12)
    accounts.add(name, email, password, administrator=administrator)
    say(f"User {name} is there." + ("" if password_stdin else f" Password (shown only now): {password}"))


@command.command()
@click.argument("name")
@_password_option
def password(name: str, password_stdin: bool) -> None:
    """Set a new password; it is made up and shown once, unless it is given.

    \b
    Example:
      postroom user password alice
    """
    from postroom.cli import accounts
    from postroom.cli.store import open_store

    open_store()
    user = accounts.find(name)
    new = _given() if password_stdin else secrets.token_urlsafe(12)
    accounts.check_password(new)
    user.set_password(new)
    user.save(update_fields=["password"])
    say(f"The password of {name} is set." + ("" if password_stdin else f" It is shown only now: {new}"))


def _given() -> str:
    return sys.stdin.readline(1000).rstrip("\r\n")
