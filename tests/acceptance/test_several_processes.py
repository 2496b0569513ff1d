"""Several processes over one PostgreSQL: roles apart, receivers that share the profiles, and the death of any."""

from __future__ import annotations

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.postfix import Postfix


def test_every_role_in_a_process_of_its_own(
    postroom_on_postgresql: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, mailbox: str
) -> None:
    postroom = postroom_on_postgresql
    sales = f"sales-{mailbox}@test.local"
    profiles = [profile(support), profile(sales, "POP3", "Sales")]
    groups = [group(), group("Sales", real_time=False)]
    postroom.apply(document(dovecot.port, postfix.port["smtp"], profiles, groups))
    receiver, processor, outbound = (postroom.serve(role) for role in ("receiver", "processor", "outbound"))
    dovecot.deliver(support, message(customer, support))
    dovecot.deliver(sales, message(customer, sales))
    postroom.until_processed(2)
    postroom.until_submitted(2)

    # Without a processor a nonreal-time event waits; without an outbound manager what is owed waits.
    for serving in (processor, outbound):
        assert serving.stop() == 0
    for address in (support, sales):
        dovecot.deliver(address, message(f"bob-{mailbox}@customer.example", address))
    postroom.until_processed(2, support)
    postroom.until(lambda: len(postroom.events(sales)) == 2, "the event of the other is accepted")
    postroom.settle(1)
    assert postroom.events(sales)[1]["state"] == "queued"
    assert len(postroom.outbound()) == 3
    assert postroom.outbound()[2]["state"] == "queued"
    postroom.serve("processor")
    postroom.serve("outbound")
    postroom.until_processed(2, sales)
    postroom.until_submitted(4)
    assert receiver.running


def test_two_receivers_share_the_profiles_and_one_takes_over(
    postroom_on_postgresql: Postroom, dovecot: Dovecot, postfix: Postfix, mailbox: str
) -> None:
    postroom = postroom_on_postgresql
    addresses = [f"shared{number}-{mailbox}@test.local" for number in range(4)]
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(address) for address in addresses]))

    def holders() -> list[int]:
        return sorted(
            row[0] for row in postroom.rows("SELECT COUNT(*) FROM postroom_lease WHERE holder <> '' GROUP BY holder")
        )

    first = postroom.serve("receiver")
    postroom.until(lambda: holders() == [4], "the first watches all")
    postroom.serve("receiver,outbound")
    postroom.until(lambda: holders() == [2, 2], "each watches two")
    for number, address in enumerate(addresses):
        dovecot.deliver(address, message(f"ann-{mailbox}-{number}@customer.example", address))
    postroom.until_processed(4)
    first.kill()
    for number, address in enumerate(addresses):
        dovecot.deliver(address, message(f"bob-{mailbox}-{number}@customer.example", address))
    postroom.until_processed(8, seconds=30)
    postroom.until_submitted(8)
    assert holders() == [4]
    postroom.until(lambda: not any(dovecot.messages(address) for address in addresses), "every mailbox is empty")
    assert len(postroom.ledger()) == 8
