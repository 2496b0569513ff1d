"""Do what was decided: one transaction for a batch, each event in or out as a whole.

Everything that an event changes (contact, conversation, activity, acknowledgement row, budgets, its story, *processed*)
is committed together, or not at all. If the batch can't be written at once, each event is written alone, so one that
fails never stops its neighbours. An event that is not ours any more (its claim was taken back) is left untouched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from django.db import DatabaseError, IntegrityError

from postroom.broker.contract import Broker
from postroom.mail import references
from postroom.mail.message import Message
from postroom.processor.lookup import LONGEST_ID
from postroom.store import budgets, events, outbound
from postroom.store.database import chunks, insert_many, marks, now_ms, transaction
from postroom.store.publishing.configuration import ProfileConfiguration
from postroom.workflow.contract import (
    Acknowledge,
    AddActivity,
    Assign,
    KeepContact,
    Quarantine,
    RecordReport,
    Run,
    StepRecord,
    Tag,
)
from postroom.workflow.templates import with_conversation

MOST_TEXT = 1_000_000
log = structlog.get_logger()


@dataclass(slots=True)
class Outcome:
    """What is to be done for one event. `parser` and `submission` say what it was decided by."""

    event: events.Claimed
    profile: ProfileConfiguration | None
    message: Message
    run: Run
    parser: int
    submission: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """An event that could not be written, and why."""

    event: events.Claimed
    error: Exception


def apply(
    holder: str, outcomes: Sequence[Outcome], broker: Broker, signing_key: bytes
) -> tuple[list[Outcome], list[Trouble]]:
    """Commit outcomes. Returns those that were, and the troubles of those that could not be."""
    if not outcomes:
        return [], []
    try:
        with transaction("apply") as cursor:
            held = events.still_held(cursor, holder, [o.event.id for o in outcomes])
            done = [o for o in outcomes if o.event.id in held]
            owing = _Writing(cursor, done, signing_key).write()
            if owing:
                broker.request(cursor, "outbound")
        if owing:
            broker.committed("outbound")
        return done, []
    except Exception as error:
        if len(outcomes) == 1:
            return [], [Trouble(outcomes[0].event, error)]
        if not isinstance(error, IntegrityError | DatabaseError):
            log.error("a batch can't be written at once; each event is written alone", exc_info=error)
    written: list[Outcome] = []
    troubles: list[Trouble] = []
    for outcome in outcomes:
        one, trouble = apply(holder, [outcome], broker, signing_key)
        written += one
        troubles += trouble
    return written, troubles


class _Writing:
    """The rows of one transaction, collected by table and written each with one statement."""

    def __init__(self, cursor: Any, outcomes: Sequence[Outcome], signing_key: bytes) -> None:
        self.cursor = cursor
        self.outcomes = outcomes
        self.key = signing_key
        self.now = now_ms()
        self.contacts: dict[str, tuple[str, str]] = {}
        self.conversations: list[tuple[Any, ...]] = []
        self.changed: list[tuple[Any, ...]] = []
        self.activities: list[tuple[Any, ...]] = []
        self.identifiers: list[tuple[Any, ...]] = []
        self.owners: list[tuple[str | None, int]] = []
        self.tags: dict[int, list[str]] = {}
        self.owed: list[outbound.Owed] = []
        self.budgets: dict[tuple[str, int], int] = {}
        self.traces: list[tuple[Any, ...]] = []
        self.finished: list[tuple[str, str, str, str, str, int | None, int]] = []

    def write(self) -> bool:
        """Write everything. True if something is owed now."""
        for outcome in self.outcomes:
            for decision in outcome.run.decisions:
                if isinstance(decision, KeepContact):
                    name, organization = self.contacts.get(decision.address.key[:320], ("", ""))
                    self.contacts[decision.address.key[:320]] = (
                        name or decision.address.name[:200], organization or decision.organization[:200],
                    )  # fmt: skip
        ids = self._contacts()
        for outcome in self.outcomes:
            self._event(outcome, ids)
        self._rows()
        return bool(self.owed)

    def _contacts(self) -> dict[str, int]:
        # In the order of addresses: two processors that know the same people must not wait for each other in a circle.
        rows = [(address, *named, self.now) for address, named in sorted(self.contacts.items())]
        self.cursor.executemany(
            "INSERT INTO postroom_contact (address, name, organization, created_ms) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (address) DO UPDATE SET"
            " name = CASE WHEN postroom_contact.name = '' THEN excluded.name ELSE postroom_contact.name END,"
            " organization = CASE WHEN postroom_contact.organization = '' THEN excluded.organization"
            " ELSE postroom_contact.organization END"
            " WHERE (postroom_contact.name = '' AND excluded.name <> '')"
            " OR (postroom_contact.organization = '' AND excluded.organization <> '')",
            rows,
        )
        ids: dict[str, int] = {}
        for some in chunks(sorted(self.contacts)):
            self.cursor.execute(
                f"SELECT address, id FROM postroom_contact WHERE address IN ({marks(some)})",  # noqa: S608
                some,
            )
            ids.update(self.cursor.fetchall())
        return ids

    def _event(self, outcome: Outcome, contacts: dict[str, int]) -> None:
        event, message, run = outcome.event, outcome.message, outcome.run
        author = message.author.key[:320] if message.author else ""
        conversation: int | None = None
        result, reason = "processed", run.records[-1].reason if run.records else ""
        for decision in run.decisions:
            match decision:
                case AddActivity():
                    conversation = decision.conversation or event.id
                    result, reason = "activity", ""
                    self._activity(outcome, decision, conversation, author, contacts.get(author))
                case Quarantine():
                    result, reason = "quarantined", f"{decision.kind}: {decision.reason}"
                case RecordReport():
                    result = result if result == "activity" else "report"
                    status = "probable" if decision.probable else decision.status
                    outbound.reported(
                        self.cursor, decision.outbound, decision.recipient[:320], status, decision.code[:12],
                        decision.text[:2000],
                    )  # fmt: skip
                case Acknowledge():
                    self._acknowledge(outcome, decision, conversation or event.id)
                case Assign() if conversation is not None:
                    self.owners.append((decision.owner or None, conversation))
                case Tag() if conversation is not None:
                    self.tags.setdefault(conversation, []).append(decision.name[:100])
                case _:  # the contact is kept already; without a conversation there is nothing to assign or to tag
                    pass
        self.traces.append(
            (
                event.id, run.workflow, run.version, outcome.submission, outcome.parser,
                _json([_told(r) for r in run.records]), self.now,
            )
        )  # fmt: skip
        self.finished.append(
            (
                result,
                _clean(reason),
                _clean(message.subject)[:500],
                author,
                message.message_id[:998],
                conversation,
                event.id,
            )
        )  # fmt: skip

    def _activity(
        self, outcome: Outcome, decision: AddActivity, conversation: int, author: str, contact: int | None
    ) -> None:
        event, message = outcome.event, outcome.message
        if conversation == event.id:
            self.conversations.append(
                (
                    conversation, event.group, event.profile, contact, "open", _clean(decision.subject)[:500],
                    decision.language[:8], decision.category[:100], "[]", self.now, self.now,
                )
            )  # fmt: skip
        else:
            self.changed.append((self.now, decision.reopen, conversation))
        attachments = [
            {"name": a.name, "type": a.content_type, "size": a.size, "kind": a.kind} for a in message.attachments
        ]
        self.activities.append(
            (
                conversation, "inbound", event.id, author, _clean(message.author.name if message.author else "")[:200],
                _clean(message.subject)[:500], _clean(message.text[:MOST_TEXT]),
                _json(attachments), self.now,
            )
        )  # fmt: skip
        if 0 < len(message.message_id) <= LONGEST_ID:
            self.identifiers.append((message.message_id, conversation, False))

    def _acknowledge(self, outcome: Outcome, decision: Acknowledge, conversation: int) -> None:
        profile = outcome.profile
        if profile is None:
            return
        for key, _limit, window in decision.budgets:
            counted = (with_conversation(key, conversation), window)
            self.budgets[counted] = self.budgets.get(counted, 0) + 1
        message_id = outbound.new_message_id(profile.address)
        in_reply_to, earlier = references.references_for_answer(outcome.message)
        text = with_conversation(decision.text, conversation).rstrip()
        tag = references.thread_tag(conversation, self.key)
        self.owed.append(
            outbound.Owed(
                profile=profile.id,
                kind="acknowledgement",
                message_id=message_id,
                return_address="" if decision.null_return_path else profile.address,
                recipients=(decision.to.address,),
                subject=_clean(with_conversation(decision.subject, conversation))[:998],
                text=_clean(text if tag in text else f"{text}\n\n{tag}\n"),
                event=outcome.event.id,
                conversation=conversation,
                in_reply_to=in_reply_to[:998],
                references=" ".join(earlier),
            )
        )
        self.identifiers.append((message_id, conversation, True))

    def _tag(self, conversation: int, names: list[str]) -> None:
        self.cursor.execute("SELECT tags FROM postroom_conversation WHERE id = %s", [conversation])
        tags = self.cursor.fetchone()[0]
        tags = orjson.loads(tags) if isinstance(tags, str) else tags
        self.cursor.execute(
            "UPDATE postroom_conversation SET tags = %s WHERE id = %s",
            [_json(list(dict.fromkeys([*tags, *names]))), conversation],
        )

    def _rows(self) -> None:
        cursor = self.cursor
        insert_many(
            cursor,
            "postroom_conversation",
            (
                "id", "group_id", "profile_id", "contact_id", "state", "subject", "language", "category", "tags",
                "created_ms", "changed_ms",
            ),
            self.conversations,
        )  # fmt: skip
        if self.changed:
            cursor.executemany(
                "UPDATE postroom_conversation SET changed_ms = %s, state = CASE WHEN %s THEN 'open' ELSE state END"
                " WHERE id = %s",
                sorted(self.changed, key=lambda row: row[2]),
            )
        if self.owners:
            cursor.executemany(
                "UPDATE postroom_conversation"
                " SET owner_id = (SELECT id FROM auth_user WHERE username = %s) WHERE id = %s",
                self.owners,
            )
        for conversation, names in sorted(self.tags.items()):
            self._tag(conversation, names)
        insert_many(
            cursor,
            "postroom_activity",
            (
                "conversation_id", "kind", "event_id", "author", "author_name", "subject", "text", "attachments",
                "created_ms",
            ),
            self.activities,
        )  # fmt: skip
        insert_many(cursor, "postroom_messageidentifier", ("message_id", "conversation_id", "ours"), self.identifiers)
        outbound.queue(cursor, self.owed)
        insert_many(
            cursor,
            "postroom_eventtrace",
            ("event_id", "workflow", "version", "submission", "parser", "steps", "created_ms"),
            self.traces,
        )
        events.processed(cursor, self.finished)
        # Last, and in order: these rows are shared by all processors and locked until the commit.
        if self.budgets:
            budgets.count(cursor, self.budgets)


def _told(record: StepRecord) -> dict[str, Any]:
    told: dict[str, Any] = {"step": record.step, "ran": record.ran, "reason": _clean(record.reason)}
    if record.facts:
        told["facts"] = record.facts
    if record.decisions:
        told["decisions"] = [{"decision": type(d).__name__, **_summary(d)} for d in record.decisions]
    if record.stopped:
        told["stopped"] = True
    told["microseconds"] = record.microseconds
    return told


def _summary(decision: Any) -> dict[str, Any]:
    """What a decision says, without the texts that stand in other rows. orjson writes what is inside it."""
    left_out = ("text",) if isinstance(decision, Acknowledge) else ()
    return {name: getattr(decision, name) for name in decision.__dataclass_fields__ if name not in left_out}


def _json(value: Any) -> str:
    """JSON without NUL, which PostgreSQL's jsonb refuses even escaped."""
    try:
        text = orjson.dumps(value, default=str).decode()
    except TypeError:  # a lone surrogate
        text = json.dumps(value, default=str, ensure_ascii=False).encode("utf-8", "replace").decode()
    return text.replace("\\u0000", "\\ufffd")


def _clean(text: str) -> str:
    """Without NUL, which PostgreSQL refuses in a text, and without lone surrogates, which are no characters."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
