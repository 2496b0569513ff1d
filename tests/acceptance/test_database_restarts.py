"""The database goes away and comes back: nothing is lost, nothing doubled, nobody has to help."""

from __future__ import annotations

from acceptance.running import Postroom, document, message, profile
from servers.dovecot import Dovecot
from servers.postgres import Postgres
from servers.smtp_sink import SMTPSink


def test_a_restarted_database_needs_no_restart_here(
    postroom_on_postgresql: Postroom,
    postgres: Postgres,
    dovecot: Dovecot,
    smtp_sink: SMTPSink,
    support: str,
    customer: str,
) -> None:
    postroom = postroom_on_postgresql
    postroom.apply(document(dovecot.port, smtp_sink.port, [profile(support)]))
    serving = postroom.serve()
    postroom.until_healthy(support)
    dovecot.deliver(support, message(customer, support, "Before"))
    postroom.until_submitted(1)
    postgres.stop()
    dovecot.deliver(support, message(customer, support, "While it is down"))
    postroom.until(lambda: "OperationalError" in serving.said() or "can't" in serving.said(), "it is noticed", 20)
    assert len(dovecot.messages(support)) == 1
    postgres.start()
    postroom.until_submitted(2, seconds=60)
    postroom.until(lambda: not dovecot.messages(support), "the mail server is told", 30)
    assert [event["subject"] for event in sorted(postroom.events(), key=lambda e: e["id"])] == [
        "Before",
        "While it is down",
    ]
    assert serving.running
    assert len({taken.octets for taken in smtp_sink.received}) == len(smtp_sink.received) == 2
