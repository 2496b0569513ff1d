"""Killed between the submission server's 250 and our commit: it goes again as it was, or waits for a person."""

from __future__ import annotations

from email import message_from_bytes

from acceptance.running import Postroom, document, message, profile
from servers.dovecot import Dovecot
from servers.smtp_sink import SMTPSink


def _killed_after_the_250(
    postroom: Postroom, dovecot: Dovecot, sink: SMTPSink, support: str, customer: str, **values: object
) -> None:
    postroom.apply(document(dovecot.port, sink.port, [profile(support)], **values))
    dovecot.deliver(support, message(customer, support))
    killed = postroom.serve(crash="outbound-result:before:1")
    postroom.until(lambda: not killed.running, "the process is killed")
    assert len(sink.received) == 1
    assert [row["state"] for row in postroom.outbound()] == ["submitting"]


def test_it_goes_again_octet_for_octet(
    postroom: Postroom, dovecot: Dovecot, smtp_sink: SMTPSink, support: str, customer: str
) -> None:
    _killed_after_the_250(postroom, dovecot, smtp_sink, support, customer)
    postroom.serve()
    (row,) = postroom.until_submitted(1)
    first, second = smtp_sink.received
    assert first.octets == second.octets
    assert message_from_bytes(first.octets)["Message-ID"] == f"<{row['message_id']}>"
    results = [one["result"] for one in postroom.records("deliveryattempt", "id result")]
    assert results == ["unknown", "submitted"]


def test_or_it_waits_for_a_person_as_the_profile_says(
    postroom: Postroom, dovecot: Dovecot, smtp_sink: SMTPSink, support: str, customer: str
) -> None:
    _killed_after_the_250(postroom, dovecot, smtp_sink, support, customer, ResendUnknown=False)
    postroom.serve()
    postroom.until(lambda: postroom.outbound()[0]["state"] == "unknown", "its outcome is unknown")
    postroom.settle(4)
    assert len(smtp_sink.received) == 1
    (row,) = postroom.outbound()
    postroom.command("outbound", "retry", str(row["id"]))
    postroom.until_submitted(1)
    assert smtp_sink.received[0].octets == smtp_sink.received[1].octets


def test_a_connection_cut_after_the_250_is_unknown_too(
    postroom_on_sqlite: Postroom, dovecot: Dovecot, smtp_sink: SMTPSink, support: str, customer: str
) -> None:
    postroom = postroom_on_sqlite
    smtp_sink.faults.drop_after_data = 1
    postroom.apply(document(dovecot.port, smtp_sink.port, [profile(support)]))
    dovecot.deliver(support, message(customer, support))
    postroom.serve()
    postroom.until_submitted(1)
    assert smtp_sink.received[0].octets == smtp_sink.received[1].octets
    results = [one["result"] for one in postroom.records("deliveryattempt", "id result")]
    assert results == ["unknown", "submitted"]
