"""Make a data directory: database, key, first administrator."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from postroom.cli.output import say, warn


@click.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--admin", default="admin", show_default=True, help="Login name of the first administrator.")
@click.option("--email", default="", help="The administrator's own address.")
def command(directory: Path | None, admin: str, email: str) -> None:
    """Make the data directory DIRECTORY (default: POSTROOM_DATA_DIR, else ./postroom-data).

    It holds the key that seals secrets, the database (unless POSTROOM_DATABASE_URL names a PostgreSQL), large
    contents and the spool. The first administrator's password is shown once. Run again it brings the database up
    to date and keeps everything.

    \b
    Examples:
      postroom init
      postroom init /var/lib/postroom --admin alice --email alice@example.com
      POSTROOM_DATABASE_URL=postgresql://postroom@db/postroom postroom init /var/lib/postroom
    """
    from postroom.cli.accounts import check_name
    from postroom.cli.store import is_data_directory, locate
    from postroom.conf.errors import UsageError
    from postroom.conf.sealing import make_key_file
    from postroom.conf.settings import key_path, reset, settings

    if directory is not None:
        os.environ["POSTROOM_DATA_DIR"] = str(directory)
        reset()
    else:
        locate()
    folder = settings().data_dir
    check_name(admin)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a directory.")
    ours = is_data_directory(folder) or (settings().key_file is not None and key_path().is_file())
    if folder.is_dir() and not ours and any(_others(folder)):
        raise UsageError(f"{folder} holds other files.", advice="Name a new or an empty directory.")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    os.umask(0o077)
    new_key = not key_path().exists()
    make_key_file(key_path())
    say(f"Data directory {folder.resolve()}")
    _fill(admin, email, new_key)
    if folder != Path("postroom-data"):
        say("\nTell the other commands where it is, or run them inside it:")
        say(f"  export POSTROOM_DATA_DIR={folder.resolve()}")
    say('\nNext: postroom apply FILE --submit -m "First configuration", then postroom serve.')


def _others(folder: Path) -> list[str]:
    ours = ("postroom.sqlite3", "postroom-errors")
    return [path.name for path in folder.iterdir() if not path.name.startswith(ours)]


def _fill(admin: str, email: str, new_key: bool) -> None:
    """The schema and the first administrator."""
    from postroom.store.setup import migrate, setup

    setup()
    from django.db import Error

    from postroom.conf.errors import Transient

    try:
        migrate()
    except Error as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Transient(
            f"The database can't be prepared: {said}.",
            advice="See that it runs and that POSTROOM_DATABASE_URL is right.",
        ) from None
    from django.contrib.auth.models import User

    from postroom.cli.accounts import add
    from postroom.store.models import Submission

    say("Database is up to date.")
    if new_key and Submission.objects.exists():
        warn("The key is new, but the database holds secrets that another key sealed: restore it, or set them again.")
    if User.objects.filter(is_superuser=True).exists():
        say("There is an administrator already.")
        return
    password = secrets.token_urlsafe(12)
    add(admin, email, password, administrator=True)
    say(f"Administrator {admin}, password {password}   (shown only now; `postroom user password {admin}` sets another)")
