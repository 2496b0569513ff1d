"""SQLite: WAL, synchronous=FULL, one writer.

Writers of one process queue on a lock instead of SQLite's sleeping busy handler, which is unfair: it let a thread
wait for 100 ms and more while another one committed over and over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any


def options(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 60,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; "
                "PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=4000"
            ),
        },
    }


class _Sqlite:
    name = "sqlite"
    skip_locked = ""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def write_lock(self) -> AbstractContextManager[Any]:
        return self._lock

    def reserve_ids(self, cursor: Any, table: str, count: int) -> Sequence[int]:
        # The transaction is IMMEDIATE, so nobody else inserts between this and the INSERT, which moves the sequence.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
        first = (row[0] if row else 0) + 1
        return range(first, first + count)

    def claim_lock(self, cursor: Any) -> None:
        """The transaction is the only writer already."""

    def notify(self, cursor: Any, channel: str) -> None:
        """Other processes find the work by polling: SQLite has no notices."""

    def notices(self, seconds: float) -> Iterator[str]:
        time.sleep(seconds)
        yield from ()


backend = _Sqlite()
