"""What a message holds: its text and HTML, and every other part as an attachment of the right kind.

A part with a file name, or said to be an attachment, is one, even if it is text. Signed content is read and its
signature kept; encrypted content is kept as it is (RFC 1847, 3156, 8551). An embedded message is kept as a file and
never read into the body (RFC 2046 section 5.2.1). Guarantees at most `ATTACHMENTS_LIMIT` attachments.
"""

from __future__ import annotations

from postroom.mail.bodies import Bodies
from postroom.mail.fields import read_header
from postroom.mail.file_names import default_name, safe_name
from postroom.mail.header_text import header_text, one_line, unfolded
from postroom.mail.message import Attachment, AttachmentKind, Encoded, Message, Protection
from postroom.mail.structure import Part, Walk
from postroom.mail.tnef import SIZE_LIMIT as TNEF_LIMIT
from postroom.mail.tnef import open_tnef
from postroom.mail.transfer import EncodedOctets

ATTACHMENTS_LIMIT = 2_000
_EMBEDDED_HEADER = 65_536
_CONTENT_ID_LIMIT = 998
_BINARY_WITHIN = 1_024

_KINDS: dict[str, AttachmentKind] = {
    "message/rfc822": "message",
    "message/global": "message",
    "message/news": "message",
    "message/delivery-status": "report",
    "message/global-delivery-status": "report",
    "message/disposition-notification": "report",
    "message/global-disposition-notification": "report",
    "message/feedback-report": "report",
    "message/tracking-status": "report",
    "text/rfc822-headers": "report",
    "message/global-headers": "report",
    "text/calendar": "calendar",
    "application/ics": "calendar",
    "application/pkcs7-signature": "signature",
    "application/x-pkcs7-signature": "signature",
    "application/pgp-signature": "signature",
    "application/ms-tnef": "tnef",
    "application/vnd.ms-tnef": "tnef",
}
_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")


def read_content(message: Message, octets: bytes, root: Part, *, embedded: bool) -> list[str]:
    """Fills text, HTML, attachments, protection and report type of `message`; returns the defects."""
    return _Content(message, octets, embedded=embedded).read(root)


class _Content:
    def __init__(self, message: Message, octets: bytes, *, embedded: bool) -> None:
        self.message = message
        self.octets = octets
        self.embedded = embedded
        self.bodies = Bodies()
        self.unlisted = 0
        self.defects: list[str] = []
        self.named_texts: list[Part] = []

    def read(self, root: Part) -> list[str]:
        walk = Walk(self.octets, root)
        for part in walk:
            self._take(part)
        if not self.bodies:
            for part in self.named_texts:
                self.bodies.take(self.octets, part)
        if not self.bodies and not self.message.attachments and root.type.startswith("multipart/"):
            root.stray = True  # nothing but a preamble or an epilogue: better than an empty message
            self.bodies.take(self.octets, root)
        for name, octets in self.bodies.files:
            self._keep(name, "application/octet-stream", octets, "file")
        message = self.message
        message.text, message.html = self.bodies.compose()
        self._name_containers(walk.containers)
        message.protection = message.protection or _protection(self.bodies.protection)
        if self.unlisted or walk.passed_over:
            self.defects.append(f"{self.unlisted + walk.passed_over} more parts are not listed.")
        return walk.defects + self.bodies.defects + self.defects

    def _take(self, part: Part) -> None:
        if part.whole:
            self._attach(part, "file")
        elif part.encrypted:
            self._attach(part, "encrypted")
        elif part.stray or self._is_body(part):
            self.bodies.take(self.octets, part)
        elif part.type in _PKCS7:
            self._take_pkcs7(part)
        elif part.type == "application/octet-stream" and part.file_name.lower() == "winmail.dat":
            self._take_tnef(part)
        elif (kind := _KINDS.get(part.type)) is None:
            self._take_file(part)
        elif kind == "tnef":
            self._take_tnef(part)
        elif kind == "message":
            self._attach(part, kind, self._embedded_name(part))
        else:
            self._attach(part, kind)

    def _is_body(self, part: Part) -> bool:
        if part.type not in ("text/plain", "text/html"):
            single = part.parent is None and part.type.startswith("text/") and part.type not in _KINDS
            return single and part.disposition != "attachment" and not part.file_name
        if part.disposition == "attachment":
            return False
        if not part.file_name:
            return True
        if part.parent is None:  # all there is to read, unless it is a file that calls itself text
            return b"\0" not in self._encoded(part).decode(_BINARY_WITHIN)
        self.named_texts.append(part)
        return False

    def _take_file(self, part: Part) -> None:
        content_id = _content_id(part)
        inline = part.disposition == "inline" or (part.related and bool(content_id) and not part.disposition)
        other_form = part.alternative is not None and not part.file_name and part.disposition != "attachment"
        self._attach(part, "inline" if other_form or (inline and content_id) else "file", inline=inline)

    def _take_pkcs7(self, part: Part) -> None:
        kind = part.parameters.get("smime-type", "").lower()
        signed = kind in ("signed-data", "certs-only") or part.file_name.lower().endswith(".p7s")
        self.message.protection = self.message.protection or ("smime-signed" if signed else "smime-encrypted")
        self._attach(part, "signature" if signed else "encrypted", default="smime.p7m")

    def _take_tnef(self, part: Part) -> None:
        encoded = self._encoded(part)
        self._attach(part, "tnef", default="winmail.dat")
        opened = open_tnef(encoded.decode()) if encoded.size <= TNEF_LIMIT else None
        if opened is None:
            self.defects.append("A TNEF part (winmail.dat) could not be opened: kept whole.")
            return
        for each in opened.files:
            kind = each.content_type.partition(";")[0].strip()
            kind = kind if kind.isascii() and kind.isprintable() and 3 <= len(kind) <= 127 and "/" in kind else ""
            self._keep(each.name, kind or "application/octet-stream", each.octets, "file", _plain_id(each.content_id))
        if not self.bodies:
            if opened.text:
                self.bodies.add(opened.text, is_html=False)
            if opened.html:
                self.bodies.add(opened.html, is_html=True)

    def _embedded_name(self, part: Part) -> str:
        """The subject of the embedded message and ".eml"; else the part's own name."""
        if not self.embedded:
            return part.file_name or "message.eml"
        head = self._encoded(part).decode(_EMBEDDED_HEADER)[:_EMBEDDED_HEADER]
        fields = read_header(head, 0, len(head), _EMBEDDED_HEADER).fields
        subject = next((header_text(value) for name, value in fields if name.lower() == "subject"), "")
        subject = subject.replace("/", "-").replace("\\", "-").strip(". ")
        return f"{subject}.eml" if subject else part.file_name or "message.eml"

    def _attach(
        self, part: Part, kind: AttachmentKind, name: str = "", *, inline: bool = False, default: str = ""
    ) -> None:
        self._keep(name or part.file_name, part.type, self._encoded(part), kind, _content_id(part), inline, default)

    def _keep(
        self,
        name: str,
        content_type: str,
        content: bytes | Encoded,
        kind: AttachmentKind,
        content_id: str = "",
        inline: bool = False,
        default: str = "",
    ) -> None:
        attachments = self.message.attachments
        if len(attachments) >= ATTACHMENTS_LIMIT:
            self.unlisted += 1
            return
        safe = safe_name(name, default or default_name(content_type, len(attachments) + 1))
        attachments.append(Attachment(safe, content_type, content, kind, content_id, inline))

    def _encoded(self, part: Part) -> EncodedOctets:
        encoding = "" if part.type.startswith("multipart/") else part.encoding
        return EncodedOctets(self.octets, part.start, part.end, encoding)

    def _name_containers(self, containers: list[Part]) -> None:
        message = self.message
        for part in containers:
            if part.type == "multipart/report" and not message.report_type:
                message.report_type = one_line(part.parameters.get("report-type", "").lower())[:100]
            elif part.type == "multipart/encrypted" and not message.protection:
                message.protection = "pgp-encrypted"
            elif part.type == "multipart/signed" and not message.protection:
                signatures = part.parameters.get("protocol", "").lower()
                if not signatures:
                    signatures = " ".join(each.content_type for each in message.attachments if each.kind == "signature")
                message.protection = "smime-signed" if "pkcs7" in signatures else "pgp-signed"


def _content_id(part: Part) -> str:
    raw = part.fields.get("content-id")
    return _plain_id(unfolded(raw)) if raw else ""


def _plain_id(text: str) -> str:
    text = text.strip().removeprefix("<").removesuffix(">").strip()
    return text if len(text) <= _CONTENT_ID_LIMIT and text.isprintable() else ""


def _protection(found: str) -> Protection:
    return "pgp-encrypted" if found == "pgp-encrypted" else "pgp-signed" if found == "pgp-signed" else ""
