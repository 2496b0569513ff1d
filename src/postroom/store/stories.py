"""What happened, told from the rows: listings of events and of outbound messages, one event's story. Reads only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postroom.conf.errors import UsageError
from postroom.store.database import reading


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a listing: each None or "" means any."""

    state: str = ""
    profile: str = ""
    group: str = ""
    author: str = ""
    outcome: str = ""
    kind: str = ""
    limit: int = 50


def events(wanted: Wanted) -> list[dict[str, Any]]:
    """Events, the newest first."""
    where, arguments = _conditions(
        {
            "e.state = %s": wanted.state,
            "p.name = %s": wanted.profile,
            "g.name = %s": wanted.group,
            "LOWER(e.author) = LOWER(%s)": wanted.author,
            "e.outcome = %s": wanted.outcome,
        }
    )
    return _rows(
        "SELECT e.id, e.state, e.outcome, e.reason, p.name AS profile, g.name AS response_group, e.author, e.subject,"  # noqa: S608
        " e.size, e.attempts, e.conversation_id AS conversation, e.accepted_ms, e.processed_ms, e.next_attempt_ms"
        " FROM postroom_inboundevent e JOIN postroom_profile p ON p.id = e.profile_id"
        f" JOIN postroom_responsegroup g ON g.id = e.group_id {where} ORDER BY e.id DESC LIMIT %s",
        [*arguments, wanted.limit],
    )


def outbound(wanted: Wanted) -> list[dict[str, Any]]:
    """Outbound messages, the newest first."""
    where, arguments = _conditions(
        {"o.state = %s": wanted.state, "p.name = %s": wanted.profile, "o.kind = %s": wanted.kind}
    )
    rows = _rows(
        "SELECT o.id, o.state, o.kind, p.name AS profile, o.recipients, o.subject, o.attempts, o.code, o.reason,"  # noqa: S608
        " o.event_id AS event, o.created_ms, o.submitted_ms, o.next_attempt_ms FROM postroom_outboundmessage o"
        f" JOIN postroom_profile p ON p.id = o.profile_id {where} ORDER BY o.id DESC LIMIT %s",
        [*arguments, wanted.limit],
    )
    for row in rows:
        row["recipients"] = _json(row["recipients"])
    return rows


def outbound_message(number: int) -> dict[str, Any]:
    """One outbound message with its delivery ledger.

    Raises `UsageError` if there is none.
    """
    rows = _rows(
        "SELECT o.id, o.state, o.kind, p.name AS profile, o.message_id, o.return_address, o.recipients, o.subject,"
        " o.text, o.in_reply_to, o.event_id AS event, o.conversation_id AS conversation, o.attempts, o.code, o.reason,"
        " o.created_ms, o.submitted_ms, o.next_attempt_ms FROM postroom_outboundmessage o"
        " JOIN postroom_profile p ON p.id = o.profile_id WHERE o.id = %s",
        [number],
    )
    if not rows:
        raise UsageError(
            f"There is no outbound message {number}.", advice="`postroom outbound list` shows which there are."
        )
    message = rows[0]
    message["recipients"] = _json(message["recipients"])
    message["delivery"] = _rows(
        "SELECT at_ms, result, server, recipient, reply, code, text FROM postroom_deliveryattempt"
        " WHERE outbound_id = %s ORDER BY id",
        [number],
    )
    return message


def event(number: int) -> dict[str, Any]:
    """The whole story of an event: where it came from, each step with its reason, what it changed, what was sent.

    Raises `UsageError` if there is none.
    """
    rows = _rows(
        "SELECT e.id, e.state, e.outcome, e.reason, p.name AS profile, p.address, g.name AS response_group, e.realtime,"
        " e.author, e.subject, e.message_id, e.size, e.attempts, e.deaths, e.conversation_id AS conversation,"
        " e.content_id AS digest, e.received_ms, e.accepted_ms, e.processed_ms, e.next_attempt_ms"
        " FROM postroom_inboundevent e JOIN postroom_profile p ON p.id = e.profile_id"
        " JOIN postroom_responsegroup g ON g.id = e.group_id WHERE e.id = %s",
        [number],
    )
    if not rows:
        raise UsageError(f"There is no event {number}.", advice="`postroom events list` shows which there are.")
    story = rows[0]
    story["digest"] = bytes(story["digest"]).hex()
    story["realtime"] = bool(story["realtime"])
    story["ledger"] = _rows(
        "SELECT mailbox, epoch, source_id, disposition, reason, action, acknowledged_ms, removed, acknowledge_failures,"
        " acknowledge_reason, created_ms FROM postroom_ledgerentry WHERE event_id = %s ORDER BY id",
        [number],
    )
    story["runs"] = _rows(
        "SELECT workflow, version, submission, parser, steps, created_ms FROM postroom_eventtrace WHERE event_id = %s"
        " ORDER BY id",
        [number],
    )
    for run in story["runs"]:
        run["steps"] = _json(run["steps"])
    story["activity"] = next(
        iter(
            _rows(
                "SELECT a.id, a.conversation_id AS conversation, a.attachments, a.created_ms, c.state, c.subject,"
                " c.language, c.category, COALESCE(u.username, '') AS owner FROM postroom_activity a"
                " JOIN postroom_conversation c ON c.id = a.conversation_id"
                " LEFT JOIN auth_user u ON u.id = c.owner_id WHERE a.event_id = %s",
                [number],
            )
        ),
        None,
    )
    if story["activity"]:
        story["activity"]["attachments"] = _json(story["activity"]["attachments"])
    sent = _rows("SELECT id FROM postroom_outboundmessage WHERE event_id = %s ORDER BY id", [number])
    story["sent"] = [outbound_message(row["id"]) for row in sent]
    story["audit"] = _rows(
        "SELECT at_ms, actor, action, detail FROM postroom_audit WHERE subject = %s ORDER BY id", [f"event {number}"]
    )
    return story


def _rows(statement: str, arguments: Sequence[Any]) -> list[dict[str, Any]]:
    with reading() as cursor:
        cursor.execute(statement, arguments)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _conditions(values: Mapping[str, str]) -> tuple[str, list[str]]:
    given = {condition: value for condition, value in values.items() if value}
    return ("WHERE " + " AND ".join(given) if given else "", list(given.values()))


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
