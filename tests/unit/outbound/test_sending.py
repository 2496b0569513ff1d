"""What a sender makes of a submission server's answers, and what the profile's rate allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from installation import Installation, deliver, submit
from postroom.conf.errors import Permanent, Transient, UnknownOutcome
from postroom.drivers.contract import Envelope, Refusal, Submitted, Surroundings

CONFIGURATION = """
drivers:
  - name: Mail
    kind: internet-smtp-imap
    parameters: {IMAPServer: 127.0.0.1, IMAPEncryption: none, SMTPServer: 127.0.0.1, SMTPEncryption: none}
profiles:
  - name: support@us.example
    address: support@us.example
    driver: Mail
    overrides: {IMAPAccountName: support, IMAPPassword: secret, MaxMessagesPerMinute: 3, FromName: Support}
    response_group: Support
response_groups:
  - {name: Support, input_arguments: {ProcessName: Process Message, AcknowledgementTemplate: Thanks}}
templates:
  - {name: Thanks, subject: "Re: {{ subject }}", text: "We have it."}
"""


class Server:
    """A submission server that answers what the test says, one answer for each message, then takes everything."""

    def __init__(self, *answers: Exception | Submitted) -> None:
        self.answers = list(answers)
        self.taken: list[tuple[Envelope, bytes]] = []
        self.usable = True

    def open_submitter(self, values: object, surroundings: object) -> Server:
        return self

    def submit(self, envelope: Envelope, octets: bytes) -> Submitted:
        self.taken.append((envelope, octets))
        answer = self.answers.pop(0) if self.answers else Submitted("mx", 250, "taken")
        if isinstance(answer, Exception):
            self.usable = not isinstance(answer, UnknownOutcome)
            raise answer
        return answer

    def close(self) -> None:
        pass


class Free:
    def reserve(self, wanted: int) -> int:
        return wanted

    def give_back(self, unused: int) -> None:
        pass


@pytest.fixture
def owed(installation: Installation) -> list[int]:
    """Three acknowledgements that are queued."""
    from postroom.broker.embedded import EmbeddedBroker
    from postroom.processor.process import Processor
    from postroom.store.models import OutboundMessage

    submit(CONFIGURATION)
    mail = [b"From: a%d@customer.example\r\nMessage-ID: <%d@c>\r\n\r\nWhere is it?\r\n" % (n, n) for n in range(3)]
    deliver(*mail, profile="support@us.example")
    Processor(EmbeddedBroker(), lambda: "r1", "realtime").work()
    return list(OutboundMessage.objects.order_by("id").values_list("id", flat=True))


def send(server: Server, tmp_path: Path) -> None:
    from postroom.outbound.sender import Sender
    from postroom.store.publishing import configuration

    profile = configuration.current().profiles["support@us.example"]
    driver: Any = server
    sender = Sender(profile, driver, Surroundings(profile.name, tmp_path), lambda: "h", b"key", Free())
    sender.open()
    sender.send_due(lambda: False)


def states() -> list[str]:
    from postroom.store.models import OutboundMessage

    return list(OutboundMessage.objects.order_by("id").values_list("state", flat=True))


def test_taken_refused_and_put_off(owed: list[int], tmp_path: Path) -> None:
    from postroom.store import stories

    server = Server(Permanent("550 no such user", code="5.1.1"), Transient("451 later", code="4.7.1"))
    send(server, tmp_path)
    assert states() == ["failed", "paused", "submitted"]
    assert stories.outbound_message(owed[0])["delivery"][0]["text"].startswith("550 no such user")
    envelope, octets = server.taken[2]
    assert envelope == Envelope("", ("a2@customer.example",))
    assert b"From: Support <support@us.example>\r\n" in octets
    assert b"Auto-Submitted: auto-replied" in octets


def test_an_unknown_outcome_ends_the_session_and_leaves_the_rest_queued(owed: list[int], tmp_path: Path) -> None:
    send(Server(UnknownOutcome("The connection was lost.")), tmp_path)
    assert states() == ["unknown", "queued", "queued"]


def test_the_same_octets_go_at_every_attempt(owed: list[int], tmp_path: Path) -> None:
    from postroom.store.models import OutboundMessage

    first, second = Server(UnknownOutcome("lost")), Server()
    send(first, tmp_path)
    OutboundMessage.objects.filter(pk=owed[0]).update(state="queued")
    send(second, tmp_path)
    assert first.taken[0] == second.taken[0]
    assert states() == ["submitted"] * 3


def test_what_is_put_off_too_long_fails(owed: list[int], tmp_path: Path) -> None:
    from postroom.store.models import OutboundMessage

    OutboundMessage.objects.filter(pk=owed[0]).update(created_ms=1)
    send(Server(Transient("451 later")), tmp_path)
    assert states()[0] == "failed"


def test_a_refused_recipient_is_tried_again_alone(owed: list[int], tmp_path: Path) -> None:
    from postroom.store.models import OutboundMessage

    OutboundMessage.objects.filter(pk=owed[0]).update(recipients=["x@y", "z@y"])
    later = Refusal("z@y", 451, "4.7.1", "later")
    send(Server(Submitted("mx", 250, "taken", (later,))), tmp_path)
    message = OutboundMessage.objects.get(pk=owed[0])
    assert (message.state, message.recipients) == ("paused", ["z@y"])


def test_the_rate_counts_what_is_sent_and_not_what_was_asked_for(owed: list[int]) -> None:
    from postroom.outbound.manager import _Lane
    from postroom.store.publishing import configuration

    lane = _Lane(configuration.current().profiles["support@us.example"])
    assert lane.reserve(20) == 3
    lane.give_back(2)
    assert lane.reserve(20) == 2
    assert lane.reserve(1) == 0


def test_message_ids_are_of_the_domain_that_the_settings_name(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postroom.conf import settings
    from postroom.store import outbound

    assert outbound.new_message_id("support@us.example").endswith("@us.example")
    monkeypatch.setenv("POSTROOM_MESSAGE_ID_DOMAIN", "mail.us.example")
    settings.reset()
    assert outbound.new_message_id("support@us.example").endswith("@mail.us.example")
