"""The page of states: what each one means, and who ends it. A state without a meaning here fails the tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from postroom.cli.reference.markdown import code, table, text

EVENT = {
    "queued": "It waits for a processor.",
    "processing": "A processor has claimed it. If that dies, the event is queued again.",
    "processed": "The workflow has run and what it decided is committed.",
    "paused": "An attempt failed; it is tried again by itself, later.",
    "failed": "Its attempts (MaxAttempts) are used up. It waits for a person: `postroom events resubmit` or `discard`.",
    "discarded": "A person has set it aside. Its octets stay; `postroom events resubmit` brings it back.",
}
OUTCOME = {
    "activity": "It became an activity of a conversation.",
    "quarantined": "A step set it aside with a reason. "
    "`postroom events resubmit` runs it through the workflow as it is by then.",
    "report": "It is a delivery report, and was noted at the message that it reports on.",
    "processed": "The workflow decided nothing of the above.",
}
OUTBOUND = {
    "queued": "It is owed.",
    "submitting": "It is being handed to the submission server.",
    "submitted": "The submission server took it.",
    "delivered": "A delivery report says that it arrived.",
    "bounced": "A delivery report says that it could not be delivered.",
    "paused": "The server refused it for now; it is tried again for RetryFor.",
    "failed": "The server refused it for good, or RetryFor has passed: `postroom outbound retry` or leave it.",
    "unknown": "The process or the connection ended between the message and the server's answer. With ResendUnknown it "
    "goes again with the same Message-ID, else it waits for a person: `postroom outbound retry` or `cancel`.",
    "cancelled": "A person decided that it is never sent.",
}
CONVERSATION = {
    "open": "Somebody should answer.",
    "pending": "It waits for the customer.",
    "closed": "It is done; a follow-up opens it again.",
}
PROFILE = {
    "draft": "It never was in a response group that was submitted.",
    "active": "It is in a response group, or was.",
    "retiring": "It ends when the outbound messages that use it are done. No command makes it so yet.",
    "retired": "It has ended (no command yet); its name stays in the history, and its address is free.",
}
LEDGER = {
    "event": "It became an inbound event.",
    "duplicate": "It is a message that the ledger knows, under a new identity on the server; no second event.",
    "excluded": "It was not retrieved, with the reason: older than StartFrom, larger than MaxMessageSize.",
    "vanished": "It was listed, and gone before it could be retrieved.",
}
# receiver/health writes these
HEALTH = {
    "starting": "It has not been seen yet.",
    "watching": "Its last round went well.",
    "failing": "Its last rounds failed; the reason and the time of the next attempt are told.",
    "refused": "The server refused the account or the password. It is tried rarely, until a submission changes it.",
}


def declared() -> Mapping[str, tuple[Mapping[str, str], Iterable[str]]]:
    """By title: the meanings, and the states that the code knows."""
    from postroom.cli.commands.events import OUTCOMES
    from postroom.store.models import Conversation, InboundEvent, LedgerEntry, OutboundMessage, Profile

    return {
        "Inbound event": (EVENT, InboundEvent.State.values),
        "Outcome of a processed event": (OUTCOME, OUTCOMES),
        "Outbound message": (OUTBOUND, OutboundMessage.State.values),
        "Conversation": (CONVERSATION, Conversation.State.values),
        "Profile": (PROFILE, Profile.State.values),
        "Disposition in the ledger": (LEDGER, LedgerEntry.Disposition.values),
        "Health of a profile": (HEALTH, HEALTH),
    }


def states() -> str:
    """One table for each noun."""
    parts = ["# States\n\nOne list for each noun. A state changes only in the function named by the verb.\n"]
    for title, (meanings, known) in declared().items():
        parts.append(f"## {title}\n")
        parts.append(table(("state", "meaning"), [(code(state), text(meanings[state])) for state in known]))
    return "\n".join(parts)
