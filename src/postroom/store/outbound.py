"""Outbound messages: `queued → submitting → submitted → delivered | bounced`, and `paused`, `failed`, `unknown`,
`cancelled`.

A message is a row before anything leaves, and *submitting* is committed before its octets do. Who dies while
submitting leaves an *unknown* outcome: it goes again with the same Message-ID, or waits for a person, as the profile's
ResendUnknown says. Every attempt is a row of the delivery ledger, with the server's words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from postroom.conf.errors import UsageError
from postroom.conf.settings import settings
from postroom.mail import references
from postroom.store.backends import backend
from postroom.store.database import insert_many, marks, now_ms, reading, transaction
from postroom.store.events import audit

DUE = "state IN ('queued', 'paused') AND next_attempt_ms <= %s"


@dataclass(frozen=True, slots=True)
class Owed:
    """A new message to queue."""

    profile: int
    kind: str
    message_id: str
    return_address: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    event: int | None = None
    conversation: int | None = None
    in_reply_to: str = ""
    references: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process is to submit now."""

    id: int
    profile: int
    kind: str
    message_id: str
    return_address: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    in_reply_to: str
    references: str
    attempts: int
    created_ms: int
    since_ms: int  # when it was queued, or a person asked for another try


@dataclass(frozen=True, slots=True)
class Result:
    """How one attempt ended. `again_ms`: when the next one is, for *paused*. `remaining`: the recipients that the
    server put off while it took the message for the others; the next attempt is for these only.
    """

    id: int
    state: Literal["submitted", "paused", "failed", "unknown", "queued"]
    server: str
    reply: int
    code: str
    text: str
    again_ms: int = 0
    remaining: tuple[str, ...] = ()
    refused: tuple[tuple[str, int, str, str], ...] = ()  # recipient, reply code, status code, text


def new_message_id(address: str) -> str:
    """A Message-ID for a message from this address: of the domain that the settings name, else of the address's."""
    return references.new_message_id(settings().message_id_domain or address.rpartition("@")[2])


def queue(cursor: Any, messages: Sequence[Owed]) -> None:
    """Write what is owed into the caller's transaction."""
    now = now_ms()
    insert_many(
        cursor,
        "postroom_outboundmessage",
        (
            "profile_id", "kind", "event_id", "conversation_id", "message_id", "return_address", "recipients",
            "subject", "text", "in_reply_to", "references", "state", "attempts", "holder", "next_attempt_ms", "code",
            "reason", "created_ms",
        ),
        [
            (
                m.profile, m.kind, m.event, m.conversation, m.message_id, m.return_address,
                json.dumps(m.recipients, ensure_ascii=False), m.subject, m.text, m.in_reply_to, m.references, "queued",
                0, "", 0, "", "", now,
            )
            for m in messages
        ],
    )  # fmt: skip


def due_profiles() -> list[int]:
    """Profiles for which something is to be submitted now."""
    with reading() as cursor:
        cursor.execute(f"SELECT DISTINCT profile_id FROM postroom_outboundmessage WHERE {DUE}", [now_ms()])  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


def count_due(cursor: Any) -> int:
    """Whether something is to be submitted now: 0 or 1."""
    cursor.execute(f"SELECT 1 FROM postroom_outboundmessage WHERE {DUE} LIMIT 1", [now_ms()])  # noqa: S608
    return 1 if cursor.fetchone() else 0


def claim(holder: str, profile: int, most: int) -> list[Claimed]:
    """Take messages of a profile to submit them; from now on a death leaves them *unknown*."""
    with transaction("claim-outbound") as cursor:
        cursor.execute(
            f"SELECT id FROM postroom_outboundmessage WHERE {DUE} AND profile_id = %s"  # noqa: S608
            f" ORDER BY next_attempt_ms, id LIMIT %s {backend().skip_locked}",
            [now_ms(), profile, most],
        )
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return []
        cursor.execute(
            "UPDATE postroom_outboundmessage SET state = 'submitting', holder = %s, attempts = attempts + 1"  # noqa: S608
            f" WHERE id IN ({marks(ids)}) RETURNING id, profile_id, kind, message_id, return_address, recipients,"
            ' subject, text, in_reply_to, "references", attempts, created_ms,'
            " COALESCE(retried_ms, created_ms)",
            [holder, *ids],
        )
        return sorted((_claimed(row) for row in cursor.fetchall()), key=lambda c: c.id)


def _claimed(row: Sequence[Any]) -> Claimed:
    recipients = json.loads(row[5]) if isinstance(row[5], str) else row[5]
    return Claimed(row[0], row[1], row[2], row[3], row[4], tuple(recipients), *row[6:])


def finish(holder: str, results: Sequence[Result]) -> None:
    """Write how attempts ended. What somebody else has taken over meanwhile is left as it is, the attempt is noted.

    A message that is *unknown* because we were taken for dead, and that we know to be submitted, is.
    """
    if not results:
        return
    now = now_ms()
    with transaction("outbound-result") as cursor:
        cursor.executemany(
            "UPDATE postroom_outboundmessage SET state = %s, holder = '', code = %s, reason = %s, next_attempt_ms = %s,"
            " submitted_ms = %s WHERE id = %s"
            " AND ((state = 'submitting' AND holder = %s) OR (state = 'unknown' AND %s = 'submitted'))",
            [
                (r.state, r.code, r.text, r.again_ms, now if r.state == "submitted" else None, r.id, holder, r.state)
                for r in results
            ],
        )
        if narrowed := [(json.dumps(r.remaining), r.id) for r in results if r.remaining]:
            cursor.executemany("UPDATE postroom_outboundmessage SET recipients = %s WHERE id = %s", narrowed)
        attempts = [(r.id, r.server, "", r.state, r.reply, r.code, r.text) for r in results if r.state != "queued"]
        refusals = [
            (r.id, r.server, recipient[:320], "refused", reply, code, text)
            for r in results
            for recipient, reply, code, text in r.refused
        ]
        note_attempts(cursor, [*attempts, *refusals])


def defer(profile: int, code: str, reason: str, again_ms: int, queued_before_ms: int) -> int:
    """The submission server of a profile can't be used: what is due waits, what has waited too long fails.

    Returns how many failed.
    """
    with transaction("defer") as cursor:
        cursor.execute(
            f"UPDATE postroom_outboundmessage SET state = 'failed', code = %s, reason = %s WHERE {DUE}"  # noqa: S608
            " AND profile_id = %s AND COALESCE(retried_ms, created_ms) < %s",
            [code, reason, now_ms(), profile, queued_before_ms],
        )
        failed = int(cursor.rowcount)
        cursor.execute(
            "UPDATE postroom_outboundmessage SET state = 'paused', code = %s, reason = %s, next_attempt_ms = %s"  # noqa: S608
            f" WHERE {DUE} AND profile_id = %s",
            [code, reason, again_ms, now_ms(), profile],
        )
    return failed


def note_attempts(cursor: Any, rows: Sequence[tuple[int, str, str, str, int, str, str]]) -> None:
    """Rows of the delivery ledger: (message, server, recipient, result, reply code, status code, text)."""
    now = now_ms()
    insert_many(
        cursor,
        "postroom_deliveryattempt",
        ("outbound_id", "server", "recipient", "result", "reply", "code", "text", "at_ms"),
        [(*row, now) for row in rows],
    )


def take_back(cursor: Any, dead: Sequence[str]) -> int:
    """What dead instances were submitting has an unknown outcome now."""
    return _unknown(cursor, f"holder IN ({marks(dead)})", dead, "the process died") if dead else 0


def give_back(holder: str, profile: int) -> int:
    """What a living holder claimed of a profile and lost hold of, when the store failed it, is unknown too."""
    with transaction("give-back") as cursor:
        return _unknown(cursor, "holder = %s AND profile_id = %s", [holder, profile], "the database failed")


def _unknown(cursor: Any, which: str, arguments: Sequence[object], why: str) -> int:
    cursor.execute(
        "UPDATE postroom_outboundmessage SET state = 'unknown', holder = '', reason = %s"  # noqa: S608
        f" WHERE state = 'submitting' AND {which} RETURNING id",
        [f"{why} while it was submitted; it may have been sent", *arguments],
    )
    ids = [row[0] for row in cursor.fetchall()]
    note_attempts(cursor, [(id_, "", "", "unknown", 0, "4.4.2", f"{why}; it may have been sent") for id_ in ids])
    return len(ids)


def resend_unknown(profiles: Sequence[int]) -> int:
    """Messages of unknown outcome of these profiles go again, with the same Message-ID."""
    if not profiles:
        return 0
    with transaction("resend-unknown") as cursor:
        cursor.execute(
            "UPDATE postroom_outboundmessage SET state = 'queued', next_attempt_ms = 0"  # noqa: S608
            f" WHERE state = 'unknown' AND profile_id IN ({marks(profiles)})",
            list(profiles),
        )
        return int(cursor.rowcount)


def reported(cursor: Any, message: int, recipient: str, status: str, code: str, text: str) -> None:
    """What a delivery report said about one recipient: `delivered`, `bounced` or only a word in the ledger."""
    note_attempts(cursor, [(message, "", recipient, status, 0, code, text)])
    if status == "bounced":
        cursor.execute(
            "UPDATE postroom_outboundmessage SET state = 'bounced', code = %s, reason = %s WHERE id = %s"
            " AND state IN ('submitted', 'delivered', 'unknown', 'submitting', 'queued', 'paused')",
            [code, text, message],
        )
    elif status == "delivered":
        cursor.execute(
            "UPDATE postroom_outboundmessage SET state = 'delivered', code = %s, reason = %s WHERE id = %s"
            " AND state IN ('submitted', 'unknown', 'submitting')",
            [code, text, message],
        )


def retry(message: int, actor: str) -> None:
    """Submit a paused, failed, unknown or bounced message again, now.

    Raises `UsageError` if there is none or it is in another state.
    """
    with transaction("retry") as cursor:
        state = _state(cursor, message)
        if state not in ("paused", "failed", "unknown", "bounced", "cancelled"):
            raise UsageError(f"Message {message} is {state}; there is nothing to retry.")
        cursor.execute(
            "UPDATE postroom_outboundmessage SET state = 'queued', next_attempt_ms = 0, attempts = 0, retried_ms = %s"
            " WHERE id = %s",
            [now_ms(), message],
        )
        audit(cursor, actor, "retry", f"outbound {message}", f"was {state}")


def cancel(message: int, actor: str) -> None:
    """Never send a message that has not left.

    Raises `UsageError` if there is none, or it has left or is leaving.
    """
    with transaction("cancel") as cursor:
        state = _state(cursor, message)
        if state not in ("queued", "paused", "failed", "unknown"):
            raise UsageError(f"Message {message} is {state}; it can't be cancelled any more.")
        cursor.execute(
            "UPDATE postroom_outboundmessage SET state = 'cancelled', reason = %s WHERE id = %s",
            [f"cancelled by {actor}", message],
        )
        audit(cursor, actor, "cancel", f"outbound {message}", f"was {state}")


def _state(cursor: Any, message: int) -> str:
    lock = "FOR UPDATE" if backend().skip_locked else ""
    cursor.execute(f"SELECT state FROM postroom_outboundmessage WHERE id = %s {lock}", [message])  # noqa: S608
    row = cursor.fetchone()
    if row is None:
        raise UsageError(
            f"There is no outbound message {message}.", advice="`postroom outbound list` shows which there are."
        )
    return str(row[0])
