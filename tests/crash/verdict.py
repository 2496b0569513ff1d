"""What must hold after every kill: one event, one acknowledgement, nothing left on the server, nothing unexplained.

An honest duplicate (rule 8: killed between the submission server's 250 and our commit) is the same Message-ID once
more, at most as often as the delivery ledger says *unknown*; it is counted apart. Everything else is a fault.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes

from crash.scene import Scene

_TROUBLE = re.compile(r"Traceback|in trouble|unexpected error|can't follow|can't say that it lives|by itself")


@dataclass
class Verdict:
    """`faults` is empty if all is well."""

    messages: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    honest_duplicates: int = 0
    unknown: int = 0
    deaths: int = 0
    remarks: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.other]


def judge(scene: Scene) -> Verdict:
    """Compare what was sent, what the store holds, what the mail server holds, and what customers got."""
    verdict = Verdict(messages=len(scene.sent))
    _events(scene, verdict)
    _acknowledgements(scene, verdict)
    _server(scene, verdict)
    for serving in scene.postroom.servings:
        verdict.remarks.update(
            re.sub(r"^\S+ ", "", re.sub(r"\d+", "N", line))[:160]
            for line in serving.said().splitlines()
            if _TROUBLE.search(line)
        )
    return verdict


def _events(scene: Scene, verdict: Verdict) -> None:
    store = scene.postroom
    by_subject: dict[str, list[dict[str, object]]] = {}
    for event in store.records("inboundevent", "id subject state outcome content_id deaths"):
        by_subject.setdefault(str(event["subject"]), []).append(event)
        verdict.deaths += event["deaths"]
    entries = Counter(row[0] for row in store.rows("SELECT event_id FROM postroom_ledgerentry"))
    activities = Counter(row[0] for row in store.rows("SELECT event_id FROM postroom_activity"))
    for sent in scene.sent:
        events = by_subject.pop(sent.subject, [])
        if not events:
            verdict.lost.append(f"{sent.subject} to {sent.address}: no event")
        elif len(events) > 1:
            verdict.doubled.append(f"{sent.subject} to {sent.address}: {len(events)} events")
        for event in events[:1]:
            if (event["state"], event["outcome"]) != ("processed", "activity"):
                verdict.other.append(f"{sent.subject}: its event is {event['state']} {event['outcome']}")
            if bytes(event["content_id"]) != sent.digest:  # type: ignore[call-overload] # BLOB or BYTEA
                verdict.other.append(f"{sent.subject}: the octets are not those that were sent")
            if activities[event["id"]] != 1:
                verdict.other.append(f"{sent.subject}: {activities[event['id']]} activities")
            if entries[event["id"]] != 1:
                verdict.other.append(f"{sent.subject}: {entries[event['id']]} ledger entries")
    verdict.other += [f"an event of nothing that was sent: {subject!r}" for subject in by_subject]
    for disposition, count in store.rows("SELECT disposition, COUNT(*) FROM postroom_ledgerentry GROUP BY disposition"):
        if disposition != "event":
            verdict.remarks[f"{disposition} in the ledger"] += count


def _acknowledgements(scene: Scene, verdict: Verdict) -> None:
    store = scene.postroom
    rows: dict[str, list[dict[str, object]]] = {}
    for row in store.records("outboundmessage", "id kind state message_id recipients"):
        recipients = row["recipients"] if isinstance(row["recipients"], list) else json.loads(row["recipients"])
        rows.setdefault(recipients[0], []).append(row)
    unknown = Counter(
        row[0] for row in store.rows("SELECT outbound_id FROM postroom_deliveryattempt WHERE result = 'unknown'")
    )
    verdict.unknown = unknown.total()
    got: dict[str, Counter[str]] = {}
    for received in list(scene.sink.received):
        for recipient in received.recipients:
            header = message_from_bytes(received.octets[:4096])
            got.setdefault(recipient, Counter())[str(header["Message-ID"]).strip(" <>\r\n")] += 1
    for sent in scene.sent:
        owed, receipts = rows.pop(sent.customer, []), got.pop(sent.customer, Counter())
        if not owed or not receipts:
            verdict.lost.append(f"{sent.customer}: {len(owed)} acknowledgements, {receipts.total()} received")
            continue
        if len(owed) > 1 or len(receipts) > 1:
            verdict.doubled.append(f"{sent.customer}: {len(owed)} acknowledgements, received {dict(receipts)}")
        row = owed[0]
        if row["state"] != "submitted" or row["message_id"] not in receipts:
            verdict.other.append(f"{sent.customer}: {row['state']}, {row['message_id']} against {dict(receipts)}")
        again = receipts.total() - 1
        if again > unknown[row["id"]]:
            verdict.doubled.append(
                f"{sent.customer}: received {again + 1} times, though only {unknown[row['id']]} attempts are unknown"
            )
        verdict.honest_duplicates += again
    verdict.other += [f"mail to {recipient}, who wrote nothing" for recipient in {*rows, *got}]


def _server(scene: Scene, verdict: Verdict) -> None:
    if left := scene.left():
        verdict.other.append(f"{left} messages are still on the mail server")
    open_ = scene.postroom.number("SELECT COUNT(*) FROM postroom_ledgerentry WHERE acknowledged_ms IS NULL")
    if open_:
        verdict.other.append(f"{open_} ledger entries are not acknowledged")
    try:
        scene.postroom.command("ledger", "reconcile")
    except AssertionError as error:
        verdict.other.append(f"ledger reconcile: {error}")
