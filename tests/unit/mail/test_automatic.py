"""Automatic mail is recognised without asking for its language; people are not taken for programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.automatic import automatic, list_mail, why_not_acknowledge
from postroom.mail.message import Address, Message

CUSTOMER = Address("Ann Customer", "ann@customer.test")


def message(
    subject: str = "Where is my order?",
    *headers: tuple[str, str],
    author: Address | None = CUSTOMER,
    return_path: str | None = "ann@customer.test",
    content_type: str = "text/plain",
    report_type: str = "",
    reply_to: tuple[Address, ...] = (),
) -> Message:
    return Message(
        headers=list(headers),
        subject=subject,
        authors=(author,) if author else (),
        return_path=return_path,
        content_type=content_type,
        report_type=report_type,
        reply_to=reply_to,
    )


def nobody(_: str) -> bool:
    return False


@pytest.mark.parametrize(
    "header",
    [
        ("Auto-Submitted", "auto-replied"),
        ("Auto-Submitted", "auto-generated (failure)"),
        ("Auto-Submitted", "AUTO-NOTIFIED; owner-email=a@example.com"),
        ("auto-submitted", "something-new"),
        ("X-Autoreply", "yes"),
        ("X-Autorespond", ""),
        ("Precedence", "auto_reply"),
        ("Precedence", "Auto-Reply"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Failed-Recipients", "b@example.com"),
        ("X-POST-MessageClass", "9; Autoresponder"),
        ("X-MS-Exchange-Generated-Message-Source", "Mailbox Rules Agent"),
    ],
)
def test_the_header_says_so(header: tuple[str, str]) -> None:
    assert automatic(message("Re: order", header)).endswith(".")
    assert why_not_acknowledge(message("Re: order", header), nobody)


@pytest.mark.parametrize(
    "header",
    [
        ("Auto-Submitted", "no"),
        ("Auto-Submitted", ""),
        ("X-Autoreply", "no"),
        ("Precedence", "first-class"),
        ("X-Auto-Response-Suppress", "DR, RN, NRN"),
        ("Delivered-To", "support@example.com"),
    ],
)
def test_the_header_says_nothing(header: tuple[str, str]) -> None:
    assert automatic(message("Re: order", header)) == ""
    assert why_not_acknowledge(message("Re: order", header), nobody) == ""


def test_reports_and_null_return_path() -> None:
    assert "delivery report" in automatic(message(content_type="multipart/report", report_type="delivery-status"))
    assert "read receipt" in automatic(message(content_type="multipart/report", report_type="disposition-notification"))
    assert "null return path" in automatic(message(return_path=""))
    assert automatic(message(return_path=None)) == ""


@pytest.mark.parametrize(
    "local", ["MAILER-DAEMON", "mailer-daemon", "no-reply", "NoReply", "do_not_reply", "noreply+abc", "bounces-77=x"]
)
def test_programs_as_authors(local: str) -> None:
    assert automatic(message(author=Address("", f"{local}@shop.test")))


def test_the_authors_name_is_a_mail_system() -> None:
    assert automatic(message(author=Address("Mail Delivery Subsystem", "x@shop.test")))


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Where is my order?",
        "Out of Office: your message",
        "Out of office",
        "Automatische Antwort: Bestellung",
        "Abwesenheitsnotiz: Bestellung",
        "Réponse automatique : commande",
        "Risposta automatica: ordine",
        "Respuesta automática: pedido",
        "Automatisch antwoord: bestelling",
        "Autosvar: ordre",
        "Автоответ: заказ",
        "自動返信：ご注文",
        "自动回复: 订单",
        "[EXTERNAL] Automatic reply: order",
        "*Out of office* until Monday",
        "Undeliverable: order",
        "Mail delivery failed: returning message to sender",
        "Undelivered Mail Returned to Sender",
    ],
)
def test_subjects_of_programs(subject: str) -> None:
    assert automatic(message(subject))


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Automatic reply: Where is my order?",
        "How do I set an out of office message?",
        "Out of office hours, can I still call?",
        "Vacation house in June",
        "Absence of documentation",
        "Automatic doors are broken",
        "Delivery of my parcel",
        "AW: Abwesenheitsnotiz einrichten",
        "",
    ],
)
def test_subjects_of_people(subject: str) -> None:
    assert automatic(message(subject)) == ""
    assert why_not_acknowledge(message(subject), nobody) == ""


@pytest.mark.parametrize(
    "header", [("List-Id", "<talk.lists.test>"), ("Precedence", "bulk"), ("List-Unsubscribe", "<x>")]
)
def test_list_mail_is_written_by_people_but_not_answered(header: tuple[str, str]) -> None:
    listed = message("Hello", header)
    assert automatic(listed) == ""
    assert list_mail(listed)
    assert why_not_acknowledge(listed, nobody)


@pytest.mark.parametrize(
    "author",
    [
        None,
        Address("", "postmaster@customer.test"),
        Address("", "owner-talk@lists.test"),
        Address("", "talk-request@lists.test"),
        Address("", "notifications@service.test"),
        Address("", "nodomain"),
        Address("", "a b@customer.test"),
        Address("", "@customer.test"),
        Address("", "ann@"),
    ],
)
def test_authors_who_get_no_acknowledgement(author: Address | None) -> None:
    assert why_not_acknowledge(message(author=author), nobody)


def test_the_answers_address_counts() -> None:
    assert why_not_acknowledge(message(reply_to=(Address("", "noreply@customer.test"),)), nobody)
    assert "our own" in why_not_acknowledge(message(), lambda address: address == "ann@customer.test")


@given(
    st.text(),
    st.lists(st.tuples(st.sampled_from(["Auto-Submitted", "Precedence", "Delivered-To", "X-Autoreply"]), st.text())),
    st.text(),
)
def test_anything_is_read(subject: str, headers: list[tuple[str, str]], address: str) -> None:
    hostile = message(subject, *headers, author=Address(address, address))
    assert isinstance(automatic(hostile), str)
    assert isinstance(why_not_acknowledge(hostile, nobody), str)
