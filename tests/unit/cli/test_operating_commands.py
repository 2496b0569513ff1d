"""What the commands that operate say: events, outbound, doctor; and with which exit status."""

from __future__ import annotations

import json

import pytest

from installation import Installation, deliver, submit
from postroom.cli.main import run

CONFIGURATION = """
drivers:
  - name: Mail
    kind: internet-smtp-imap
    parameters: {IMAPServer: 127.0.0.1, IMAPEncryption: none, SMTPServer: 127.0.0.1, SMTPEncryption: none}
profiles:
  - name: support@us.example
    address: support@us.example
    driver: Mail
    overrides: {IMAPAccountName: support, IMAPPassword: hunter2-secret}
    response_group: Support
response_groups:
  - {name: Support, input_arguments: {ProcessName: Process Message, AcknowledgementTemplate: Thanks}}
templates:
  - {name: Thanks, subject: "Re: {{ subject }}", text: "We have it."}
"""
MESSAGE = (
    b"From: Anna <anna@customer.example>\r\nTo: support@us.example\r\nSubject: \x1b[31mRed\r\n"
    b"Message-ID: <1@customer.example>\r\n\r\nWhere is it?\r\n"
)
JUNK = MESSAGE.replace(b"<1@", b"<2@").replace(b"\r\n\r\n", b"\r\nX-Spam-Flag: YES\r\n\r\n")


@pytest.fixture
def events(installation: Installation) -> list[int]:
    """Two processed events: a question, and junk in quarantine."""
    from postroom.broker.embedded import EmbeddedBroker
    from postroom.processor.process import Processor

    submit(CONFIGURATION)
    ids = deliver(MESSAGE, JUNK, profile="support@us.example")
    Processor(EmbeddedBroker(), lambda: "r1", "realtime").work()
    return ids


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(arguments) == status
    out, err = capsys.readouterr()
    assert "\x1b[31m" not in out
    assert "hunter2" not in out + err
    assert "Traceback" not in err
    return out if status == 0 else out + err


def test_events_are_listed_and_told(events: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(told(capsys, "events", "list", "--json"))
    assert [(e["id"], e["outcome"]) for e in listed] == [(events[1], "quarantined"), (events[0], "activity")]
    assert "anna@customer.example" in told(capsys, "events", "list")
    assert told(capsys, "events", "list", "--state", "failed") == ""
    assert len(told(capsys, "events", "list", "--outcome", "quarantined").splitlines()) == 2
    story = told(capsys, "events", "show", str(events[0]))
    for part in ("Process Message, version 1, configuration 1", "✓ acknowledge", "Acknowledgement", "queued"):
        assert part in story
    assert "junk:" in told(capsys, "events", "show", str(events[1]))
    assert "no event 99" in told(capsys, "events", "show", "99", status=2)


def test_the_raw_octets_and_the_parsed_message(events: list[int], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["events", "show", str(events[0]), "--raw"]) == 0
    assert capfdbinary.readouterr().out == MESSAGE
    assert run(["events", "show", str(events[0]), "--parsed", "--json"]) == 0
    parsed = json.loads(capfdbinary.readouterr().out)
    assert parsed["text"].strip() == "Where is it?"
    assert parsed["from"] == "Anna <anna@customer.example>"


def test_quarantined_events_are_resubmitted_and_discarded(
    events: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "queued again" in told(capsys, "events", "resubmit", str(events[1]))
    assert "discarded" in told(capsys, "events", "discard", str(events[1]), "-m", "really junk")
    story = told(capsys, "events", "show", str(events[1]))
    assert "really junk" in story
    assert "is processed" in told(capsys, "events", "resubmit", str(events[0]), status=2)


def test_outbound_messages_are_listed_told_cancelled_and_retried(
    events: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    (message,) = json.loads(told(capsys, "outbound", "list", "--json"))
    number = str(message["id"])
    assert (message["state"], message["recipients"]) == ("queued", ["anna@customer.example"])
    assert "Nothing has been submitted yet." in told(capsys, "outbound", "show", number)
    assert "cancelled" in told(capsys, "outbound", "cancel", number)
    assert "queued again" in told(capsys, "outbound", "retry", number)
    assert "nothing to retry" in told(capsys, "outbound", "retry", number, status=2)


def test_the_doctor_says_what_is_wrong_and_what_to_do(
    events: list[int], installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    from postroom.store.models import InboundEvent

    assert "All is well." in told(capsys, "doctor")
    InboundEvent.objects.filter(pk=events[1]).update(state="failed")
    (installation.folder / "key").chmod(0o644)
    said = told(capsys, "doctor", status=1)
    assert "1 events failed" in said
    assert "chmod 600" in said
    findings = json.loads(told(capsys, "doctor", "--json", status=1))
    assert {f["about"] for f in findings if f["state"] == "wrong"} == {"work", "key file"}


def test_reconcile_says_which_server_cannot_be_asked(events: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "ledger", "reconcile", "support@us.example", status=1)
    assert "support@us.example" in said
    assert "no profile" in told(capsys, "ledger", "reconcile", "nobody@us.example", status=2)
