"""One file per database backend: connection options, and the clauses of hand-written SQL that differ."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from postroom.conf.errors import UsageError
from postroom.conf.settings import Settings
from postroom.store.backends import postgresql, sqlite
from postroom.store.backends.contract import Backend


def database_options(settings: Settings) -> dict[str, Any]:
    """Django's DATABASES entry for the configured URL.

    Raises `UsageError` for a URL of another kind.
    """
    url = settings.database_url or f"sqlite:///{settings.data_dir.resolve() / 'postroom.sqlite3'}"
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite.options(unquote(parts.path[1:] if parts.path.startswith("//") else parts.path))
    if parts.scheme in ("postgres", "postgresql"):
        return postgresql.options(parts)
    raise UsageError("POSTROOM_DATABASE_URL must begin with sqlite:/// or postgresql://.")


@cache
def backend() -> Backend:
    """The backend of this process's database."""
    from django.db import connection  # Django must be set up first

    return postgresql.backend if connection.vendor == "postgresql" else sqlite.backend
