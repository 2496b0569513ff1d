"""What is owed is a row first, is submitted once, and every attempt is in the delivery ledger."""

from __future__ import annotations

import pytest

from installation import Installation
from postroom.conf.errors import UsageError


@pytest.fixture
def profile(installation: Installation) -> int:
    from postroom.store.models import Profile

    return int(Profile.objects.create(name="a@x", address="a@x", state="active").pk)


def owe(profile: int, *ids: str) -> list[int]:
    from postroom.store import outbound
    from postroom.store.database import transaction
    from postroom.store.models import OutboundMessage

    with transaction("queue") as cursor:
        outbound.queue(cursor, [outbound.Owed(profile, "reply", i, "", ("b@y", "c@z"), "Subject", "Text") for i in ids])
    return list(OutboundMessage.objects.filter(message_id__in=ids).order_by("id").values_list("id", flat=True))


def claim(profile: int, holder: str = "h", most: int = 10) -> list[int]:
    from postroom.store import outbound

    return [c.id for c in outbound.claim(holder, profile, most)]


def state(message: int) -> str:
    from postroom.store.models import OutboundMessage

    return str(OutboundMessage.objects.get(pk=message).state)


def ledger(message: int) -> list[tuple[str, str]]:
    from postroom.store.models import DeliveryAttempt

    return list(DeliveryAttempt.objects.filter(outbound=message).order_by("id").values_list("result", "recipient"))


def test_a_message_is_claimed_once_and_its_result_is_kept(profile: int) -> None:
    from postroom.store import outbound

    first, second = owe(profile, "1@x", "2@x")
    assert outbound.due_profiles() == [profile]
    assert claim(profile, most=1) == [first]
    assert claim(profile) == [second]
    assert claim(profile) == []
    result = outbound.Result(first, "submitted", "mx", 250, "2.0.0", "taken")
    outbound.finish("h", [result, outbound.Result(second, "queued", "", 0, "", "")])
    assert (state(first), state(second)) == ("submitted", "queued")
    assert (ledger(first), ledger(second)) == ([("submitted", "")], [])
    assert claim(profile) == [second]


def test_a_result_of_somebody_who_was_taken_for_dead_changes_nothing(profile: int) -> None:
    from postroom.store import outbound
    from postroom.store.database import transaction

    (message,) = owe(profile, "1@x")
    claim(profile, "sleeper")
    with transaction("recover") as cursor:
        assert outbound.take_back(cursor, ["sleeper"]) == 1
    assert state(message) == "unknown"
    outbound.finish("sleeper", [outbound.Result(message, "paused", "mx", 451, "4.0.0", "later", 1)])
    assert state(message) == "unknown"
    assert ledger(message) == [("unknown", ""), ("paused", "")]
    outbound.resend_unknown([profile])
    outbound.finish("sleeper", [outbound.Result(message, "submitted", "mx", 250, "2.0.0", "taken")])
    assert state(message) == "queued"


def test_what_is_known_to_be_submitted_is_not_unknown(profile: int) -> None:
    from postroom.store import outbound
    from postroom.store.database import transaction

    (message,) = owe(profile, "1@x")
    claim(profile, "sleeper")
    with transaction("recover") as cursor:
        outbound.take_back(cursor, ["sleeper"])
    outbound.finish("sleeper", [outbound.Result(message, "submitted", "mx", 250, "2.0.0", "taken")])
    assert state(message) == "submitted"


def test_an_unknown_message_goes_again_with_the_same_id_where_the_profile_says_so(profile: int) -> None:
    from postroom.store import outbound
    from postroom.store.models import OutboundMessage

    (message,) = owe(profile, "1@x")
    OutboundMessage.objects.update(state="unknown")
    assert outbound.resend_unknown([]) == 0
    assert outbound.resend_unknown([profile]) == 1
    (claimed,) = outbound.claim("h", profile, 10)
    assert (claimed.id, claimed.message_id) == (message, "1@x")


def test_recipients_that_were_put_off_are_the_only_ones_of_the_next_attempt(profile: int) -> None:
    from postroom.store import outbound

    (message,) = owe(profile, "1@x")
    claim(profile)
    refused = (("c@z", 451, "4.7.1", "later"),)
    outbound.finish("h", [outbound.Result(message, "paused", "mx", 250, "4.0.0", "", 0, ("c@z",), refused)])
    (again,) = outbound.claim("h", profile, 10)
    assert again.recipients == ("c@z",)
    assert ledger(message) == [("paused", ""), ("refused", "c@z")]


def test_a_server_that_cannot_be_used_puts_all_off_and_fails_what_waited_too_long(profile: int) -> None:
    from postroom.store import outbound
    from postroom.store.database import now_ms
    from postroom.store.models import OutboundMessage

    old, young = owe(profile, "1@x", "2@x")
    OutboundMessage.objects.filter(pk=old).update(created_ms=1)
    later = now_ms() + 60_000
    assert outbound.defer(profile, "4.4.1", "no answer", later, now_ms() - 1_000_000) == 1
    assert (state(old), state(young)) == ("failed", "paused")
    assert claim(profile) == []


def test_reports_set_delivered_and_bounced(profile: int) -> None:
    from postroom.store import outbound
    from postroom.store.database import transaction
    from postroom.store.models import OutboundMessage

    first, second = owe(profile, "1@x", "2@x")
    OutboundMessage.objects.update(state="submitted")
    with transaction("report") as cursor:
        outbound.reported(cursor, first, "b@y", "delivered", "2.1.5", "ok")
        outbound.reported(cursor, second, "b@y", "probable", "5.1.1", "perhaps")
        outbound.reported(cursor, second, "b@y", "delayed", "4.4.1", "later")
    assert (state(first), state(second)) == ("delivered", "submitted")
    with transaction("report") as cursor:
        outbound.reported(cursor, second, "c@z", "bounced", "5.1.1", "no such user")
        outbound.reported(cursor, second, "b@y", "delivered", "2.1.5", "ok")
    assert state(second) == "bounced"


def test_retry_and_cancel(profile: int) -> None:
    from postroom.store import outbound
    from postroom.store.models import Audit, OutboundMessage

    (message,) = owe(profile, "1@x")
    outbound.cancel(message, "alice")
    assert claim(profile) == []
    outbound.retry(message, "alice")
    assert claim(profile) == [message]
    with pytest.raises(UsageError, match="submitting"):
        outbound.cancel(message, "alice")
    OutboundMessage.objects.update(state="submitted")
    with pytest.raises(UsageError, match="nothing to retry"):
        outbound.retry(message, "alice")
    with pytest.raises(UsageError, match="no outbound message 99"):
        outbound.retry(99, "alice")
    assert list(Audit.objects.order_by("id").values_list("action", flat=True)) == ["cancel", "retry"]


def test_an_event_is_acknowledged_once_whatever_happens(profile: int) -> None:
    from django.db import IntegrityError

    from postroom.store import content, ledger, outbound
    from postroom.store.database import transaction
    from postroom.store.models import ResponseGroup

    group = ResponseGroup.objects.create(name="g").pk
    with transaction("accept") as cursor:
        arrival = ledger.Arrival("", 0, "1", 1, content.pack(b"x"))
        content.insert(cursor, [arrival.packed] if arrival.packed else [])
        ledger.enter(cursor, ledger.Target(profile, group, True, "r"), [arrival])

    def acknowledge(message_id: str) -> None:
        with transaction("queue") as cursor:
            owed = outbound.Owed(profile, "acknowledgement", message_id, "", ("b@y",), "s", "t", event=arrival.event)
            outbound.queue(cursor, [owed])

    acknowledge("1@x")
    with pytest.raises(IntegrityError):
        acknowledge("2@x")
