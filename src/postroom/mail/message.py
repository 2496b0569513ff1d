"""What a parsed message is: plain data that every other room reads. Never trusted: every field has a limit.

`parse.parse(octets)` makes it and never fails. The octets are the truth and are kept elsewhere; this is a view of
them by one version of the parser (`parse.VERSION`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

AttachmentKind = Literal["file", "inline", "message", "calendar", "report", "signature", "encrypted", "tnef"]
Protection = Literal["", "smime-signed", "smime-encrypted", "pgp-signed", "pgp-encrypted"]


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox of RFC 5322: display name (decoded) and address as written."""

    name: str
    address: str

    @property
    def key(self) -> str:
        """For comparing: lower case."""
        return self.address.lower()

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


class Encoded(Protocol):
    """Octets that are decoded when asked for: `size` is what `decode` will give, estimated where that is dear."""

    def decode(self) -> bytes: ...

    @property
    def size(self) -> int: ...


@dataclass(slots=True)
class Attachment:
    """A part kept as a file. `name` is safe to show and to save: no path, no control characters, at most 255 octets.

    `content` is what it holds: octets, or a place in the message decoded on demand (it keeps the message's octets
    alive). Read `octets` once and keep it: each reading decodes again.
    """

    name: str
    content_type: str
    content: bytes | Encoded = field(repr=False)
    kind: AttachmentKind = "file"
    content_id: str = ""
    inline: bool = False

    @property
    def octets(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.decode()

    @property
    def size(self) -> int:
        """How many octets: exact, but estimated where the transfer encoding is broken."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.size


@dataclass(slots=True)
class Message:
    """A view of one message. Texts are decoded, addresses bounded, message ids without angle brackets.

    `text` is the whole plain text (from text/plain parts, else made from HTML); `html` the HTML as it came, not
    sanitised. `defects` says in words what was wrong with it. `return_path` is None where no Return-Path field
    stands, "" for the null one.
    """

    headers: list[tuple[str, str]] = field(default_factory=list)
    subject: str = ""
    authors: tuple[Address, ...] = ()
    originator: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    date_ms: int | None = None
    return_path: str | None = None
    content_type: str = "text/plain"
    report_type: str = ""
    text: str = ""
    html: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    protection: Protection = ""
    defects: tuple[str, ...] = ()
    engine: str = ""
    size: int = 0

    def header(self, name: str) -> str | None:
        """The first field of this name (any case), decoded, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def headers_named(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    @property
    def author(self) -> Address | None:
        """Who wrote it: the first address of From, else Sender."""
        return self.authors[0] if self.authors else self.originator

    @property
    def answer_to(self) -> tuple[Address, ...]:
        """Where an answer goes (RFC 5322 section 3.6.3): Reply-To, else From."""
        return self.reply_to or self.authors or ((self.originator,) if self.originator else ())
