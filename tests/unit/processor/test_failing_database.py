"""The database fails between claiming and finishing, and the process lives on: nothing stays claimed for ever."""

from __future__ import annotations

from typing import Any

import pytest

from installation import Installation, deliver, submit
from postroom.store.outbound import Claimed

CONFIGURATION = """
drivers:
  - name: Mail
    kind: internet-smtp-imap
    parameters: {IMAPServer: 127.0.0.1, IMAPEncryption: none, SMTPServer: 127.0.0.1, SMTPEncryption: none}
profiles:
  - name: support@us.example
    address: support@us.example
    driver: Mail
    overrides: {IMAPAccountName: support, IMAPPassword: secret}
    response_group: Support
response_groups:
  - {name: Support, input_arguments: {AcknowledgementTemplate: Thanks}}
templates:
  - {name: Thanks, subject: "Re: {{ subject }}", text: "We have it."}
"""


def message(number: int) -> bytes:
    return b"From: c%d@customer.example\r\nSubject: Question %d\r\n\r\nWhere is it?\r\n" % (number, number)


@pytest.fixture
def configured(installation: Installation) -> Installation:
    submit(CONFIGURATION)
    return installation


def test_the_processor_gives_back_what_it_lost_hold_of(
    configured: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    from postroom.broker.embedded import EmbeddedBroker
    from postroom.processor import process
    from postroom.store import instances
    from postroom.store.models import InboundEvent

    instances.register("r1", ["receiver"])
    deliver(*(message(number) for number in range(3)), profile="support@us.example")
    processor = process.Processor(EmbeddedBroker(), lambda: "r1", "realtime")
    stopping = Event()
    apply, failures = process.apply, [1]

    def failing(*arguments: Any) -> Any:
        if failures:
            failures.pop()
            raise OSError("the database is away")
        done = apply(*arguments)
        if not InboundEvent.objects.exclude(state="processed").exists():
            stopping.set()
        return done

    monkeypatch.setattr(process, "apply", failing)
    monkeypatch.setattr(stopping, "wait", lambda seconds: False)
    processor.run(stopping)
    assert list(InboundEvent.objects.values_list("state", "deaths")) == [("processed", 1)] * 3


class Session:
    """A submission session that takes everything."""

    usable = True

    def __init__(self) -> None:
        self.taken: list[str] = []

    def submit(self, envelope: Any, octets: bytes) -> Any:
        from postroom.drivers.contract import Submitted

        self.taken.append(envelope.recipients[0])
        return Submitted("127.0.0.1", 250, "OK")

    def close(self) -> None:
        pass


def test_the_outbound_manager_remembers_what_it_could_not_write_down(
    configured: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postroom.broker.embedded import EmbeddedBroker
    from postroom.outbound import sender as senders
    from postroom.outbound.manager import OutboundManager
    from postroom.processor.process import Processor
    from postroom.store import instances, outbound
    from postroom.store.models import DeliveryAttempt, OutboundMessage
    from postroom.store.publishing import configuration

    instances.register("r1", ["outbound"])
    deliver(*(message(number) for number in range(3)), profile="support@us.example")
    Processor(EmbeddedBroker(), lambda: "r1", "realtime").work()
    conf = configuration.current()
    manager = OutboundManager(EmbeddedBroker(), lambda: "r1")
    lane = manager._lane(conf.profiles["support@us.example"])
    assert lane is not None
    session = Session()
    sender = manager._sender(lane)
    sender._session = session
    sender._claim = 3  # as if the server had been quick
    lane.idle.append(sender)
    finish, failures = outbound.finish, [1]

    def failing(*arguments: Any) -> Any:
        if failures:
            failures.pop()
            raise OSError("the database is away")
        return finish(*arguments)

    claim, lost = outbound.claim, []

    def claiming(*arguments: Any) -> list[Claimed]:
        claimed = claim(*arguments)
        if lost:
            raise OSError("the answer to the commit was lost")
        lost.append(claimed)
        return claimed[:2]  # as if the third had been claimed by a commit that we did not hear of

    monkeypatch.setattr(senders.outbound, "finish", failing)
    monkeypatch.setattr(senders.outbound, "claim", claiming)
    lane.busy = 1
    manager._work(lane)
    assert set(OutboundMessage.objects.values_list("state", flat=True)) == {"submitting"}
    assert lane.troubled
    manager._chores(conf)
    assert not lane.troubled
    assert session.taken == ["c0@customer.example", "c1@customer.example"]
    assert list(OutboundMessage.objects.order_by("id").values_list("state", flat=True)) == [
        "submitted", "submitted", "unknown",
    ]  # fmt: skip
    assert list(DeliveryAttempt.objects.order_by("id").values_list("result", flat=True)) == [
        "submitted", "submitted", "unknown",
    ]  # fmt: skip
