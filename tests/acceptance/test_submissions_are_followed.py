"""A new submission is taken up within 5 s, without a restart, and without touching profiles that did not change."""

from __future__ import annotations

import time

import yaml

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.postfix import Postfix


def test_a_new_submission_is_taken_up_without_touching_the_others(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, mailbox: str
) -> None:
    changed, added = f"changed-{mailbox}@test.local", f"added-{mailbox}@test.local"
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support), profile(changed)]))
    serving = postroom.serve()
    postroom.until_healthy(support, changed)
    assert [len(dovecot.logins(name)) for name in (support, changed)] == [1, 1]

    profiles = [profile(support), profile(changed, IMAPIdle=False), profile(added)]
    postroom.apply(document(dovecot.port, postfix.port["smtp"], profiles))
    submitted = time.monotonic()
    postroom.until(
        lambda: len(dovecot.logins(changed)) == 2 and len(dovecot.logins(added)) == 1, "both new settings run", 5
    )
    assert time.monotonic() - submitted < 5
    for address in (support, changed, added):
        dovecot.deliver(address, message(customer, address))
    postroom.until_processed(3)
    assert len(dovecot.logins(support)) == 1

    # Taken out of its response group, a profile is watched no more; what it owes still goes.
    without = [{**profile(added), "response_group": ""}, profile(support), profile(changed, IMAPIdle=False)]
    postroom.apply(document(dovecot.port, postfix.port["smtp"], without))
    postroom.until(
        lambda: postroom.number("SELECT COUNT(*) FROM postroom_lease") == 2, "the lease of the third is given back", 5
    )
    dovecot.deliver(added, message(customer, added, "Too late"))
    postroom.settle(2)
    assert len(dovecot.messages(added)) == 1
    assert len(dovecot.logins(support)) == 1
    # A refused submission changes nothing, and says everything that is wrong at once.
    wrong = document(dovecot.port, postfix.port["smtp"], [profile(support, PollingInterval="often"), profile(added)])
    wrong["profiles"][1]["driver"] = "Nobody"
    (postroom.folder / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    postroom.command("apply", "wrong.yaml", "--submit", "-m", "wrong", status=1)
    assert serving.running


def test_a_group_that_is_not_active_is_not_watched(
    postroom_on_sqlite: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    postroom = postroom_on_sqlite
    dovecot.deliver(support, message(customer, support))
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)], [group(active=False)]))
    postroom.serve()
    postroom.settle(2)
    assert dovecot.logins(support) == []
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)], [group(active=True)]))
    postroom.until_processed(1, seconds=5)
