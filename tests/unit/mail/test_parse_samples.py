"""Whole messages as mailers write them, with LF and with CRLF."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from postroom.mail.message import Address, Message
from unit.mail.parse_samples import sample, sample_crlf

Read = Callable[[str], Message]


@pytest.fixture(params=[sample, sample_crlf], ids=["LF", "CRLF"])
def read(request: pytest.FixtureRequest) -> Read:
    found: Read = request.param
    return found


def test_alternative_gives_unwrapped_text_and_html(read: Read) -> None:
    message = read("alternative_flowed.eml")
    assert message.subject == "Faktura 4711 är fel"
    assert message.authors == (Address("Anna Björk", "anna@customer.example"),)
    assert message.author == message.authors[0]
    assert message.originator == Address("", "office@customer.example")
    assert message.answer_to == (Address("", "anna.private@customer.example"),)
    assert message.to == (Address("Support, Example", "support@example.com"), Address("", "sales@example.com"))
    assert [each.address for each in message.cc] == ["lars@customer.example", "maja@customer.example"]
    assert message.message_id == "order-4711@customer.example"
    assert message.in_reply_to == ("first@example.com",)
    assert message.references == ("root@example.com", "first@example.com")
    assert message.return_path == "anna@customer.example"
    assert message.date_ms == 1_709_626_500_000
    assert message.content_type == "multipart/alternative"
    assert message.text == (
        "Hej, the invoice that you sent us on Monday has the wrong address on it. Could you send it again?\n\n"
        "> We have sent your invoice to the address that you gave.\n\n-- \nAnna"
    )
    assert message.html.strip().endswith("<b>Could</b> you send it again?</p>")
    assert message.attachments == []
    assert message.defects == ()
    assert message.engine == "mime"
    assert [name for name, _ in message.headers][:3] == ["Return-Path", "Received", "From"]


def test_delivery_report_keeps_its_parts_and_leaves_the_returned_message_shut(read: Read) -> None:
    message = read("delivery_report.eml")
    assert message.return_path == ""
    assert message.report_type == "delivery-status"
    assert message.text.strip() == "I could not deliver your message to <nobody@example.net>."
    assert [(each.kind, each.content_type, each.name) for each in message.attachments] == [
        ("report", "message/delivery-status", "part-1.txt"),
        ("message", "message/rfc822", "Your order_ 4711-a.eml"),
    ]
    assert b"Final-Recipient: rfc822; nobody@example.net" in message.attachments[0].octets
    assert message.attachments[1].octets.endswith(b"THE RETURNED TEXT")
    assert "RETURNED" not in message.text


def test_html_with_a_plain_footer_is_read_too(read: Read) -> None:
    message = read("list_footer_on_html.eml")
    assert message.text.split("\n") == [
        "The meeting is on Friday <https://cal.example.org/42>.",
        "",
        "- Agenda",
        "- Budget",
        "",
        "> When is it?",
        "_______________________",
        "list@example.org mailing list",
    ]
    assert "color" not in message.text


def test_signed_content_is_read_and_the_signature_kept(read: Read) -> None:
    message = read("pgp_signed.eml")
    assert message.protection == "pgp-signed"
    assert message.text == "Signed words."
    assert [(each.name, each.kind) for each in message.attachments] == [
        ("Größe.pdf", "file"),
        ("signature.asc", "signature"),
    ]
    assert message.attachments[0].octets == b"%PDF-1.4\n"
    assert message.attachments[0].size == 9


def test_inline_picture_and_invitation(read: Read) -> None:
    message = read("apple_inline.eml")
    assert message.text.strip() == "Look at this."
    picture, invitation = message.attachments
    assert (picture.name, picture.kind, picture.inline) == ("picture.png", "inline", True)
    assert picture.content_id == "pic1@example.org"
    assert picture.octets == b"\x89PNG\r\n\x1a\n"
    assert (invitation.kind, invitation.content_type, invitation.name) == ("calendar", "text/calendar", "part-2.ics")


def test_uuencoded_file_is_taken_out_of_the_text(read: Read) -> None:
    message = read("uuencoded.eml")
    assert message.text == "Here is the file.\n\n\nBye.\n"
    assert [(each.name, each.octets) for each in message.attachments] == [("cat.txt", b"Cat")]
    assert any("uuencoded" in defect for defect in message.defects)
