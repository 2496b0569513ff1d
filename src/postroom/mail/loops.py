"""Is this very message one that this installation sent?

Every message that leaves carries `X-Postroom-Origin`: its Message-ID and a truncated HMAC-SHA256 over it. A message
that comes back with a valid signature is a loop; nothing is concluded from a likeness. A bounce or an answer only
quotes what was ours: its own Message-ID is another one, so it is no loop. A stranger can't make the signature; who
copies one into a message of their own only has that message set aside.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection

from postroom.mail.message import Message

HEADER = "X-Postroom-Origin"
_MOST_HOPS = 100  # RFC 5321 section 6.3


def sign(message_id: str, key: bytes) -> str:
    """The value of `X-Postroom-Origin` for a Message-ID (without angle brackets): the id and its signature."""
    return f"<{message_id}> {_mac(message_id, key)}"


def loop(message: Message, key: bytes, own_domains: Collection[str]) -> str:
    """Why the message is a loop, in words; "" if it is not.

    `own_domains` (lower case) matter where a relay gave the message another Message-ID: then the signed id and the
    author must both be of our domains.
    """
    if len(message.headers_named("Received")) > _MOST_HOPS:
        return f"It has passed more than {_MOST_HOPS} mail servers: it goes round in a loop."
    for value in message.headers_named(HEADER)[:3]:
        signed, _, mac = value.strip()[:1200].rpartition(" ")
        signed = signed.strip().removeprefix("<").removesuffix(">")
        if not signed or not hmac.compare_digest(mac.encode(), _mac(signed, key).encode()):
            continue
        if signed == message.message_id:
            return "This installation sent the message itself: it carries our signature for its Message-ID."
        author = message.author
        if author and author.domain in own_domains and signed.rpartition("@")[2].lower() in own_domains:
            return "This installation sent the message itself: it carries our signature, under another Message-ID."
    return ""


def _mac(message_id: str, key: bytes) -> str:
    digest = hmac.new(key, b"postroom origin\0" + message_id.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.b32encode(digest[:15]).decode().lower()
