"""The fields of a message's header that others ask for, read into a `Message`."""

from __future__ import annotations

from postroom.mail.addresses import ADDRESS_LIMIT, parse_addresses
from postroom.mail.dates import date_ms
from postroom.mail.header_text import header_text, unfolded
from postroom.mail.message import Message
from postroom.mail.message_ids import message_ids

SUBJECT_LIMIT = 4_000


def read_fields(message: Message, fields: list[tuple[str, bytes]], charset: str | None) -> None:
    """Fills `message` from raw fields. Of a field that stands twice the first counts, as in RFC 5322's spirit."""
    first: dict[str, bytes] = {}
    headers = message.headers
    for name, value in fields:
        headers.append((name, header_text(value, charset)))
        first.setdefault(name.lower(), value)

    def line(name: str) -> str:
        value = first.get(name)
        return unfolded(value, charset) if value else ""

    message.subject = header_text(first.get("subject", b""), charset)[:SUBJECT_LIMIT]
    message.authors = parse_addresses(line("from"))
    senders = parse_addresses(line("sender"))
    message.originator = senders[0] if senders else None
    message.reply_to = parse_addresses(line("reply-to"))
    message.to = parse_addresses(line("to"))
    message.cc = parse_addresses(line("cc"))
    ids = message_ids(first.get("message-id"))
    message.message_id = ids[0] if ids else ""
    message.in_reply_to = message_ids(first.get("in-reply-to"))
    message.references = message_ids(first.get("references"))
    message.date_ms = date_ms(line("date"))
    if "return-path" in first:
        message.return_path = _return_path(line("return-path"))


def _return_path(value: str) -> str:
    """The return address; "" for the null one, and what it says where it is no address (MAILER-DAEMON)."""
    found = parse_addresses(value)
    if found:
        return found[0].address
    return "".join(c for c in value.strip("<> \t") if c.isprintable())[:ADDRESS_LIMIT]
