"""The ledger: every message on a server has a disposition, and no retrieval makes two events.

Identity is (profile, mailbox, epoch, source id). A message whose octets are known under another identity of the same
mailbox is *re-identified*, not new, when that other identity can't be a second message: it is of an older epoch
(UIDVALIDITY changed, a mailbox restored) and not matched yet in this one, or it is of this epoch, neither listed now
nor removed by us (moved away and back by somebody). Two identities that stand side by side on the server are two
messages, even with equal octets.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from postroom.store.backends import backend
from postroom.store.content import Packed
from postroom.store.database import chunks, insert_many, marks, now_ms, reading, transaction

ENTRY = (
    "profile_id",
    "mailbox",
    "epoch",
    "source_id",
    "digest",
    "size",
    "disposition",
    "reason",
    "event_id",
    "action",
    "acknowledged_ms",
    "removed",
    "acknowledge_failures",
    "acknowledge_reason",
    "created_ms",
)


@dataclass(frozen=True, slots=True)
class Known:
    """An identity that the ledger knows. `acknowledged`: the server has been told; `removed`: and has removed it."""

    id: int
    source_id: str
    action: str
    acknowledged: bool
    removed: bool


@dataclass(slots=True)
class Arrival:
    """One message of a batch on its way into the ledger. `packed` is None for what was not retrieved.

    `disposition`, `event` and `entry` are filled in by `enter`.
    """

    mailbox: str
    epoch: int
    source_id: str
    size: int
    packed: Packed | None
    excluded: str = ""
    vanished: bool = False
    received_ms: int | None = None
    action: str = "leave"
    disposition: str = ""
    event: int | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of a watched mailbox: since when it is watched, whether it was never listed before (`first`), and
    whether the ledger knows it under another epoch (`renumbered`)."""

    started_ms: int
    first: bool
    renumbered: bool


@dataclass(slots=True)
class Target:
    """Where new events of a batch belong."""

    profile: int
    group: int
    realtime: bool
    receiver: str
    listed: dict[str, set[str]] = field(default_factory=dict)  # by mailbox: what stands on the server now


def known(profile: int, mailbox: str, epoch: int, source_ids: Sequence[str]) -> dict[str, Known]:
    """What the ledger knows of these identities."""
    found: dict[str, Known] = {}
    with reading() as cursor:
        for some in chunks(source_ids):
            cursor.execute(
                "SELECT id, source_id, action, acknowledged_ms, removed FROM postroom_ledgerentry"  # noqa: S608
                f" WHERE profile_id = %s AND mailbox = %s AND epoch = %s AND source_id IN ({marks(some)})",
                [profile, mailbox, epoch, *some],
            )
            for id_, source_id, action, acknowledged_ms, removed in cursor.fetchall():
                found[source_id] = Known(id_, source_id, action, acknowledged_ms is not None, bool(removed))
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as `reconcile` compares it; `reason` is why it is not acknowledged."""

    disposition: str
    acknowledged: bool
    removed: bool
    reason: str


def entries(profile: int, mailbox: str, epoch: int, source_ids: Sequence[str]) -> dict[str, Entry]:
    """The entries of these identities, by source id."""
    found: dict[str, Entry] = {}
    with reading() as cursor:
        for some in chunks(source_ids):
            cursor.execute(
                "SELECT source_id, disposition, acknowledged_ms, removed, acknowledge_reason"  # noqa: S608
                " FROM postroom_ledgerentry WHERE profile_id = %s AND mailbox = %s AND epoch = %s"
                f" AND source_id IN ({marks(some)})",
                [profile, mailbox, epoch, *some],
            )
            for source_id, disposition, acknowledged_ms, removed, reason in cursor.fetchall():
                found[source_id] = Entry(disposition, acknowledged_ms is not None, bool(removed), reason)
    return found


def unacknowledged_elsewhere(profile: int, mailbox: str, epoch: int, listed: Collection[str]) -> list[str]:
    """Identities that are to be acknowledged, and that a complete listing doesn't hold."""
    with reading() as cursor:
        cursor.execute(
            "SELECT epoch, source_id FROM postroom_ledgerentry"
            " WHERE profile_id = %s AND mailbox = %s AND acknowledged_ms IS NULL ORDER BY id",
            [profile, mailbox],
        )
        return [
            source_id for its_epoch, source_id in cursor.fetchall() if its_epoch != epoch or source_id not in listed
        ]


def watch(profile: int, mailbox: str, epoch: int) -> Watch:
    """Since when this mailbox is watched; the first call begins it."""
    with reading() as cursor:
        cursor.execute(
            "SELECT started_ms, listed_ms, EXISTS (SELECT 1 FROM postroom_ledgerentry"
            " WHERE profile_id = %s AND mailbox = %s AND epoch <> %s)"
            " FROM postroom_watchedmailbox WHERE profile_id = %s AND name = %s",
            [profile, mailbox, epoch, profile, mailbox],
        )
        if row := cursor.fetchone():
            return Watch(row[0], row[1] == 0, bool(row[2]))
    now = now_ms()
    with transaction("watch") as cursor:
        cursor.execute(
            "INSERT INTO postroom_watchedmailbox (profile_id, name, epoch, started_ms, listed_ms, messages)"
            " VALUES (%s, %s, 0, %s, 0, 0) ON CONFLICT (profile_id, name) DO NOTHING",
            [profile, mailbox, now],
        )
    return Watch(now, True, False)


def listed(cursor: Any, profile: int, mailbox: str, epoch: int, source_ids: Collection[str]) -> None:
    """A complete listing was seen: remember it; what should have been acknowledged and is gone, is acknowledged.

    Something that we were to delete and that is gone was removed, by our lost command or by somebody.
    """
    now = now_ms()
    cursor.execute(
        "UPDATE postroom_watchedmailbox SET epoch = %s, listed_ms = %s, messages = %s"
        " WHERE profile_id = %s AND name = %s",
        [epoch, now, len(source_ids), profile, mailbox],
    )
    cursor.execute(
        "SELECT id, epoch, source_id, action FROM postroom_ledgerentry"
        " WHERE profile_id = %s AND mailbox = %s AND acknowledged_ms IS NULL",
        [profile, mailbox],
    )
    gone = [
        (now, action in ("delete", "move"), "it is no longer on the server", id_)
        for id_, its_epoch, source_id, action in cursor.fetchall()
        if its_epoch != epoch or source_id not in source_ids
    ]
    if gone:
        cursor.executemany(
            "UPDATE postroom_ledgerentry SET acknowledged_ms = %s, removed = %s, acknowledge_reason = %s WHERE id = %s",
            gone,
        )


def enter(cursor: Any, target: Target, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Write entries and queued events of a batch into the caller's transaction; contents are the caller's.

    Returns those that the server is to be told of; each has its disposition, and its event's id. An identity that
    another receiver entered in the meantime is left out. A UIDL that is known bears either the message that is known
    (the server has still to remove it: it is asked again) or another one, which is new.
    """
    new, again = _not_entered(cursor, target, arrivals)
    reidentified = _reidentified(cursor, target, new)
    events = [a for a in new if a.packed and id(a) not in reidentified]
    for arrival, event in zip(events, backend().reserve_ids(cursor, "postroom_inboundevent", len(events)), strict=True):
        arrival.disposition, arrival.event = "event", event
    now = now_ms()
    for arrival in new:
        if id(arrival) in reidentified:
            arrival.disposition, arrival.event = "duplicate", reidentified[id(arrival)]
        elif not arrival.packed:
            arrival.disposition = "vanished" if arrival.vanished else "excluded"
    insert_many(
        cursor,
        "postroom_inboundevent",
        (
            "id", "profile_id", "group_id", "content_id", "mailbox", "size", "state", "outcome", "reason", "realtime",
            "receiver", "attempts", "deaths", "released", "holder", "next_attempt_ms", "received_ms", "accepted_ms",
            "subject", "author", "message_id",
        ),
        [
            (
                a.event, target.profile, target.group, a.packed.sha256, a.mailbox, a.packed.size, "queued", "", "",
                target.realtime, target.receiver, 0, 0, False, "", 0, a.received_ms, now, "", "", "",
            )
            for a in events
            if a.packed
        ],
    )  # fmt: skip
    insert_many(cursor, "postroom_ledgerentry", ENTRY, [_row(target.profile, a, now) for a in new])
    return new + again


def _row(profile: int, a: Arrival, now: int) -> tuple[Any, ...]:
    digest = a.packed.sha256 if a.packed else None
    reason = a.excluded
    if a.disposition == "duplicate":
        reason = f"the same message as event {a.event}, seen before under another identity"
    elif a.disposition == "vanished":
        reason = "it was listed, and gone before it could be retrieved"
    settled = now if a.action == "leave" or a.vanished else None
    return (
        profile, a.mailbox, a.epoch, a.source_id, digest, a.packed.size if a.packed else a.size, a.disposition, reason,
        a.event, a.action, settled, False, 0, "", now,
    )  # fmt: skip


def _not_entered(cursor: Any, target: Target, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    """Those that are new, and those of a UIDL whose message is the one that its entry knows."""
    entered: dict[tuple[str, int, str], tuple[int, bytes | None, int | None]] = {}
    for mailbox, epoch in {(a.mailbox, a.epoch) for a in arrivals}:
        ids = [a.source_id for a in arrivals if (a.mailbox, a.epoch) == (mailbox, epoch)]
        for some in chunks(ids):
            cursor.execute(
                "SELECT source_id, id, digest, event_id FROM postroom_ledgerentry"  # noqa: S608
                f" WHERE profile_id = %s AND mailbox = %s AND epoch = %s AND source_id IN ({marks(some)})",
                [target.profile, mailbox, epoch, *some],
            )
            for source_id, id_, digest, event in cursor.fetchall():
                entered[mailbox, epoch, source_id] = (id_, None if digest is None else bytes(digest), event)
    fresh: dict[tuple[str, int, str], Arrival] = {}
    again: list[Arrival] = []
    for arrival in arrivals:
        identity = (arrival.mailbox, arrival.epoch, arrival.source_id)
        id_, digest, event = entered.get(identity, (0, None, None))
        if not id_:
            fresh.setdefault(identity, arrival)
        elif not arrival.epoch and arrival.packed and digest is not None:
            if arrival.packed.sha256 == digest:
                cursor.execute(
                    "UPDATE postroom_ledgerentry SET acknowledged_ms = NULL, removed = %s WHERE id = %s", [False, id_]
                )
                arrival.disposition, arrival.event = "duplicate", event
                again.append(arrival)
            else:
                # The old message is gone; its entry keeps its history under a name of its own.
                cursor.execute(
                    "UPDATE postroom_ledgerentry SET source_id = %s, removed = %s,"
                    " acknowledged_ms = COALESCE(acknowledged_ms, %s) WHERE id = %s",
                    [f"{arrival.source_id[:230]} (until {id_})", True, now_ms(), id_],
                )
                fresh.setdefault(identity, arrival)
    return list(fresh.values()), again


def _reidentified(cursor: Any, target: Target, arrivals: Sequence[Arrival]) -> dict[int, int]:
    """By `id()` of the arrival: the event that it is the same message as."""
    digests = {a.packed.sha256 for a in arrivals if a.packed}
    candidates: list[tuple[bytes, str, int, str, int, bool]] = []
    matched: set[tuple[str, int, int]] = set()
    for some in chunks(sorted(digests)):
        cursor.execute(
            "SELECT digest, mailbox, epoch, source_id, event_id, removed, disposition FROM postroom_ledgerentry"  # noqa: S608
            f" WHERE profile_id = %s AND event_id IS NOT NULL AND digest IN ({marks(some)})",
            [target.profile, *some],
        )
        for digest, mailbox, epoch, source_id, event, removed, disposition in cursor.fetchall():
            if disposition == "event":
                candidates.append((bytes(digest), mailbox, epoch, source_id, event, bool(removed)))
            matched.add((mailbox, epoch, event))
    found: dict[int, int] = {}
    for arrival in arrivals if candidates else ():
        for digest, mailbox, epoch, source_id, event, removed in candidates:
            if not arrival.packed or arrival.packed.sha256 != digest or mailbox != arrival.mailbox:
                continue
            if epoch == arrival.epoch:
                same = not removed and source_id not in target.listed.get(mailbox, (source_id,))
            else:
                same = (mailbox, arrival.epoch, event) not in matched
            if same:
                found[id(arrival)] = event
                matched.add((mailbox, arrival.epoch, event))
                candidates.remove((digest, mailbox, epoch, source_id, event, removed))
                break
    return found


def acknowledged(cursor: Any, profile: int, outcomes: Sequence[tuple[str, int, str, bool, bool, str]]) -> None:
    """What the server said: rows of (mailbox, epoch, source id, done, removed, reason)."""
    now = now_ms()
    done = [(now, removed, profile, m, e, s) for m, e, s, ok, removed, _ in outcomes if ok]
    if done:
        cursor.executemany(
            "UPDATE postroom_ledgerentry SET acknowledged_ms = %s, removed = %s, acknowledge_reason = ''"
            " WHERE profile_id = %s AND mailbox = %s AND epoch = %s AND source_id = %s",
            done,
        )
    failed = [(reason, profile, m, e, s) for m, e, s, ok, _, reason in outcomes if not ok]
    if failed:
        cursor.executemany(
            "UPDATE postroom_ledgerentry SET acknowledge_failures = acknowledge_failures + 1, acknowledge_reason = %s"
            " WHERE profile_id = %s AND mailbox = %s AND epoch = %s AND source_id = %s",
            failed,
        )
