"""What answers to us become: a follow-up joins its conversation; automatic mail, and our own, is not acknowledged."""

from __future__ import annotations

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.postfix import Postfix


def test_a_follow_up_joins_its_conversation_and_is_not_acknowledged_again(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    dovecot.deliver(support, message(customer, support, message_id="<first@customer.example>"))
    (first,) = postroom.until_processed(1)
    (acknowledgement,) = postroom.until_submitted(1)
    answers = [
        # to our acknowledgement; to their own first message; by the signed tag alone, from another address
        message(customer, support, "Re: A question", In_Reply_To=f"<{acknowledgement['message_id']}>"),
        message(customer, support, "And also", References="<first@customer.example>"),
        message("bob@elsewhere.example", support, "Fwd: A question", "> " + acknowledgement["text"].split("\n")[-2]),
    ]
    for octets in answers:
        dovecot.deliver(support, octets)
    events = postroom.until_processed(4)
    assert {event["conversation_id"] for event in events} == {first["conversation_id"]}, postroom.state()
    # Somebody who only guesses gets a conversation of their own.
    dovecot.deliver(support, message("eve@evil.example", support, References="<first@customer.example>"))
    guessed = postroom.until_processed(5)[-1]
    assert guessed["conversation_id"] != first["conversation_id"]
    assert "no part in it" in postroom.steps(guessed["id"])["thread"]
    postroom.until_submitted(2)
    assert sorted(one["event_id"] for one in postroom.outbound()) == [first["id"], guessed["id"]]
    assert len(dovecot.messages(customer)) == 1


def test_two_postrooms_acknowledging_each_other_stop_at_once(
    postroom_on_sqlite: Postroom,
    postroom_on_postgresql: Postroom,
    dovecot: Dovecot,
    postfix: Postfix,
    mailbox: str,
) -> None:
    here, there = f"here-{mailbox}@test.local", f"there-{mailbox}@other.local"
    for postroom, address in ((postroom_on_sqlite, here), (postroom_on_postgresql, there)):
        postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(address)]))
        postroom.serve()
    # A person writes from the other's shared address: ours acknowledges, to the other.
    dovecot.deliver(here, message(there, here, "From your neighbours"))
    postroom_on_sqlite.until_submitted(1)
    (event,) = postroom_on_postgresql.until_processed(1)
    assert event["author"] == here
    assert event["outcome"] == "activity"
    assert "Not acknowledged" in postroom_on_postgresql.steps(event["id"])["acknowledge"]
    postroom_on_sqlite.settle(3)
    assert postroom_on_postgresql.outbound() == []
    assert len(postroom_on_sqlite.events()) == 1
    assert len(postroom_on_sqlite.outbound()) == 1
    assert postfix.queued() == 0


def test_two_profiles_of_one_postroom_do_not_acknowledge_each_other(
    postroom: Postroom, dovecot: Dovecot, postfix: Postfix, mailbox: str
) -> None:
    one, other = f"one-{mailbox}@test.local", f"other-{mailbox}@test.local"
    postroom.apply(
        document(dovecot.port, postfix.port["smtp"], [profile(one), profile(other, "POP3", "Sales")],
                 [group(), group("Sales", real_time=False)])
    )  # fmt: skip
    postroom.serve()
    dovecot.deliver(one, message(other, one))
    dovecot.deliver(other, message(one, other))
    for event in postroom.until_processed(2):
        assert event["outcome"] == "activity"
        assert "our own" in postroom.steps(event["id"])["acknowledge"]
    assert postroom.outbound() == []


def test_our_own_acknowledgement_that_comes_back_is_quarantined(
    postroom_on_sqlite: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    """A customer's mailbox that forwards everything to us."""
    postroom = postroom_on_sqlite
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    dovecot.deliver(support, message(customer, support))
    postroom.until_submitted(1)
    postroom.until(lambda: bool(dovecot.messages(customer)), "the acknowledgement arrives")
    dovecot.deliver(support, dovecot.messages(customer)[0].octets)
    event = postroom.until_processed(2)[1]
    assert event["outcome"] == "quarantined"
    assert event["reason"].startswith("loop: ")
    assert len(postroom.outbound()) == 1


def test_automatic_mail_is_kept_and_not_acknowledged(
    postroom_on_sqlite: Postroom, dovecot: Dovecot, postfix: Postfix, support: str, customer: str
) -> None:
    postroom = postroom_on_sqlite
    postroom.apply(document(dovecot.port, postfix.port["smtp"], [profile(support)]))
    postroom.serve()
    kinds = [
        {"subject": "Out of office: A question", "Auto_Submitted": "auto-replied"},
        {"subject": "Abwesenheit", "X_Auto_Response_Suppress": "All"},
        {"subject": "Newsletter", "List_Id": "<news.customer.example>", "Precedence": "bulk"},
    ]
    for fields in kinds:
        dovecot.deliver(support, message(customer, support, text="I am away.", **fields))
    for event in postroom.until_processed(len(kinds)):
        assert event["outcome"] == "activity", event
        assert postroom.steps(event["id"])["acknowledge"].startswith("Not acknowledged")
    dovecot.deliver(support, message(customer, support, "A person"))
    postroom.until_submitted(1)
    assert len(postroom.outbound()) == 1
