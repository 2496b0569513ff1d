"""A profile that can't be watched: its health says why, its administrator is told once, its neighbours don't notice."""

from __future__ import annotations

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.postfix import Postfix


def test_a_wrong_password_is_tried_rarely_and_reported_once(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, mailbox: str
) -> None:
    administrator = f"ops-{mailbox}@test.local"
    good = f"good-{mailbox}@test.local"
    profiles = [profile(support, IMAPPassword="wrong-password"), profile(good)]
    postroom.apply(document(dovecot.port, postfix.port["smtp"], profiles, [group(administrator=administrator)]))
    postroom.serve()
    postroom.until(lambda: postroom.health(support).get("state") == "refused", "health says that it is refused")
    dovecot.deliver(good, message(customer, good))
    postroom.until_processed(1, good)
    postroom.until_submitted(1)
    health = postroom.health(support)
    assert health["failures"] == 1
    assert "wrong-password" not in health["reason"]
    postroom.until(lambda: len(dovecot.messages(administrator)) == 1, "the administrator is told")
    told = dovecot.messages(administrator)[0].octets.decode()
    assert support in told
    assert health["reason"].split(".")[0][:40] in told.replace("\r\n", " ").replace("\n", " ")
    postroom.settle(3)
    assert len(dovecot.failed_logins(support)) == 1
    assert len(dovecot.messages(administrator)) == 1
    assert postroom.health(good)["state"] == "watching"
    assert len(dovecot.logins(good)) == 1
    assert "wrong-password" not in postroom.servings[0].said()
    # The right password is taken up at once, though the next attempt was far away.
    postroom.apply(
        document(dovecot.port, postfix.port["smtp"], [profile(support), profile(good)],
                 [group(administrator=administrator)])
    )  # fmt: skip
    dovecot.deliver(support, message(customer, support))
    postroom.until_processed(1, support)
    assert len(dovecot.logins(good)) == 1


def test_a_mail_server_that_restarts_is_found_again(
    postroom_on_sqlite: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str, mailbox: str
) -> None:
    postroom = postroom_on_sqlite
    other = f"pop-{mailbox}@test.local"
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support), profile(other, "POP3")]))
    postroom.serve()
    postroom.until_healthy(support, other)
    dovecot.kill()
    postroom.until(
        lambda: all(postroom.health(name)["state"] == "failing" for name in (support, other)), "both profiles fail"
    )
    dovecot.start()
    dovecot.deliver(support, message(customer, support))
    dovecot.deliver(other, message(customer, other))
    postroom.until_processed(2)
    postroom.until_healthy(support, other)
