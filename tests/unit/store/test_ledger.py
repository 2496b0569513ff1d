"""No retrieval makes two events, and nothing that is new is taken for something seen before."""

from __future__ import annotations

import pytest

from installation import Installation


@pytest.fixture
def profile(installation: Installation) -> int:
    from postroom.store.models import Profile, ResponseGroup

    group = ResponseGroup.objects.create(name="Support")
    return int(Profile.objects.create(name="a@x", address="a@x", state="active", response_group=group).pk)


def enter(profile: int, *messages: tuple[str, bytes], epoch: int = 1, listed: tuple[str, ...] = ()) -> list[str]:
    """Enter messages (source id, octets) of the mailbox INBOX; returns the disposition of each new entry."""
    from postroom.store import content, ledger
    from postroom.store.database import transaction
    from postroom.store.models import ResponseGroup

    target = ledger.Target(profile, ResponseGroup.objects.get().pk, True, "receiver", {"INBOX": set(listed)})
    arrivals = [ledger.Arrival("INBOX", epoch, id_, len(o), content.pack(o), action="delete") for id_, o in messages]
    with transaction("accept") as cursor:
        content.insert(cursor, [a.packed for a in arrivals if a.packed])
        return [a.disposition for a in ledger.enter(cursor, target, arrivals)]


def acknowledge(profile: int, source_id: str, *, epoch: int = 1, removed: bool = True) -> None:
    from postroom.store import ledger
    from postroom.store.database import transaction

    with transaction("confirm") as cursor:
        ledger.acknowledged(cursor, profile, [("INBOX", epoch, source_id, True, removed, "")])


def events() -> int:
    from postroom.store.models import InboundEvent

    return InboundEvent.objects.count()


def test_a_message_makes_one_event_however_often_it_is_retrieved(profile: int) -> None:
    assert enter(profile, ("1", b"hello")) == ["event"]
    assert enter(profile, ("1", b"hello")) == []
    assert enter(profile, ("1", b"hello"), ("1", b"hello")) == []
    assert events() == 1


def test_two_messages_with_equal_octets_side_by_side_are_two(profile: int) -> None:
    assert enter(profile, ("1", b""), ("2", b""), listed=("1", "2")) == ["event", "event"]
    assert enter(profile, ("3", b""), listed=("1", "2", "3")) == ["event"]
    assert events() == 3


def test_a_changed_uidvalidity_makes_no_second_event(profile: int) -> None:
    enter(profile, ("1", b"one"), ("2", b"two"), ("3", b"two"), listed=("1", "2", "3"))
    again = enter(profile, ("7", b"two"), ("8", b"two"), ("9", b"one"), ("10", b"new"), epoch=2, listed=("7", "8", "9"))
    assert again == ["duplicate", "duplicate", "duplicate", "event"]
    # A third copy of "two" in the new epoch is one more than there were: it is new.
    assert enter(profile, ("11", b"two"), epoch=2, listed=("7", "8", "11")) == ["event"]
    assert events() == 5


def test_a_message_moved_away_and_back_is_the_same(profile: int) -> None:
    enter(profile, ("1", b"letter"), listed=("1",))
    acknowledge(profile, "1", removed=False)
    assert enter(profile, ("5", b"letter"), listed=("5",)) == ["duplicate"]
    assert events() == 1


def test_the_same_octets_after_we_removed_the_first_are_a_new_message(profile: int) -> None:
    enter(profile, ("1", b"ping"), listed=("1",))
    acknowledge(profile, "1")
    assert enter(profile, ("2", b"ping"), listed=("2",)) == ["event"]
    assert events() == 2


def test_what_was_to_be_deleted_and_is_gone_counts_as_removed(profile: int) -> None:
    from postroom.store import ledger
    from postroom.store.database import transaction
    from postroom.store.models import LedgerEntry

    enter(profile, ("1", b"a"), ("2", b"b"), listed=("1", "2"))
    with transaction("listed") as cursor:
        ledger.listed(cursor, profile, "INBOX", 1, {"2"})
    first, second = LedgerEntry.objects.order_by("id")
    assert first.acknowledged_ms is not None
    assert first.removed
    assert second.acknowledged_ms is None
    known = ledger.known(profile, "INBOX", 1, ["1", "2", "3"])
    assert {k: v.acknowledged for k, v in known.items()} == {"1": True, "2": False}


def test_excluded_and_vanished_messages_have_a_disposition(profile: int) -> None:
    from postroom.store import ledger
    from postroom.store.database import transaction
    from postroom.store.models import LedgerEntry, ResponseGroup

    target = ledger.Target(profile, ResponseGroup.objects.get().pk, True, "receiver")
    with transaction("accept") as cursor:
        entered = ledger.enter(
            cursor,
            target,
            [
                ledger.Arrival("INBOX", 1, "1", 99, None, excluded="larger than MaxMessageSize"),
                ledger.Arrival("INBOX", 1, "2", 0, None, vanished=True),
            ],
        )
    assert [a.disposition for a in entered] == ["excluded", "vanished"]
    assert events() == 0
    assert LedgerEntry.objects.get(source_id="1").reason == "larger than MaxMessageSize"


def test_a_uidl_that_comes_back_with_another_message_is_a_new_message(profile: int) -> None:
    from postroom.store import ledger
    from postroom.store.models import LedgerEntry

    enter(profile, ("msg1", b"first"), epoch=0)
    acknowledge(profile, "msg1", epoch=0)
    assert enter(profile, ("msg1", b"second"), epoch=0) == ["event"]
    assert events() == 2
    assert not ledger.known(profile, "INBOX", 0, ["msg1"])["msg1"].acknowledged
    assert LedgerEntry.objects.count() == 2


def test_a_uidl_that_comes_back_with_the_same_message_is_acknowledged_again(profile: int) -> None:
    from postroom.store import ledger

    enter(profile, ("msg1", b"first"), epoch=0)
    acknowledge(profile, "msg1", epoch=0)
    assert enter(profile, ("msg1", b"first"), epoch=0) == ["duplicate"]
    assert events() == 1
    known = ledger.known(profile, "INBOX", 0, ["msg1"])["msg1"]
    assert not known.acknowledged
    assert not known.removed


def test_a_uidl_whose_removal_was_not_confirmed_may_bear_a_new_message(profile: int) -> None:
    from postroom.store.models import LedgerEntry

    enter(profile, ("msg1", b"first"), epoch=0)
    assert enter(profile, ("msg1", b"second"), epoch=0) == ["event"]
    assert enter(profile, ("msg1", b"second"), epoch=0) == ["duplicate"]
    assert events() == 2
    old, new = LedgerEntry.objects.order_by("id")
    assert old.acknowledged_ms
    assert (new.source_id, new.acknowledged_ms) == ("msg1", None)


def test_a_uid_under_the_same_uidvalidity_is_never_another_message(profile: int) -> None:
    enter(profile, ("1", b"first"))
    acknowledge(profile, "1")
    assert enter(profile, ("1", b"second")) == []
    assert events() == 1
