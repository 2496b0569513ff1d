"""What a server did not do is asked again: at once, then less and less often, and never for what is gone."""

from __future__ import annotations

from postroom.drivers.contract import Acknowledgement, Identity, Outcome
from postroom.receiver.pending import Pending


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def item(source_id: str, mailbox: str = "INBOX", epoch: int = 1) -> Acknowledgement:
    return Acknowledgement(Identity(mailbox, epoch, source_id), "delete")


def answer(items: list[Acknowledgement], done: bool) -> list[Outcome]:
    return [Outcome(one.identity, done, "" if done else "NO: not now") for one in items]


def test_what_a_death_left_is_asked_at_once() -> None:
    pending = Pending(30, Clock())
    pending.listed("INBOX", [item("1")], [], complete=True)
    items = pending.take()
    assert items == [item("1")]
    assert not pending.answered(items, answer(items, True))
    assert pending.take() == []


def test_what_is_refused_is_asked_less_and_less_often() -> None:
    clock = Clock()
    pending = Pending(30, clock)
    assert pending.answered([item("1")], answer([item("1")], False))
    waited = []
    for _ in range(12):
        before = clock.now
        while not (items := pending.take()):
            clock.now += 30
        waited.append(clock.now - before)
        pending.answered(items, answer(items, False))
    assert waited[:3] == [60, 120, 240]
    assert waited[-1] == 3600
    clock.now += 3600
    items = pending.take()
    assert not pending.answered(items, answer(items, True))
    pending.answered([item("2")], answer([item("2")], False))
    clock.now += 60
    assert pending.take() == [item("2")]


def test_a_server_that_only_says_so_is_asked_less_and_less_often() -> None:
    clock = Clock()
    pending = Pending(30, clock)
    asked = 0
    for _ in range(100):
        pending.listed("", [], [item("1", "")], complete=True)
        if items := pending.take():
            asked += 1
            assert pending.answered(items, answer(items, True))
        clock.now += 30
    assert asked == 6


def test_a_complete_listing_says_all_there_is() -> None:
    pending = Pending(30, Clock())
    pending.listed("INBOX", [item("1"), item("2")], [], complete=True)
    pending.listed("Sales", [item("1", "Sales")], [], complete=True)
    pending.listed("INBOX", [item("3")], [], complete=False)
    pending.listed("INBOX", [item("1", epoch=2)], [], complete=True)
    assert pending.take() == [item("1", "Sales"), item("1", epoch=2)]
