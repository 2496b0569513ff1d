"""How much of the acknowledgement budgets is used: a count for each key and window of time.

A budget is a key ("author:anna@example.com") and a length of window in seconds; two lengths of one key are two budgets.
Windows begin at multiples of their length since 1970.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from postroom.store.database import chunks, marks, now_ms, reading

LONGEST_KEY = 380


def used(keys: Collection[str], window_seconds: int) -> dict[str, int]:
    """By key: what is committed in the current window; keys of which nothing is used are left out."""
    names = {_name(key, window_seconds): key for key in keys}
    found: dict[str, int] = {}
    with reading() as cursor:
        for some in chunks(sorted(names)):
            cursor.execute(
                f"SELECT key, used FROM postroom_budget WHERE window_ms = %s AND key IN ({marks(some)})",  # noqa: S608
                [_start(window_seconds), *some],
            )
            found.update((names[name], count) for name, count in cursor.fetchall())
    return found


def count(cursor: Any, growth: Mapping[tuple[str, int], int]) -> None:
    """Count what is used, by (key, window in seconds), in the caller's transaction.

    In the order of keys: the rows are shared by all processors, which must not wait for each other in a circle.
    """
    cursor.executemany(
        "INSERT INTO postroom_budget (key, window_ms, used) VALUES (%s, %s, %s)"
        " ON CONFLICT (key, window_ms) DO UPDATE SET used = postroom_budget.used + excluded.used",
        sorted((_name(key, window), _start(window), more) for (key, window), more in growth.items()),
    )


def _name(key: str, window_seconds: int) -> str:
    return f"{key[:LONGEST_KEY]}/{window_seconds}"


def _start(window_seconds: int) -> int:
    return now_ms() // (window_seconds * 1000) * (window_seconds * 1000)
