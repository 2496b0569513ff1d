"""The recovery scan: takes back what dead processes held, and finds work that nobody was told of."""

from __future__ import annotations

from postroom.store import events, instances, outbound
from postroom.store.database import reading, transaction


def recover() -> dict[str, int]:
    """One scan. Counts: events and messages taken back, paused ones that are due, and work waiting by component."""
    with transaction("recover") as cursor:
        dead = instances.bury(cursor)
        found = {
            "events taken back": events.take_back(cursor, dead),
            "messages taken back": outbound.take_back(cursor, dead),
            "events due": events.requeue_due(cursor),
        }
    with reading() as cursor:
        found["outbound"] = outbound.count_due(cursor)
    found["realtime"] = int(events.any_queued(realtime=True))
    found["processor"] = int(events.any_queued(realtime=False))
    return found
