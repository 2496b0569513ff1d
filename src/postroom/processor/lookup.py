"""What workflow steps ask the store, answered for a whole batch with a handful of statements.

`BatchLookup` fetches beforehand what the messages of a batch may ask for, and learns what the batch itself decides,
so that the second message of a thread finds the conversation that the first one opens, and budgets count. A
conversation bears the number of the event that opened it, so it can be referred to before it is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from postroom.mail.message import Message
from postroom.mail.references import find_thread_tags, thread_ids, verify_thread_tag
from postroom.store import budgets
from postroom.store.database import chunks, marks, now_ms, reading
from postroom.store.publishing.configuration import Configuration
from postroom.workflow.contract import (
    Acknowledge,
    AddActivity,
    FoundContact,
    FoundConversation,
    FoundOutbound,
    KeepContact,
    Run,
)
from postroom.workflow.template_fields import CONVERSATION
from postroom.workflow.templates import with_conversation

RECENT_MS = 5 * 86_400_000
LONGEST_ID = 255


@dataclass(slots=True)
class _Conversation:
    id: int
    subject: str
    state: str
    owner: str
    participants: set[str]
    group: int
    changed_ms: int

    def found(self, ours: bool, matched: str) -> FoundConversation:
        evidence: Literal["ours", "theirs"] = "ours" if ours else "theirs"
        return FoundConversation(
            self.id, self.subject, self.state, self.owner, tuple(sorted(self.participants)), self.group, evidence,
            matched, self.changed_ms,
        )  # fmt: skip


class BatchLookup:
    """The store as a batch sees it. `of(group, profile)` is the `Lookup` of one event."""

    def __init__(self, configuration: Configuration, messages: Iterable[Message], signing_key: bytes) -> None:
        self.configuration = configuration
        self._own = {p.address.lower() for p in configuration.profiles.values()}
        self._contacts: dict[str, FoundContact] = {}
        self._ids: dict[str, list[tuple[int, bool]]] = {}
        self._conversations: dict[int, _Conversation] = {}
        self._budgets: dict[tuple[str, int], int] = {}
        self.budget_growth: dict[tuple[str, int], int] = {}
        asked: set[str] = set()
        tagged: set[int] = set()
        authors: set[str] = set()
        for message in messages:
            asked.update(thread_ids(message))
            if "THREAD" in message.text or "THREAD" in message.subject:
                tags = find_thread_tags(message.subject + "\n" + message.text)
                tagged.update(number for tag in tags if (number := verify_thread_tag(tag, signing_key)))
            if message.author:
                authors.add(message.author.key)
        self._author_keys = {f"author:{author}" for author in authors}
        self._fetch_contacts(sorted(authors))
        self._fetch_identifiers(sorted(i for i in asked if len(i) <= LONGEST_ID), tagged)

    def of(self, group: int, profile: int) -> _EventLookup:
        """The look-ups of one event of this response group and profile."""
        return _EventLookup(self, group, profile)

    def learn(self, event: int, group: int, message: Message, run: Run) -> None:
        """What was decided for an event, for those after it in the batch."""
        author = message.author.key if message.author else ""
        decided = 0
        for decision in run.decisions:
            if isinstance(decision, AddActivity):
                decided = decision.conversation
                conversation = self._conversations.get(decision.conversation)
                if conversation is None:
                    conversation = _Conversation(event, decision.subject, "open", "", set(), group, now_ms())
                    self._conversations[event] = conversation
                conversation.participants.add(author)
                if message.message_id:
                    self._ids.setdefault(message.message_id[:LONGEST_ID], []).append((conversation.id, False))
            elif isinstance(decision, KeepContact):
                self._contacts.setdefault(
                    decision.address.key, FoundContact(0, decision.address.name, decision.organization)
                )
            elif isinstance(decision, Acknowledge):
                for key, _limit, window in decision.budgets:
                    # A new conversation's budget is its own, not that of the placeholder which all new ones bear.
                    counted = (with_conversation(key, decided or event), window)
                    self.budget_growth[counted] = self.budget_growth.get(counted, 0) + 1

    def used(self, key: str, window_seconds: int) -> int:
        """Of a budget in its current window: committed, and by this batch."""
        if CONVERSATION in key:
            return 0  # it is opened only now
        counted = (key, window_seconds)
        if counted not in self._budgets:
            # The authors of the batch are asked for together: on PostgreSQL a statement for each is what costs.
            keys = self._author_keys if key in self._author_keys else {key}
            committed = budgets.used(keys, window_seconds)
            self._budgets.update(((each, window_seconds), committed.get(each, 0)) for each in keys)
        return self._budgets[counted] + self.budget_growth.get(counted, 0)

    def _fetch_contacts(self, authors: Sequence[str]) -> None:
        with reading() as cursor:
            for some in chunks(authors):
                cursor.execute(
                    f"SELECT id, address, name, organization FROM postroom_contact WHERE address IN ({marks(some)})",  # noqa: S608
                    some,
                )
                for id_, address, name, organization in cursor.fetchall():
                    self._contacts[address] = FoundContact(id_, name, organization)

    def _fetch_identifiers(self, ids: Sequence[str], tagged: set[int]) -> None:
        conversations = set(tagged)
        with reading() as cursor:
            for some in chunks(ids):
                cursor.execute(
                    "SELECT message_id, conversation_id, ours FROM postroom_messageidentifier"  # noqa: S608
                    f" WHERE message_id IN ({marks(some)}) ORDER BY id",
                    some,
                )
                for message_id, conversation, ours in cursor.fetchall():
                    self._ids.setdefault(message_id, []).append((conversation, bool(ours)))
                    conversations.add(conversation)
            for few in chunks(sorted(conversations)):
                self._fetch_conversations(cursor, few)

    def _fetch_conversations(self, cursor: Any, ids: Sequence[int]) -> None:
        cursor.execute(
            "SELECT c.id, c.subject, c.state, COALESCE(u.username, ''), c.group_id, c.changed_ms"  # noqa: S608
            " FROM postroom_conversation c LEFT JOIN auth_user u ON u.id = c.owner_id"
            f" WHERE c.id IN ({marks(ids)})",
            ids,
        )
        for id_, subject, state, owner, group, changed_ms in cursor.fetchall():
            self._conversations[id_] = _Conversation(id_, subject, state, owner, set(), group, changed_ms)
        cursor.execute(
            f"SELECT DISTINCT conversation_id, author FROM postroom_activity WHERE conversation_id IN ({marks(ids)})",  # noqa: S608
            ids,
        )
        for id_, author in cursor.fetchall():
            self._conversations[id_].participants.add(author)


class _EventLookup:
    """`workflow.contract.Lookup` for one event: only conversations of its response group."""

    def __init__(self, batch: BatchLookup, group: int, profile: int) -> None:
        self._batch = batch
        self._group = group
        self._profile = profile

    def conversation_by_message_ids(self, message_ids: Sequence[str]) -> FoundConversation | None:
        for message_id in message_ids:
            for number, ours in self._batch._ids.get(message_id, ()):
                conversation = self._batch._conversations.get(number)
                if conversation and conversation.group == self._group:
                    return conversation.found(ours, message_id)
        return None

    def conversation_by_tag(self, tag: str) -> FoundConversation | None:
        inside = tag.partition(":")[2].strip(" ]")
        number = inside.partition("-")[0].strip()
        conversation = self._batch._conversations.get(int(number)) if number.isdigit() else None
        return conversation.found(True, tag) if conversation and conversation.group == self._group else None

    def contact(self, address: str) -> FoundContact | None:
        return self._batch._contacts.get(address.lower())

    def outbound_by_message_ids(self, message_ids: Sequence[str]) -> FoundOutbound | None:
        for message_id in message_ids[:50]:
            if found := self._outbound("message_id = %s", [message_id]):
                return found
        return None

    def outbound_by_recipient(self, address: str) -> FoundOutbound | None:
        with reading() as cursor:
            cursor.execute(
                "SELECT id, message_id, recipients, conversation_id FROM postroom_outboundmessage"
                " WHERE profile_id = %s AND created_ms > %s ORDER BY created_ms DESC LIMIT 1000",
                [self._profile, now_ms() - RECENT_MS],
            )
            wanted = address.lower()
            for row in cursor.fetchall():
                found = _outbound(row)
                if wanted in (recipient.lower() for recipient in found.recipients):
                    return found
        return None

    def is_ours(self, address: str) -> bool:
        return address.lower() in self._batch._own

    def budget_used(self, key: str, window_seconds: int) -> int:
        return self._batch.used(key, window_seconds)

    def template(self, name: str, language: str) -> Mapping[str, str] | None:
        templates = self._batch.configuration.templates
        exact = templates.get((name, language)) or templates.get((name, ""))
        return exact or next((t for (its_name, _), t in templates.items() if its_name == name), None)

    def _outbound(self, condition: str, arguments: list[Any]) -> FoundOutbound | None:
        with reading() as cursor:
            cursor.execute(
                "SELECT id, message_id, recipients, conversation_id FROM postroom_outboundmessage"  # noqa: S608
                f" WHERE {condition} LIMIT 1",
                arguments,
            )
            row = cursor.fetchone()
        return _outbound(row) if row else None


def _outbound(row: Sequence[Any]) -> FoundOutbound:
    recipients = json.loads(row[2]) if isinstance(row[2], str) else row[2]
    return FoundOutbound(row[0], row[1], tuple(recipients), row[3] or 0)
