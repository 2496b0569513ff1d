"""Compose a message: from a draft to the octets that are submitted (RFC 5322, 2045, 2046, 3834).

Guarantees: CRLF line ends; no line over 998 octets, header lines folded at 78; ASCII throughout, so that any server
can take it; the same draft gives the same octets (boundaries come from the Message-ID); no value can begin a field of
its own. A draft that can't be written is refused with `Permanent`, never sent halfway. Bcc is never written: it
belongs to the envelope. Never sets Precedence, which RFC 3834 advises against.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from postroom.conf.errors import Permanent
from postroom.mail.header_encoding import (
    address_field,
    check_field_name,
    ids_field,
    is_message_id,
    one_line,
    parameter_field,
    text_field,
)
from postroom.mail.message import Address, Attachment
from postroom.mail.text_encoding import EncodedText, encode_base64, encode_text

_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")
_ID = re.compile(r"[!-;=?-~]{1,200}")
# Written from the draft, or by others (Received, Return-Path), or never (Bcc); Content-* likewise
_OWN = frozenset(
    {"bcc", "cc", "date", "from", "in-reply-to", "message-id", "mime-version", "received", "references", "reply-to"}
    | {"return-path", "sender", "subject", "to"}
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent. Ids are without angle brackets.

    `html` beside `text` makes multipart/alternative; inline attachments with a `content_id` go beside the HTML,
    the others after it. `headers` are further fields; `language` is an ISO 639-1 code for Content-Language;
    `longest_line` is MaxLineLength: a text with longer lines is sent encoded.
    """

    author: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    message_id: str
    date_ms: int
    html: str = ""
    originator: Address | None = None
    reply_to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    language: str = ""
    charset: str = "utf-8"
    longest_line: int = 998


@dataclass(frozen=True, slots=True)
class _Part:
    """A finished body part: its own header fields and its octets."""

    fields: tuple[str, ...]
    octets: bytes


def compose(draft: Draft) -> bytes:
    """The message's octets.

    Raises `Permanent` for an address, Message-ID or field name that can't be written.
    """
    body = _body(draft)
    fields = [*_header(draft), "MIME-Version: 1.0", *body.fields]
    return "\r\n".join(fields).encode("ascii") + b"\r\n\r\n" + body.octets


def acknowledgement_headers() -> tuple[tuple[str, str], ...]:
    """The fields of an automatic answer (RFC 3834 section 3.1.7, and what Exchange heeds)."""
    return (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))


def _header(draft: Draft) -> list[str]:
    if not is_message_id(draft.message_id):
        raise Permanent(f"{draft.message_id[:100]!r} is no Message-ID.", code="5.6.0")
    fields = [
        f"Date: {format_datetime(datetime.fromtimestamp(draft.date_ms / 1000, UTC))}",
        address_field("From", (draft.author,)),
    ]
    if draft.originator is not None:
        fields.append(address_field("Sender", (draft.originator,)))
    for name, addresses in (("Reply-To", draft.reply_to), ("To", draft.to), ("Cc", draft.cc)):
        if addresses:
            fields.append(address_field(name, addresses))
    fields += [text_field("Subject", draft.subject), f"Message-ID: <{draft.message_id}>"]
    for name, ids in (("In-Reply-To", (draft.in_reply_to,)), ("References", draft.references)):
        if writable := [item for item in ids if is_message_id(item)]:
            fields.append(ids_field(name, writable))
    if re.fullmatch(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}", draft.language):
        fields.append(f"Content-Language: {draft.language}")
    for name, value in draft.headers:
        check_field_name(name)
        if name.lower() in _OWN or name.lower().startswith("content-"):
            raise Permanent(f"The field {name} can't be set: it is written from the draft.", code="5.6.0")
        fields.append(text_field(name, value))
    return fields


def _body(draft: Draft) -> _Part:
    if not draft.html and not draft.attachments:
        return _text(draft, draft.text, "plain")
    inline = tuple(item for item in draft.attachments if draft.html and item.inline and _ID.fullmatch(item.content_id))
    body = _readable(draft, inline)
    files = [item for item in draft.attachments if item not in inline]
    if not files:
        return body
    boundary = _boundary(draft, "mixed")
    return _multipart("mixed", boundary, [body, *(_file(item, boundary) for item in files)])


def _readable(draft: Draft, inline: tuple[Attachment, ...]) -> _Part:
    """What is read: plain text, HTML with its images, or both as alternatives."""
    if not draft.html:
        return _text(draft, draft.text, "plain")
    html = _text(draft, draft.html, "html")
    if inline:
        boundary = _boundary(draft, "related")
        html = _multipart("related", boundary, [html, *(_file(item, boundary) for item in inline)])
    if not draft.text.strip():
        return html
    return _multipart("alternative", _boundary(draft, "alternative"), [_text(draft, draft.text, "plain"), html])


def _text(draft: Draft, text: str, subtype: str) -> _Part:
    # A boundary that somebody foresaw must not end the part early: all of them begin alike.
    encoded: EncodedText = encode_text(text, draft.charset, draft.longest_line, forbidden="--=_")
    return _Part(
        (
            f"Content-Type: text/{subtype}; charset={encoded.charset}",
            f"Content-Transfer-Encoding: {encoded.transfer}",
        ),
        encoded.octets,
    )


def _multipart(subtype: str, boundary: str, parts: list[_Part]) -> _Part:
    pieces: list[bytes] = []
    for part in parts:
        pieces.append(f"--{boundary}\r\n".encode())
        pieces.append("\r\n".join(part.fields).encode("ascii") + b"\r\n\r\n")
        pieces.append(part.octets)
        pieces.append(b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return _Part((f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"',), b"".join(pieces))


def _file(item: Attachment, boundary: str) -> _Part:
    kind = item.content_type.lower()
    content_type = item.content_type if _TYPE.fullmatch(kind) else "application/octet-stream"
    name = one_line(item.name).strip() or "attachment"
    disposition = "inline" if item.inline else "attachment"
    fields = [parameter_field("Content-Disposition", disposition, (("filename", name),))]
    if _ID.fullmatch(item.content_id):
        fields.append(f"Content-ID: <{item.content_id}>")
    if kind == "message/rfc822" and _fits_7bit(item.octets, boundary):
        return _Part((f"Content-Type: {content_type}", *fields), _crlf(item.octets))
    if kind.startswith(("message/", "multipart/")):
        content_type = "application/octet-stream"  # RFC 2046: those types must not be encoded
    typed = parameter_field("Content-Type", content_type, (("name", name),))
    return _Part((typed, "Content-Transfer-Encoding: base64", *fields), encode_base64(item.octets))


def _fits_7bit(octets: bytes, boundary: str) -> bool:
    return (
        octets.isascii()
        and b"\0" not in octets
        and boundary.encode() not in octets
        and max(map(len, re.split(rb"\r\n|\r|\n", octets))) <= 998
    )


def _crlf(octets: bytes) -> bytes:
    return re.sub(rb"\r\n|\r|\n", b"\r\n", octets)


def _boundary(draft: Draft, level: str) -> str:
    # "=_" occurs neither in base64 nor in quoted-printable text
    return "=_" + hashlib.sha256(f"{level} {draft.message_id}".encode()).hexdigest()[:32]
