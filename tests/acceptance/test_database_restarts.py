"""The database server dies and comes back while our processes live on: nothing is lost, doubled or left lying."""

from __future__ import annotations

from collections import Counter

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.postgres import Postgres
from servers.smtp_sink import SMTPSink


def test_it_dies_while_mail_is_retrieved_processed_and_submitted(
    postroom_on_postgresql: Postroom, dovecot: Dovecot, postgres: Postgres, smtp_sink: SMTPSink, mailbox: str
) -> None:
    postroom = postroom_on_postgresql
    addresses = [f"one-{mailbox}@test.local", f"two-{mailbox}@test.local"]
    profiles = [profile(addresses[0]), profile(addresses[1], "POP3", "Sales")]
    groups = [group(), group("Sales", real_time=False)]
    postroom.apply(document(dovecot.port, smtp_sink.port, profiles, groups))
    serving = postroom.serve()
    smtp_sink.faults.delay = 0.2
    sent = 0
    for _ in range(3):
        for _ in range(4):
            for address in addresses:
                sent += 1
                dovecot.deliver(address, message(f"customer{sent}-{mailbox}@customer.example", address))
        postroom.until(
            lambda: "submitting" in {row["state"] for row in postroom.outbound()}, "something is being submitted"
        )
        postgres.kill()
        postgres.start()
    smtp_sink.faults.delay = 0
    postroom.until_processed(sent, seconds=60)
    postroom.until_submitted(sent, seconds=60)
    assert serving.running
    received = Counter(one.recipients[0] for one in smtp_sink.received)
    unknown = postroom.number("SELECT COUNT(*) FROM postroom_deliveryattempt WHERE result = 'unknown'")
    assert len(received) == sent
    # Only what was claimed by a commit whose answer was lost may have gone twice; what a sender knows, it writes down.
    assert received.total() - sent <= unknown
    postroom.until(lambda: not any(dovecot.messages(address) for address in addresses), "the mailboxes are empty")
    assert postroom.number("SELECT COUNT(*) FROM postroom_activity") == sent
