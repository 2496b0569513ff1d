"""The tables. Rows are the truth: components meet only here.

Times are integer milliseconds since 1970 (`*_ms`), because hand-written SQL compares and indexes them. A state
changes only in the function named by its verb (`store/events`, `store/outbound`, `store/publishing`).
"""

from postroom.store.models.configuration import Draft, Profile, ResponseGroup, Responsibility, Submission
from postroom.store.models.conversations import Activity, Contact, Conversation, MessageIdentifier
from postroom.store.models.mail import Content, EventTrace, InboundEvent, LedgerEntry, WatchedMailbox
from postroom.store.models.operation import Audit, Budget, Instance, Lease, Notice, ProfileHealth
from postroom.store.models.outbound import DeliveryAttempt, OutboundMessage

__all__ = [
    "Activity",
    "Audit",
    "Budget",
    "Contact",
    "Content",
    "Conversation",
    "DeliveryAttempt",
    "Draft",
    "EventTrace",
    "InboundEvent",
    "Instance",
    "Lease",
    "LedgerEntry",
    "MessageIdentifier",
    "Notice",
    "OutboundMessage",
    "Profile",
    "ProfileHealth",
    "ResponseGroup",
    "Responsibility",
    "Submission",
    "WatchedMailbox",
]
