"""Message-IDs and what ties messages to a conversation (RFC 5322 section 3.6.4, and signed tags in the text).

Ids are without angle brackets. A tag `[THREAD ID:123-…]` names a conversation and is signed: the number alone, or a
guess, joins nothing. Every list is bounded, whatever the message holds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from postroom.conf.errors import Permanent
from postroom.mail.domains import ascii_domain
from postroom.mail.message import Message

_MOST_IDS = 50
_MOST_TAGS = 20
_MOST_REFERENCES = 20  # the first of the thread and the newest: RFC 5322 asks for all, header limits for fewer
_LONGEST_ID = 500

_TAG = re.compile(
    r"\[THREAD[ \t\u00a0]{1,3}ID:[ \t\u00a0]{0,3}([1-9]\d{0,17})-([A-Z2-7]{16})\]", re.IGNORECASE | re.ASCII
)


def new_message_id(domain: str) -> str:
    """A Message-ID that nobody can guess. A domain that can't be written in ASCII gives the id a neutral one."""
    try:
        right = ascii_domain(domain)
    except Permanent:
        right = "postroom.invalid"
    return f"{secrets.token_hex(16)}@{right}"


def thread_ids(message: Message) -> tuple[str, ...]:
    """What the message answers, most telling first: In-Reply-To, then References from the newest; at most 50."""
    ids = dict.fromkeys(
        item for item in (*message.in_reply_to, *reversed(message.references)) if 0 < len(item) <= _LONGEST_ID
    )
    return tuple(ids)[:_MOST_IDS]


def thread_tag(conversation: int, key: bytes) -> str:
    """The signed tag of a conversation, for the text of an answer: `[THREAD ID:123-ABCDEFGHIJKLMNOP]`."""
    return f"[THREAD ID:{conversation}-{_mac(conversation, key)}]"


def find_thread_tags(text: str) -> tuple[str, ...]:
    """The tags in the first million characters of a text, each once, first seen first, at most 20; not verified."""
    found: dict[str, None] = {}
    for match in _TAG.finditer(text[:1_000_000]):
        found[f"[THREAD ID:{match[1]}-{match[2].upper()}]"] = None
        if len(found) == _MOST_TAGS:
            break
    return tuple(found)


def verify_thread_tag(tag: str, key: bytes) -> int | None:
    """The conversation of a tag, or None if we did not sign it."""
    match = _TAG.fullmatch(tag.strip()[:100])
    if not match:
        return None
    conversation = int(match[1])
    return conversation if hmac.compare_digest(match[2].upper(), _mac(conversation, key)) else None


def references_for_answer(message: Message) -> tuple[str, tuple[str, ...]]:
    """In-Reply-To and References of an answer to this message (RFC 5322 section 3.6.4).

    In-Reply-To is "" if the message has no Message-ID. Of a long thread the first id and the newest stay.
    """
    earlier = message.references or (message.in_reply_to if len(message.in_reply_to) == 1 else ())
    parent = message.message_id if len(message.message_id) <= _LONGEST_ID else ""
    ids = [item for item in dict.fromkeys(earlier) if 0 < len(item) <= _LONGEST_ID and item != parent]
    if parent:
        ids.append(parent)
    if len(ids) > _MOST_REFERENCES:
        ids = [ids[0], *ids[1 - _MOST_REFERENCES :]]
    return parent, tuple(ids)


def _mac(conversation: int, key: bytes) -> str:
    digest = hmac.new(key, b"postroom thread\0%d" % conversation, hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode()
