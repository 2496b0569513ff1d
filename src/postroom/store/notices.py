"""Failure mail to a response group's administrator: noted one by one, sent grouped, never a storm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from postroom.conf.settings import settings
from postroom.store.database import marks, now_ms, reading, transaction

MOST_LINES = 50


def add(group: int, kind: str, about: str, text: str) -> None:
    """Note something in a transaction of its own."""
    with transaction("notice") as cursor:
        note(cursor, group, kind, about, text)


def note(cursor: Any, group: int, kind: str, about: str, text: str) -> None:
    """Note something that the administrator is to be told, in the caller's transaction."""
    cursor.execute(
        "INSERT INTO postroom_notice (group_id, kind, about, text, created_ms) VALUES (%s, %s, %s, %s, %s)",
        [group, kind, about[:200], text[:2000], now_ms()],
    )


def due_groups() -> dict[int, int]:
    """Groups whose administrator is to be told now: how many notices wait.

    The first notice after a quiet time goes at once; those that follow wait until `notice_minutes` have passed since.
    """
    quiet_since = now_ms() - settings().notice_minutes * 60_000
    with reading() as cursor:
        cursor.execute(
            "SELECT group_id, COUNT(*) FROM postroom_notice WHERE sent_ms IS NULL AND group_id NOT IN"
            " (SELECT group_id FROM postroom_notice WHERE sent_ms > %s) GROUP BY group_id",
            [quiet_since],
        )
        return dict(cursor.fetchall())


def take(cursor: Any, group: int) -> tuple[str, int]:
    """The waiting notices of a group as one text, and how many; marked as sent in the caller's transaction."""
    cursor.execute(
        "SELECT id, kind, about, text FROM postroom_notice WHERE sent_ms IS NULL AND group_id = %s ORDER BY id", [group]
    )
    rows = cursor.fetchall()
    for start in range(0, len(rows), 500):
        ids = [row[0] for row in rows[start : start + 500]]
        cursor.execute(f"UPDATE postroom_notice SET sent_ms = %s WHERE id IN ({marks(ids)})", [now_ms(), *ids])  # noqa: S608
    return _text(rows), len(rows)


def _text(rows: Sequence[Sequence[Any]]) -> str:
    by_text: dict[tuple[str, str], list[str]] = {}
    for _, kind, about, text in rows:
        by_text.setdefault((kind, text), []).append(about)
    lines = []
    for (kind, text), abouts in list(by_text.items())[:MOST_LINES]:
        told = ", ".join(abouts[:10]) + (f" and {len(abouts) - 10} more" if len(abouts) > 10 else "")
        lines.append(f"{KINDS.get(kind, kind)} {told}:\n    {text}")
    if len(by_text) > MOST_LINES:
        lines.append(f"… and {len(by_text) - MOST_LINES} other kinds of trouble.")
    return "\n\n".join(lines)


KINDS: Mapping[str, str] = {"profile": "Profile", "event": "Event", "outbound": "Outbound message"}
