"""Transactions, cursors and the clock: the ground of all hand-written SQL.

`transaction(name)` is one atomic commit; its name is what the crash tests aim at (`POSTROOM_CRASH`, see
`tests/crash`). Hand-written statements use `%s` placeholders on both databases and stand beside the function that
is named after what they do.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import Error, connection
from django.db import transaction as django_transaction

from postroom.store.backends import backend

T = TypeVar("T")


def now_ms() -> int:
    """The present in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@contextmanager
def transaction(name: str) -> Iterator[Any]:
    """One transaction; yields a cursor. Nested, it is a savepoint: what fails inside is undone alone.

    Raises `django.db.DatabaseError` as it comes; nothing of the block remains then.
    """
    with backend().write_lock(), healing():
        with django_transaction.atomic(), connection.cursor() as cursor:
            yield cursor
            _crash(name, "before")
        _crash(name, "after")


@contextmanager
def reading() -> Iterator[Any]:
    """A cursor for reading; each statement sees what is committed."""
    with healing(), connection.cursor() as cursor:
        yield cursor


@contextmanager
def healing() -> Iterator[None]:
    """After an error of the database, this thread's connection is closed if it can't be used any more.

    Django does so between HTTP requests; our threads have none, and would keep the connection of a server that was
    restarted for ever.
    """
    try:
        yield
    except Error:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        raise


def insert_many(cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows; nothing for none."""
    if rows:
        names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608 - our own names


def chunks(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """The items in slices that fit into one `IN (…)`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def marks(items: Iterable[Any]) -> str:
    """As many placeholders as there are items."""
    return ", ".join("%s" for _ in items)


_crash_at = os.environ.get("POSTROOM_CRASH", "").split(":")
_crash_count = 0


def _crash(name: str, when: str) -> None:
    """For the crash tests only: kill this process at the n-th commit of a name (`POSTROOM_CRASH=accept:before:3`)."""
    global _crash_count
    if len(_crash_at) == 3 and _crash_at[:2] == [name, when]:
        _crash_count += 1
        if _crash_count >= int(_crash_at[2]):
            os.kill(os.getpid(), signal.SIGKILL)
