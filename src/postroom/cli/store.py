"""The data directory and the database, opened for a command, or a clear word on why that can't be."""

from __future__ import annotations

import base64
import getpass
import os
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from postroom.conf.errors import Permanent, Transient, UsageError
from postroom.conf.settings import key_path, reset, settings

if TYPE_CHECKING:
    from postroom.store.publishing.check import Validators


def locate() -> None:
    """Inside a data directory, that is the one; unless something is set or stands beside us."""
    inside = is_data_directory(Path()) and not Path("postroom-data").exists()
    if inside and "POSTROOM_DATA_DIR" not in os.environ and settings().data_dir == Path("postroom-data"):
        os.environ["POSTROOM_DATA_DIR"] = str(Path.cwd())
        reset()


def is_data_directory(folder: Path) -> bool:
    """Whether a folder holds a sealing key of ours: any other file of that name does not make it one."""
    try:
        with (folder / "key").open("rb") as file:
            return len(base64.b64decode(file.read(200).split()[0], validate=True)) == 32
    except (OSError, ValueError, IndexError):
        return False


def open_store() -> None:
    """Set up the store and see that it can be used.

    Raises `UsageError` if there is none here, `Permanent` if its schema is not ours, `Transient` if it is away.
    """
    locate()
    folder = settings().data_dir
    if not key_path().is_file():
        there = f"{folder} is no data directory" if folder.exists() else f"There is no data directory {folder}"
        if settings().key_file:
            there = f"There is no key file {key_path()}"
        raise UsageError(
            f"{there}.", advice="Make one with `postroom init`, or say where it is with POSTROOM_DATA_DIR=DIR."
        )
    if not settings().database_url and not (folder / "postroom.sqlite3").is_file():
        raise UsageError(f"{folder} holds no database.", advice="Run `postroom init`, or restore it from a backup.")
    from postroom.store.setup import setup

    setup()
    _see_schema()


def _see_schema() -> None:
    from django.db import Error, OperationalError, connection

    import postroom.store.migrations as migrations

    ours = {module.name for module in pkgutil.iter_modules(migrations.__path__)}
    try:
        with connection.cursor() as cursor:
            if "django_migrations" not in connection.introspection.table_names(cursor):
                done: set[str] = set()
            else:
                cursor.execute("SELECT name FROM django_migrations WHERE app = 'postroom'")
                done = {row[0] for row in cursor.fetchall()}
    except OperationalError as error:
        raise Transient(
            f"The database can't be reached: {_first_line(error)}.",
            advice="See that it runs, and that POSTROOM_DATABASE_URL is right.",
        ) from None
    except Error as error:
        raise Permanent(f"The database can't be used: {_first_line(error)}.") from None
    if done - ours:
        raise Permanent("The database was made by a newer Postroom than this one.", advice="Run the newer one.")
    if ours - done:
        what = "is older than this Postroom" if done else "holds no Postroom yet"
        raise UsageError(f"The database {what}.", advice="Run `postroom init`: it brings it up to date, and keeps all.")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def validators() -> Validators:
    """What checks a document before it is submitted."""
    from postroom.processor.validation import Validation

    return Validation()


def author(name: str | None = None) -> str:
    """Who acts, for the audit: as named, else the login name."""
    if name:
        return name[:150]
    try:
        return getpass.getuser()[:150]
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
