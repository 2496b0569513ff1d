"""For the tests of whoever writes a workflow step: a look-up in memory, and a context made of a message.

context = context_for(Message(subject="Hello"), lookup=FakeLookup(contacts={"anna@example.com": ...}))
decided = step.decide(context, values_for(step, MyParameter=3))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from postroom.conf.parameters import Values, resolve
from postroom.mail.message import Message
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.contract import Context, Facts, FoundContact, FoundConversation, FoundOutbound, Step

ACCEPTED_MS = 1_795_359_600_000  # 2026-11-22 15:00 UTC
SIGNING_KEY = b"a key for tests, of 32 octets...."


@dataclass
class FakeLookup:
    """Answers what it is told, like the store. Message ids are without angle brackets, addresses in lower case."""

    conversations: dict[str, FoundConversation] = field(default_factory=dict)  # by message id
    tags: dict[str, FoundConversation] = field(default_factory=dict)
    contacts: dict[str, FoundContact] = field(default_factory=dict)
    outbound: list[FoundOutbound] = field(default_factory=list)  # oldest first
    ours: set[str] = field(default_factory=set)
    used: dict[tuple[str, int], int] = field(default_factory=dict)  # by key and window
    templates: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def conversation_by_message_ids(self, message_ids: Sequence[str]) -> FoundConversation | None:
        for message_id in message_ids:
            if found := self.conversations.get(message_id):
                return replace(found, matched=message_id)
        return None

    def conversation_by_tag(self, tag: str) -> FoundConversation | None:
        return self.tags.get(tag)

    def contact(self, address: str) -> FoundContact | None:
        return self.contacts.get(address.lower())

    def outbound_by_message_ids(self, message_ids: Sequence[str]) -> FoundOutbound | None:
        by_id = {found.message_id: found for found in self.outbound}
        return next((by_id[message_id] for message_id in message_ids if message_id in by_id), None)

    def outbound_by_recipient(self, address: str) -> FoundOutbound | None:
        wanted = address.lower()
        newest_first = reversed(self.outbound)
        return next((found for found in newest_first if wanted in map(str.lower, found.recipients)), None)

    def is_ours(self, address: str) -> bool:
        return address.lower() in self.ours

    def budget_used(self, key: str, window_seconds: int) -> int:
        return self.used.get((key, window_seconds), 0)

    def template(self, name: str, language: str) -> Mapping[str, str] | None:
        return self.templates.get(name)


def context_for(
    message: Message,
    *,
    lookup: FakeLookup | None = None,
    facts: Facts | None = None,
    arguments: Mapping[str, object] | None = None,
    octets: bytes = b"",
    **others: Any,
) -> Context:
    """A context of this message: profile support@example.com of the response group Support.

    `arguments` are input arguments by name, the rest stand at their defaults; `others` are further fields of `Context`.
    """
    given: dict[str, Any] = {
        "profile": "support@example.com",
        "address": "support@example.com",
        "group": "Support",
        "accepted_ms": ACCEPTED_MS,
        "own_domains": frozenset({"example.com"}),
        "signing_key": SIGNING_KEY,
        **others,
    }
    return Context(
        message=message,
        facts=facts or Facts(),
        lookup=lookup or FakeLookup(ours={"support@example.com"}),
        arguments=resolve(ARGUMENTS, arguments),
        octets=lambda: octets,
        **given,
    )


def values_for(step: Step, **parameters: object) -> Values:
    """The values of a step's parameters, those not given at their defaults."""
    return resolve(step.parameters, parameters)
