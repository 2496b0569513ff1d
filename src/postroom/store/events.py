"""Inbound events: `queued → processing → processed | paused | failed | discarded`. Each change is one function here.

A claim names its holder (an instance of a process). What a holder did not finish is taken back when the holder is
dead (`store/instances`), and every finish checks that the claim still stands, so an event is processed once even if
its holder was only asleep. An event that was claimed with others when its holder died is claimed alone from then on,
so that one poisonous message takes nobody with it; dying alone too often, it fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from postroom.conf.errors import UsageError
from postroom.store import notices
from postroom.store.backends import backend
from postroom.store.database import marks, now_ms, reading, transaction

MOST_DEATHS = 5
OWN_FIRST_MS = 10_000


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this process is to work on."""

    id: int
    profile: int
    group: int
    content: bytes
    size: int
    attempts: int
    received_ms: int | None
    accepted_ms: int
    released: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What a holder wants to claim: the oldest queued events of a mode, bounded by count and octets.

    `limits`: by response group, how many of its events may be processed at a time, everywhere together.
    `again`: events that were tried before go first, so that a stream of fresh ones can't starve them.
    """

    realtime: bool
    messages: int
    octets: int
    limits: Mapping[int, int] = field(default_factory=dict)
    again: bool = False


def claim(holder: str, wish: Wish) -> list[Claimed]:
    """Take queued events; one that was tried before, or whose last holder died, alone.

    Real-time ones are the receiving process's own; anybody's if that process is dead, or after some seconds.
    """
    alone = replace(wish, messages=1)
    fresh, tried = (wish, "deaths = 0 AND attempts = 0"), (alone, "(deaths > 0 OR attempts > 0)")
    with transaction("claim") as cursor:
        room = _room(cursor, wish.limits)
        for its_wish, which in (tried, fresh) if wish.again else (fresh, tried):
            if claimed := _claim(cursor, holder, its_wish, which, room):
                return claimed
    return []


def _room(cursor: Any, limits: Mapping[int, int]) -> dict[int, int]:
    """By response group with a limit: how many more of its events may be claimed."""
    if not limits:
        return {}
    backend().claim_lock(cursor)
    cursor.execute(
        "SELECT group_id, COUNT(*) FROM postroom_inboundevent WHERE state = 'processing'"  # noqa: S608
        f" AND group_id IN ({marks(limits)}) GROUP BY group_id",
        list(limits),
    )
    busy = dict(cursor.fetchall())
    return {group: limit - busy.get(group, 0) for group, limit in limits.items()}


def _claim(cursor: Any, holder: str, wish: Wish, which: str, room: Mapping[int, int]) -> list[Claimed]:
    conditions, arguments = [which], []
    if wish.realtime:
        conditions.append("(receiver = %s OR accepted_ms < %s OR receiver NOT IN (SELECT name FROM postroom_instance))")
        arguments += [holder, now_ms() - OWN_FIRST_MS]
    if full := [group for group, left in room.items() if left <= 0]:
        conditions.append(f"group_id NOT IN ({marks(full)})")
        arguments += full
    cursor.execute(
        "SELECT id, size, group_id FROM postroom_inboundevent WHERE state = 'queued' AND realtime = %s"  # noqa: S608
        f" AND {' AND '.join(conditions)} ORDER BY id LIMIT %s {backend().skip_locked}",
        [wish.realtime, *arguments, wish.messages],
    )
    chosen: list[int] = []
    total = 0
    left = dict(room)
    for id_, size, group in cursor.fetchall():
        if group in left:
            if left[group] <= 0:
                continue
            left[group] -= 1
        total += size
        if chosen and total > wish.octets:
            break
        chosen.append(id_)
    if not chosen:
        return []
    cursor.execute(
        "UPDATE postroom_inboundevent SET state = 'processing', holder = %s"  # noqa: S608
        f" WHERE id IN ({marks(chosen)})"
        " RETURNING id, profile_id, group_id, content_id, size, attempts, received_ms, accepted_ms, released",
        [holder, *chosen],
    )
    claimed = (Claimed(r[0], r[1], r[2], bytes(r[3]), r[4], r[5], r[6], r[7], bool(r[8])) for r in cursor.fetchall())
    return sorted(claimed, key=lambda c: c.id)


def still_held(cursor: Any, holder: str, ids: Sequence[int]) -> set[int]:
    """Which of these events the holder may still finish; locks them for the rest of the transaction."""
    lock = "FOR UPDATE" if backend().skip_locked else ""
    cursor.execute(
        "SELECT id FROM postroom_inboundevent WHERE state = 'processing' AND holder = %s"  # noqa: S608
        f" AND id IN ({marks(ids)}) ORDER BY id {lock}",
        [holder, *ids],
    )
    return {row[0] for row in cursor.fetchall()}


def processed(cursor: Any, rows: Sequence[tuple[str, str, str, str, str, int | None, int]]) -> None:
    """Set events processed: rows of (outcome, reason, subject, author, message id, conversation, id)."""
    now = now_ms()
    cursor.executemany(
        "UPDATE postroom_inboundevent SET state = 'processed', holder = '', outcome = %s, reason = %s, subject = %s,"
        " author = %s, message_id = %s, conversation_id = %s, attempts = attempts + 1, processed_ms = %s WHERE id = %s",
        [(*row[:-1], now, row[-1]) for row in rows],
    )


def paused(cursor: Any, holder: str, event: int, reason: str, again_ms: int) -> None:
    """It went wrong and will be tried again at `again_ms`."""
    cursor.execute(
        "UPDATE postroom_inboundevent SET state = 'paused', holder = '', reason = %s, next_attempt_ms = %s,"
        " attempts = attempts + 1 WHERE id = %s AND state = 'processing' AND holder = %s",
        [reason, again_ms, event, holder],
    )


def failed(cursor: Any, holder: str, event: int, reason: str) -> None:
    """It waits for a person."""
    cursor.execute(
        "UPDATE postroom_inboundevent SET state = 'failed', holder = '', reason = %s, attempts = attempts + 1"
        " WHERE id = %s AND state = 'processing' AND holder = %s",
        [reason, event, holder],
    )


def resubmit(event: int, actor: str, *, release: bool = False) -> None:
    """Queue a failed, paused, discarded or quarantined event again. `release`: it isn't quarantined once more.

    Raises `UsageError` if there is none, or it is in another state: an event that became an activity is done.
    """
    with transaction("resubmit") as cursor:
        state, outcome = _state(cursor, event)
        if state not in ("failed", "paused", "discarded") and outcome != "quarantined":
            raise UsageError(
                f"Event {event} is {state}; only a failed, paused, discarded or quarantined one can be resubmitted."
            )
        cursor.execute(
            "UPDATE postroom_inboundevent SET state = 'queued', outcome = '', reason = '', attempts = 0, deaths = 0,"
            " holder = '', processed_ms = NULL, released = %s WHERE id = %s",
            [release, event],
        )
        audit(cursor, actor, "release" if release else "resubmit", f"event {event}", f"was {state} {outcome}".strip())


def discard(event: int, actor: str, reason: str) -> None:
    """Set an event aside for good; its octets stay.

    Raises `UsageError` if it is being processed or became an activity.
    """
    with transaction("discard") as cursor:
        state, outcome = _state(cursor, event)
        if state not in ("queued", "failed", "paused") and outcome != "quarantined":
            raise UsageError(f"Event {event} is {state}; only one that is not processed can be discarded.")
        cursor.execute(
            "UPDATE postroom_inboundevent SET state = 'discarded', reason = %s, holder = '' WHERE id = %s",
            [reason or f"discarded by {actor}", event],
        )
        audit(cursor, actor, "discard", f"event {event}", reason)


def _state(cursor: Any, event: int) -> tuple[str, str]:
    lock = "FOR UPDATE" if backend().skip_locked else ""
    cursor.execute(f"SELECT state, outcome FROM postroom_inboundevent WHERE id = %s {lock}", [event])  # noqa: S608
    row = cursor.fetchone()
    if row is None:
        raise UsageError(f"There is no event {event}.", advice="`postroom events list` shows which there are.")
    return row[0], row[1]


def audit(cursor: Any, actor: str, action: str, subject: str, detail: str = "") -> None:
    """One line of the audit, in the caller's transaction."""
    cursor.execute(
        "INSERT INTO postroom_audit (at_ms, actor, action, subject, detail) VALUES (%s, %s, %s, %s, %s)",
        [now_ms(), actor, action, subject, detail],
    )


def requeue_due(cursor: Any) -> int:
    """Paused events whose time has come are queued again."""
    cursor.execute(
        "UPDATE postroom_inboundevent SET state = 'queued' WHERE state = 'paused' AND next_attempt_ms <= %s", [now_ms()]
    )
    return int(cursor.rowcount)


def give_back(holder: str, *, realtime: bool) -> int:
    """What a living holder claimed and lost hold of, when the store failed it: as if it had died over it."""
    with transaction("give-back") as cursor:
        return take_back(cursor, [holder], " AND realtime = %s", [realtime])


def take_back(cursor: Any, dead: Sequence[str], only: str = "", arguments: Sequence[object] = ()) -> int:
    """Events that dead instances held are queued again; one that keeps killing its holder fails, and that is told.

    `only` is a further condition on the events, with its arguments.
    """
    if not dead:
        return 0
    cursor.execute(
        "SELECT holder, id, group_id, deaths FROM postroom_inboundevent WHERE state = 'processing'"  # noqa: S608
        f" AND holder IN ({marks(dead)}){only}",
        [*dead, *arguments],
    )
    held: dict[str, list[tuple[int, int, int]]] = {}
    for holder, id_, group, deaths in cursor.fetchall():
        held.setdefault(holder, []).append((id_, group, deaths))
    count = 0
    for holder, events in held.items():
        # Dying with others says little about one of them; dying alone does.
        alone = len(events) == 1
        for id_, group, deaths in events:
            worse = deaths + 1 if alone else max(deaths, 1)
            state = "failed" if worse > MOST_DEATHS else "queued"
            reason = f"the process died {worse} times while it worked on this event alone" if state == "failed" else ""
            cursor.execute(
                "UPDATE postroom_inboundevent SET state = %s, deaths = %s, holder = '', reason = %s"
                " WHERE id = %s AND state = 'processing' AND holder = %s",
                [state, worse, reason, id_, holder],
            )
            # Another scan may have been faster.
            if cursor.rowcount == 1:
                count += 1
                if state == "failed":
                    notices.note(cursor, group, "event", str(id_), reason)
    return count


def any_queued(*, realtime: bool) -> bool:
    """Whether there is work."""
    with reading() as cursor:
        cursor.execute(
            "SELECT 1 FROM postroom_inboundevent WHERE state = 'queued' AND realtime = %s LIMIT 1", [realtime]
        )
        return cursor.fetchone() is not None
