"""Delivery reports, disposition notifications and abuse reports: what became of a message of ours?

`read_report` believes in this order: the machine-readable part (RFC 3464, 6533, 8098, 5965), the field
X-Failed-Recipients, flufl.bounce's knowledge of old mail systems, the header of the returned message. Only the first
two are `certain`: a mail system declared them, so something may be decided by them alone. The others are read only
from a message that looks like a report, within limits of size and nesting. Never raises; never decides anything.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from postroom.mail.addresses import parse_addresses
from postroom.mail.automatic import looks_like_report
from postroom.mail.fields import read_header
from postroom.mail.message import Message
from postroom.mail.message_ids import message_ids
from postroom.mail.report_fields import Group, one_line, read_groups, typed_address, typed_text
from postroom.mail.status import find_status, status_of
from postroom.mail.structure import Part, Walk, make_part
from postroom.mail.transfer import decode_transfer

Kind = Literal["delivery", "disposition", "feedback"]
Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]

_MOST_RECIPIENTS = 100
_MOST_IDS = 20
_REPORT_PART = 256 * 1024
_GUESSED_FROM = 64 * 1024
_GUESSED_LINES = 2_000
_ACTIONS: dict[str, Action] = {
    "failed": "failed",
    "failure": "failed",
    "delayed": "delayed",
    "delivered": "delivered",
    "relayed": "relayed",
    "expanded": "expanded",
}
_BY_CLASS: dict[str, Action] = {"2": "delivered", "4": "delayed", "5": "failed"}
_MACHINE_READABLE: dict[str, Kind] = {
    "message/delivery-status": "delivery",
    "message/global-delivery-status": "delivery",
    "message/disposition-notification": "disposition",
    "message/global-disposition-notification": "disposition",
    "message/feedback-report": "feedback",
}
_RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_RETURNED_ID = re.compile(rb"^[> ]{0,8}message-id:[ \t]{0,9}(<[^<>\s]{3,500}>)", re.IGNORECASE | re.MULTILINE)
_REPLY_CODE = re.compile(r"(?<![\d.])([245]\d\d)[ -]")
_DELAY = re.compile(
    r"\bwill (?:be retried|(?:keep|continue) (?:on )?trying|retry)|\bdelivery[^.]{0,40}\bdelayed\b|"
    r"\bdelayed (?:mail|delivery)|\bwarning:? (?:only|message)|\byou do not need to resend",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """The report's word about one recipient: `code` is RFC 3463's, `text` the mail system's words on one line."""

    address: str
    action: Action
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says. `original_message_ids` are of the message reported on, most telling first."""

    kind: Kind
    certain: bool
    recipients: tuple[ReportedRecipient, ...]
    original_message_ids: tuple[str, ...]
    evidence: str


def read_report(message: Message, octets: bytes) -> Report | None:
    """The report that a message is, or None. `octets` are the raw message of which `message` is the view."""
    suspicious = looks_like_report(message)
    if not suspicious and not message.header("X-Failed-Recipients") and not _names_a_report(message):
        return None
    header = read_header(octets, 0, len(octets))
    leaves = list(Walk(octets, make_part(header, 0, len(octets), None)))
    returned = [_Returned(octets, leaf) for leaf in leaves if leaf.type in _RETURNED][:5]
    declared: Report | None = None
    for leaf in leaves:
        if kind := _MACHINE_READABLE.get(leaf.type):
            declared = _declared(message, kind, read_groups(_text(octets, leaf)), returned)
            if declared.recipients or kind != "delivery":
                return declared
            break
    if failed := message.header("X-Failed-Recipients"):
        recipients = _as_recipients((entry.address for entry in parse_addresses(failed)), message)
        ids = _ids(message, returned, octets[header.body :])
        return Report("delivery", True, recipients, ids, "The field X-Failed-Recipients names them.")
    if not suspicious:
        return declared
    recipients, evidence = _guess(message, octets, leaves, returned)
    ids = _ids(message, returned, octets[header.body :])
    if declared and not recipients:
        return declared
    return Report("delivery", False, recipients, ids, evidence) if recipients or ids else None


def _names_a_report(message: Message) -> bool:
    """A cheap look: some mail systems put the machine-readable part into a message of another type."""
    return message.content_type.startswith("multipart/") and any(
        attachment.kind == "report" for attachment in message.attachments
    )


class _Returned:
    """The header of the message that a report returns."""

    def __init__(self, octets: bytes, part: Part) -> None:
        inner = _decoded(octets, part)
        self.fields = {name.lower(): value for name, value in reversed(read_header(inner, 0, len(inner)).fields)}

    @property
    def ids(self) -> tuple[str, ...]:
        return message_ids(self.fields.get("message-id"))

    @property
    def recipients(self) -> Iterator[str]:
        for name in ("to", "cc"):
            for entry in parse_addresses(self.fields.get(name, b"").decode("utf-8", "replace")):
                yield entry.address


def _decoded(octets: bytes, part: Part) -> bytes:
    return decode_transfer(octets[part.start : min(part.end, part.start + _REPORT_PART)], part.encoding)


def _text(octets: bytes, part: Part) -> str:
    return _decoded(octets, part).decode("utf-8", "replace")


# --- declared by a mail system ----------------------------------------------------------------------------------------


def _declared(message: Message, kind: Kind, groups: list[Group], returned: list[_Returned]) -> Report:
    ids = [
        value
        for group in groups
        for name in ("original-message-id", "x-original-message-id")
        if (value := group.get(name))
    ]
    original = [item for value in ids for item in message_ids(value.encode("utf-8", "replace"))]
    if kind == "delivery":
        found = (_delivery_recipient(group) for group in groups)
        evidence = "It is a delivery report (RFC 3464)."
    elif kind == "disposition":
        found = (_disposition_recipient(group) for group in groups)
        evidence = "It is a disposition notification (RFC 8098)."
    else:
        found = (_feedback_recipient(group) for group in groups)
        evidence = "It is an abuse report (RFC 5965)."
    recipients = list(dict.fromkeys(recipient for recipient in found if recipient))[:_MOST_RECIPIENTS]
    return Report(kind, True, tuple(recipients), _ids(message, returned, b"", original), evidence)


def _delivery_recipient(group: Group) -> ReportedRecipient | None:
    # The address that we wrote to, where the mail system kept it; the final one is where forwarding led.
    address = typed_address(group.get("original-recipient", "")) or typed_address(group.get("final-recipient", ""))
    if not address:
        return None
    words = group.get("action", "").lower().split()
    text = typed_text(group.get("diagnostic-code", ""))
    action = _ACTIONS.get(words[0].strip(";,.()") if words else "")
    reply = _REPLY_CODE.search(text)
    stated = group.get("status", "")
    code = status_of({"2": 250, "4": 400, "5": 500}.get(stated[:1], 0), stated) if stated[:1] in ("2", "4", "5") else ""
    if not code or code.endswith(".0.0"):
        # The mail system's own words are often more exact than its status
        spoken = status_of(int(reply[1]), text) if reply else find_status(text)
        code = spoken if spoken and (not code or spoken[0] == code[0]) else code
    action = action or _BY_CLASS.get(code[:1], "failed")
    code = code or {"failed": "5.0.0", "delayed": "4.0.0"}.get(action, "2.0.0")
    return ReportedRecipient(address, action, code, text)


def _disposition_recipient(group: Group) -> ReportedRecipient | None:
    address = typed_address(group.get("original-recipient", "")) or typed_address(group.get("final-recipient", ""))
    disposition = one_line(group.get("disposition", "").rpartition(";")[2])
    return ReportedRecipient(address, "delivered", "2.0.0", disposition) if address and disposition else None


def _feedback_recipient(group: Group) -> ReportedRecipient | None:
    address = typed_address(group.get("original-rcpt-to", "") or group.get("removal-recipient", ""))
    kind = one_line(group.get("feedback-type", ""))
    return ReportedRecipient(address, "delivered", "2.0.0", kind) if address else None


# --- concluded from its wording ---------------------------------------------------------------------------------------


def _guess(
    message: Message, octets: bytes, leaves: list[Part], returned: list[_Returned]
) -> tuple[tuple[ReportedRecipient, ...], str]:
    delayed, failed = _flufl(octets) if len(leaves) <= 50 and all(leaf.level <= 10 for leaf in leaves) else ((), ())
    if delayed or failed:
        both = _as_recipients(failed, message, "failed") + _as_recipients(delayed, message, "delayed")
        return both, "Its wording is that of a delivery report (flufl.bounce)."
    own = {entry.key for entry in message.to}
    addresses = [address for header in returned for address in header.recipients if address.lower() not in own]
    return _as_recipients(addresses, message), "It looks like a delivery report, and returns a message."


def _flufl(octets: bytes) -> tuple[Iterable[str], Iterable[str]]:
    """Temporarily and permanently failing recipients. Lines are cut: flufl's patterns are not all linear."""
    from flufl.bounce import all_failures  # here, because few messages need it

    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    lines = octets[:_GUESSED_FROM].split(b"\n", _GUESSED_LINES)[:_GUESSED_LINES]
    cut = b"\n".join(line.rstrip(b"\r")[:500] for line in lines)
    try:
        delayed, failed = all_failures(email.message_from_bytes(cut))
    except Exception:  # noqa: BLE001 - whatever its detectors raise on a malformed message, it then knows nothing
        return (), ()
    return tuple(map(_addressed, delayed)), tuple(map(_addressed, failed))


def _addressed(address: bytes | str) -> str:
    text = address.decode("utf-8", "replace") if isinstance(address, bytes) else str(address)
    return typed_address(text)


def _as_recipients(
    addresses: Iterable[str], message: Message, action: Action | None = None
) -> tuple[ReportedRecipient, ...]:
    text = message.text[:20_000]
    line = next((line for line in text.split("\n") if find_status(line) or _REPLY_CODE.search(line)), "")
    if action is None:
        action = "delayed" if _DELAY.search(f"{message.subject[:200]}\n{text[:3_000]}") else "failed"
    code = find_status(text)
    if code[:1] != ("4" if action == "delayed" else "5"):
        code = "4.0.0" if action == "delayed" else "5.0.0"
    known = sorted({address for address in addresses if address})
    return tuple(ReportedRecipient(address, action, code, one_line(line)) for address in known[:_MOST_RECIPIENTS])


def _ids(message: Message, returned: Iterable[_Returned], body: bytes, declared: Iterable[str] = ()) -> tuple[str, ...]:
    quoted = [
        item for match in list(_RETURNED_ID.finditer(body[: 4 * _REPORT_PART]))[:5] for item in message_ids(match[1])
    ]
    found = [*declared, *(item for header in returned for item in header.ids), *quoted]
    found += [*message.in_reply_to, *reversed(message.references)]
    return tuple(item for item in dict.fromkeys(found) if item and item != message.message_id)[:_MOST_IDS]
