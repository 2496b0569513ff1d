"""An event is claimed by one holder, finished once, and taken back from the dead."""

from __future__ import annotations

from typing import Any

import pytest

from installation import Installation
from postroom.conf.errors import UsageError


@pytest.fixture
def queued(installation: Installation) -> list[int]:
    """Five queued real-time events, received by "r1"."""
    from postroom.store import content, ledger
    from postroom.store.database import transaction
    from postroom.store.models import Profile, ResponseGroup

    group = ResponseGroup.objects.create(name="Support")
    profile = Profile.objects.create(name="a@x", address="a@x", state="active", response_group=group)
    arrivals = [ledger.Arrival("", 0, str(n), 10, content.pack(b"m%d" % n)) for n in range(5)]
    with transaction("accept") as cursor:
        content.insert(cursor, [a.packed for a in arrivals if a.packed])
        entered = ledger.enter(cursor, ledger.Target(profile.pk, group.pk, True, "r1"), arrivals)
    return [a.event for a in entered if a.event]


def claim(holder: str, messages: int = 100, octets: int = 10_000, **more: Any) -> list[int]:
    from postroom.store import events

    wish = events.Wish(realtime=True, messages=messages, octets=octets, **more)
    return [c.id for c in events.claim(holder, wish)]


def test_each_event_is_claimed_once(queued: list[int]) -> None:
    assert claim("r1", messages=2) == queued[:2]
    assert claim("r1") == queued[2:]
    assert claim("r1") == []


def test_a_batch_is_bounded_by_octets_but_never_empty(queued: list[int]) -> None:
    from postroom.store.models import InboundEvent

    InboundEvent.objects.update(size=1_000)
    assert claim("r1", octets=10) == queued[:1]
    assert claim("r1", octets=2_500) == queued[1:3]


def test_real_time_events_are_first_the_receiving_process_own(queued: list[int]) -> None:
    from postroom.store import instances
    from postroom.store.models import InboundEvent

    instances.register("r1", ["receiver"])
    assert claim("other") == []
    InboundEvent.objects.filter(pk=queued[0]).update(accepted_ms=0)
    assert claim("other") == queued[:1]
    instances.leave("r1")
    assert claim("other") == queued[1:]


def test_what_a_dead_process_held_is_taken_back_and_then_claimed_alone(queued: list[int]) -> None:
    from postroom.store import events
    from postroom.store.database import transaction

    assert claim("r1") == queued
    with transaction("recover") as cursor:
        assert events.take_back(cursor, ["r1"]) == 5
    with transaction("check") as cursor:
        assert events.still_held(cursor, "r1", queued) == set()
    assert claim("r1") == queued[:1]
    assert claim("r1") == queued[1:2]


def test_an_event_that_kills_its_process_again_and_again_fails(queued: list[int]) -> None:
    from postroom.store import events
    from postroom.store.database import transaction
    from postroom.store.models import InboundEvent, Notice

    for _ in range(events.MOST_DEATHS + 1):
        assert claim("r1", messages=1) == queued[:1]
        with transaction("recover") as cursor:
            events.take_back(cursor, ["r1"])
        InboundEvent.objects.filter(deaths=0).update(state="discarded")
    event = InboundEvent.objects.get(pk=queued[0])
    assert event.state == "failed"
    assert "died" in event.reason
    notice = Notice.objects.get()
    assert (notice.kind, notice.about, notice.text) == ("event", str(event.pk), event.reason)


def test_paused_comes_back_by_itself(queued: list[int]) -> None:
    from postroom.store import events
    from postroom.store.database import now_ms, transaction

    claim("r1", messages=1)
    with transaction("pause") as cursor:
        events.paused(cursor, "r1", queued[0], "the database is away", now_ms() + 3_600_000)
        assert events.requeue_due(cursor) == 0
        events.paused(cursor, "r1", queued[0], "x", 0)  # not held any more: changes nothing
        cursor.execute("UPDATE postroom_inboundevent SET next_attempt_ms = 1 WHERE state = 'paused'")
        assert events.requeue_due(cursor) == 1


def test_resubmit_and_discard_only_what_is_not_done(queued: list[int]) -> None:
    from postroom.store import events
    from postroom.store.models import Audit, InboundEvent

    events.discard(queued[0], "alice", "spam")
    with pytest.raises(UsageError, match="is queued"):
        events.resubmit(queued[1], "alice")
    events.resubmit(queued[0], "alice")
    assert InboundEvent.objects.get(pk=queued[0]).state == "queued"
    InboundEvent.objects.filter(pk=queued[2]).update(state="processed", outcome="activity")
    with pytest.raises(UsageError, match="processed"):
        events.resubmit(queued[2], "alice")
    with pytest.raises(UsageError, match="no event 999"):
        events.discard(999, "alice", "")
    assert list(Audit.objects.order_by("id").values_list("action", "subject")) == [
        ("discard", f"event {queued[0]}"),
        ("resubmit", f"event {queued[0]}"),
    ]


def test_a_response_group_has_at_most_its_limit_in_process(queued: list[int]) -> None:
    from postroom.store.models import InboundEvent, ResponseGroup

    group = ResponseGroup.objects.get().pk
    assert claim("r1", limits={group: 2}) == queued[:2]
    assert claim("r1", limits={group: 2}) == []
    InboundEvent.objects.filter(pk=queued[0]).update(state="processed")
    assert claim("r1", limits={group: 2}) == queued[2:3]
    assert claim("r1", limits={group + 1: 1}) == queued[3:]


def test_events_that_were_tried_before_can_go_first(queued: list[int]) -> None:
    from postroom.store.models import InboundEvent

    InboundEvent.objects.filter(pk=queued[4]).update(attempts=1)
    assert claim("r1", messages=1) == queued[:1]
    assert claim("r1", messages=2, again=True) == queued[4:]
    assert claim("r1", messages=100) == queued[1:4]
