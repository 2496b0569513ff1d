"""Who is alive, and who watches which profile.

A process is an *instance* with a name of its own for each start. It says that it lives every few seconds; when it
has not for `DEAD_AFTER_MS`, or its process is gone from this machine, it is dead: its events and messages are taken
back (`broker`), its leases are free. An instance that was only asleep finds its claims and leases gone when it wakes,
because every commit checks them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from postroom.conf.settings import settings
from postroom.store.backends import backend
from postroom.store.database import marks, now_ms, reading, transaction

BEAT_SECONDS = 3.0
DEAD_AFTER_MS = 15_000


def new_name() -> str:
    """A name for this start of this process, that no other has ever had."""
    return f"{settings().host_name[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def register(name: str, roles: Collection[str]) -> None:
    """This process lives."""
    now = now_ms()
    with transaction("register") as cursor:
        cursor.execute(
            "INSERT INTO postroom_instance (name, host, process_id, roles, submission, started_ms, seen_ms)"
            " VALUES (%s, %s, %s, %s, 0, %s, %s)",
            [name, settings().host_name, os.getpid(), ",".join(sorted(roles)), now, now],
        )


def beat(name: str, submission: int) -> bool:
    """Say that it still lives, and renew its leases. False if it has been declared dead meanwhile."""
    now = now_ms()
    with transaction("beat") as cursor:
        cursor.execute(
            "UPDATE postroom_instance SET seen_ms = %s, submission = %s WHERE name = %s", [now, submission, name]
        )
        if cursor.rowcount != 1:
            return False
        cursor.execute("UPDATE postroom_lease SET until_ms = %s WHERE holder = %s", [now + _lease_ms(), name])
    return True


def leave(name: str) -> None:
    """An orderly end: its leases are free at once."""
    with transaction("leave") as cursor:
        cursor.execute("DELETE FROM postroom_lease WHERE holder = %s", [name])
        cursor.execute("DELETE FROM postroom_instance WHERE name = %s", [name])


def bury(cursor: Any) -> list[str]:
    """Remove dead instances and their leases; returns their names, and those of any holder that has no instance."""
    cursor.execute("SELECT name, host, process_id, seen_ms FROM postroom_instance")
    now = now_ms()
    dead = [
        name
        for name, host, process_id, seen_ms in cursor.fetchall()
        if now - seen_ms > DEAD_AFTER_MS or (host == settings().host_name and not _runs(name, process_id))
    ]
    if dead:
        cursor.execute(f"DELETE FROM postroom_instance WHERE name IN ({marks(dead)})", dead)  # noqa: S608
        cursor.execute(f"DELETE FROM postroom_lease WHERE holder IN ({marks(dead)})", dead)  # noqa: S608
    cursor.execute(
        "SELECT DISTINCT holder FROM postroom_inboundevent WHERE state = 'processing'"
        " AND holder NOT IN (SELECT name FROM postroom_instance)"
        " UNION SELECT DISTINCT holder FROM postroom_outboundmessage WHERE state = 'submitting'"
        " AND holder NOT IN (SELECT name FROM postroom_instance)"
    )
    return [row[0] for row in cursor.fetchall()]


def _runs(name: str, process_id: int) -> bool:
    """Whether that process of this machine runs. Its pid may have been given to another program: then it doesn't."""
    if process_id == os.getpid():
        return f"-{process_id}-" in name
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return b"postroom" in Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return True


def lease(name: str, profiles: Sequence[int], most: int) -> set[int]:
    """Hold leases of these profiles: those held already, and up to `most` more that nobody watches.

    Returns all that are held.
    """
    now = now_ms()
    with reading() as cursor:
        cursor.execute("SELECT profile_id, holder, until_ms FROM postroom_lease")
        rows = {profile: (holder, until) for profile, holder, until in cursor.fetchall()}
    held = {p for p in profiles if rows.get(p, ("", 0))[0] == name}
    free = [p for p in profiles if p not in held and (p not in rows or rows[p][1] < now)]
    if not free or most <= 0:
        return held
    with transaction("lease") as cursor:
        for profile in sorted(free)[:most]:
            cursor.execute(
                "INSERT INTO postroom_lease (profile_id, holder, until_ms) VALUES (%s, %s, %s)"
                " ON CONFLICT (profile_id) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms"
                " WHERE postroom_lease.until_ms < %s",
                [profile, name, now + _lease_ms(), now],
            )
            if cursor.rowcount == 1:
                held.add(profile)
    return held


def release(name: str, profiles: Collection[int]) -> None:
    """Give leases back."""
    if profiles:
        with transaction("release") as cursor:
            cursor.execute(
                f"DELETE FROM postroom_lease WHERE holder = %s AND profile_id IN ({marks(profiles)})",  # noqa: S608
                [name, *profiles],
            )


def release_others(name: str, profiles: Collection[int]) -> None:
    """Give back leases of all but these profiles, which are configured no more."""
    with reading() as cursor:
        cursor.execute("SELECT profile_id FROM postroom_lease WHERE holder = %s", [name])
        others = [row[0] for row in cursor.fetchall() if row[0] not in profiles]
    release(name, others)


def holds(cursor: Any, name: str, profile: int) -> bool:
    """Whether the lease still stands; keeps it from being taken over until the transaction ends."""
    lock = "FOR SHARE" if backend().skip_locked else ""
    cursor.execute(
        f"SELECT 1 FROM postroom_lease WHERE profile_id = %s AND holder = %s {lock}",  # noqa: S608
        [profile, name],
    )
    return cursor.fetchone() is not None


def alive() -> list[dict[str, Any]]:
    """The instances, for listings and metrics."""
    with reading() as cursor:
        cursor.execute("SELECT name, host, process_id, roles, submission, started_ms, seen_ms FROM postroom_instance")
        names = ("name", "host", "process_id", "roles", "submission", "started_ms", "seen_ms")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _lease_ms() -> int:
    return int(settings().lease_seconds * 1000)
