"""What a workflow step is. A step decides, and changes nothing: `processor/apply` does what was decided.

A step is an object with a name, declared parameters and `decide(context, values)`. It reads the context (the message,
the facts known so far, look-ups) and returns a `Decided`: decisions, new facts, a reason in words, and whether the
workflow ends here. Because nothing is changed, any event can be run again through any workflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from postroom.conf.parameters import Parameter, Values
from postroom.mail.message import Address, Message

# --- facts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What the steps have found out, typed. A condition (CEL) and the event's story read these names."""

    received_ms: int = 0
    automatic: str = ""  # why it is automatic mail, "" if a person wrote it
    loop: str = ""  # why it is mail of our own, "" if it is not
    report: bool = False  # it is a delivery report
    junk: str = ""  # why it is junk, "" if it is not
    conversation: int = 0  # the conversation that it continues, 0: a new one
    thread_evidence: str = ""  # how the conversation was found
    contact: int = 0  # the author's contact, 0: not seen before
    sender_name: str = ""
    organization: str = ""
    language: str = ""  # ISO 639-1, "" if it can't be told
    category: str = ""
    owner: str = ""  # user name of the conversation's owner


# --- decisions: what apply is to do -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Keep the event aside, with its reason, until a person looks at it."""

    kind: Literal["loop", "junk", "malformed", "unknown author"]
    reason: str


@dataclass(frozen=True, slots=True)
class KeepContact:
    """The author: made if new, its name and organization filled in if it had none."""

    address: Address
    organization: str = ""


@dataclass(frozen=True, slots=True)
class AddActivity:
    """Add the message to a conversation; `conversation` 0 opens a new one."""

    conversation: int
    subject: str
    language: str = ""
    category: str = ""
    reopen: bool = True


@dataclass(frozen=True, slots=True)
class Tag:
    """Put a tag on the conversation."""

    name: str


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Send the acknowledgement: rendered texts; headers, From and Message-ID are the outbound row's.

    `subject`, `text` and the keys of `budgets` may hold the placeholder of a conversation that is yet to be opened:
    apply passes each through `templates.with_conversation(text, id)`.
    """

    to: Address
    subject: str
    text: str
    template: str
    null_return_path: bool
    budgets: tuple[tuple[str, int, int], ...] = ()  # (key, limit, window in seconds); apply counts them


@dataclass(frozen=True, slots=True)
class Assign:
    """Give the conversation to an agent ("" to nobody)."""

    owner: str


@dataclass(frozen=True, slots=True)
class RecordReport:
    """A delivery report's word about one recipient of a message of ours.

    `probable`: the report is not certain, or the message was found by its recipient only. It is shown to people and
    changes no state.
    """

    outbound: int
    recipient: str
    status: Literal["delivered", "bounced", "delayed"]
    code: str
    text: str
    probable: bool = False


Decision = Quarantine | KeepContact | AddActivity | Tag | Acknowledge | Assign | RecordReport


@dataclass(frozen=True, slots=True)
class Decided:
    """What a step says. `facts` are fields of `Facts`; `reason` is a sentence for people; `stop` ends the workflow."""

    reason: str
    decisions: tuple[Decision, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    stop: bool = False


# --- what a step may look up ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundConversation:
    """A conversation of the response group, and what it was found by.

    `evidence` is "ours" if the matched id is of an outbound message of ours (it can't be guessed), "theirs" if it
    is of a message that came in. `matched` is that id, without angle brackets.
    """

    id: int
    subject: str
    state: str
    owner: str
    participants: tuple[str, ...]  # lower-case addresses of contacts who wrote or were written to
    group: int
    evidence: Literal["ours", "theirs"] = "theirs"
    matched: str = ""
    last_activity_ms: int = 0  # when its newest activity came or went, 0 if it is not known


@dataclass(frozen=True, slots=True)
class FoundContact:
    id: int
    name: str
    organization: str = ""


@dataclass(frozen=True, slots=True)
class FoundOutbound:
    id: int
    message_id: str
    recipients: tuple[str, ...]
    conversation: int


class Lookup(Protocol):
    """What steps may ask the store. Read only; answers may be prefetched for a batch."""

    def conversation_by_message_ids(self, message_ids: Sequence[str]) -> FoundConversation | None:
        """Of the first of these ids that an activity or an outbound message of the response group has."""

    def conversation_by_tag(self, tag: str) -> FoundConversation | None:
        """Of a signed thread tag found in the text, within the response group; None for an unknown one.

        Asked only for tags whose signature the step has verified with `Context.signing_key`.
        """

    def contact(self, address: str) -> FoundContact | None:
        """By address, any case."""

    def outbound_by_message_ids(self, message_ids: Sequence[str]) -> FoundOutbound | None:
        """The message of ours with the first of these ids."""

    def outbound_by_recipient(self, address: str) -> FoundOutbound | None:
        """The newest message of ours to this address in the last five days, of this profile."""

    def is_ours(self, address: str) -> bool:
        """Whether the address is one of our profiles'."""

    def budget_used(self, key: str, window_seconds: int) -> int:
        """How much of a budget is used in the current window."""

    def template(self, name: str, language: str) -> Mapping[str, str] | None:
        """The template's `subject` and `text` in the language, else in its default one; None if unknown."""


@dataclass(frozen=True, slots=True)
class Context:
    """All that a step may read.

    `arguments` are the response group's input arguments; `profile` and `group` are names; `address` the profile's.
    `octets` gives the raw message where a step has to look at it.
    """

    message: Message
    facts: Facts
    lookup: Lookup
    arguments: Values
    profile: str
    address: str
    group: str
    octets: Callable[[], bytes]
    accepted_ms: int
    own_domains: frozenset[str] = frozenset()
    signing_key: bytes = b""  # for thread tags and the loop signature
    process_own_mail: bool = False  # the profile's ProcessIfLoopbackDetected
    released: bool = False  # a person has let it out of quarantine: none of its steps puts it there again


class Step(Protocol):
    """A workflow step: one object, found by the entry point group `postroom.steps`."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]

    def decide(self, context: Context, values: Values) -> Decided:
        """Decide; raise nothing but for a defect. Must not change anything, nor take time or memory without bound."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One line of an event's story."""

    step: str
    ran: bool
    reason: str
    facts: Mapping[str, Any]
    decisions: tuple[Decision, ...]
    stopped: bool = False
    microseconds: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What a workflow says about one event."""

    workflow: str
    version: int
    facts: Facts
    decisions: tuple[Decision, ...]
    records: tuple[StepRecord, ...]
