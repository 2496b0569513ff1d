"""PostgreSQL 15 and newer: default fsync, SKIP LOCKED claims, LISTEN/NOTIFY as hints."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote

CHANNEL = "postroom"
CLAIM_LOCK = 0x706F7374  # "post": an advisory lock of ours


def options(url: SplitResult) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(url.hostname or ""),
        "PORT": url.port or "",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 10, **dict(parse_qsl(url.query))},
    }


class _Postgresql:
    name = "postgresql"
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def write_lock(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def reserve_ids(self, cursor: Any, table: str, count: int) -> Sequence[int]:
        # One statement for a whole batch; between other processes' ids there may be gaps.
        cursor.execute(
            "SELECT array_agg(nextval(pg_get_serial_sequence(%s, 'id'))) FROM generate_series(1, %s)", [table, count]
        )
        ids: list[int] = cursor.fetchone()[0] or []
        return ids

    def claim_lock(self, cursor: Any) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])

    def notify(self, cursor: Any, channel: str) -> None:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, channel])

    def notices(self, seconds: float) -> Iterator[str]:
        from django.db import connection

        connection.ensure_connection()
        raw: Any = connection.connection
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        for notice in raw.notifies(timeout=seconds):
            yield notice.payload


backend = _Postgresql()
