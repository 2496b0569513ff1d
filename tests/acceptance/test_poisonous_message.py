"""A message that kills its process again and again waits for a person; the others go on, the administrator is told."""

from __future__ import annotations

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.smtp_sink import SMTPSink


def test_it_fails_alone(
    postroom: Postroom, dovecot: Dovecot, smtp_sink: SMTPSink, support: str, customer: str, mailbox: str
) -> None:
    administrator = f"ops-{mailbox}@test.local"
    postroom.apply(document(dovecot.port, smtp_sink.port, [profile(support)], [group(administrator=administrator)]))
    dovecot.deliver(support, message(customer, support, "Poison"))
    for _ in range(6):
        killed = postroom.serve(crash="apply:before:1")
        postroom.until(lambda killed=killed: not killed.running, "the process is killed")
    postroom.serve()
    postroom.until(lambda: postroom.events()[0]["state"] == "failed", "the event waits for a person")
    assert "died 6 times" in postroom.events()[0]["reason"]
    dovecot.deliver(support, message(f"bob-{mailbox}@customer.example", support, "Another"))
    postroom.until(lambda: postroom.events()[-1]["state"] == "processed", "the others go on")
    postroom.until(
        lambda: any(administrator in one.recipients for one in smtp_sink.received), "the administrator is told"
    )
    postroom.command("events", "resubmit", str(postroom.events()[0]["id"]))
    postroom.until_processed(2)
    postroom.until_submitted(2)
