"""Thread: which conversation does the message continue?

Evidence, in this order: In-Reply-To, References from the newest, then a signed tag `[THREAD ID:…]` in subject or text.
The subject's likeness proves nothing. A number alone proves nothing either: the tag's signature must be ours.

Who may join a conversation, so that no stranger gets in by guessing:
- who names the id of a message that **we** sent, or has a signed tag: nobody can guess either, so whoever has it was
  given our mail. The reason says if the author is new to the conversation;
- who names the id of a message that **came in**: other systems make ids that can be guessed, so the author must be
  one of the participants, or write from the same domain as one, free-mail providers' domains excepted.
Anyone else opens a conversation of their own, and the reason names the one that they asked for.

A closed conversation that has rested too long is not taken up again. A wholly new subject stays in the conversation
(an agent can split it) and is mentioned in the reason.
"""

from __future__ import annotations

import re

from postroom.conf.parameters import Parameter, Values
from postroom.mail.references import find_thread_tags, thread_ids, verify_thread_tag
from postroom.workflow.contract import Context, Decided, FoundConversation, Step
from postroom.workflow.free_mail import is_free_mail
from postroom.workflow.words import quoted

_MOST_TRIES = 5
_DAY_MS = 24 * 60 * 60 * 1000
_PREFIX = re.compile(
    r"(?:\s|(?:re|r|aw|antw|sv|vs|ref|fwd?|wg|tr|rv|enc|odp|ynt|回复|答复|转发)(?:\[\d{1,3}\])?\s?[:：])+", re.I
)


class Thread:
    name = "thread"
    title = "Thread"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "ReopenWithinDays",
            "number",
            "How long after its last activity a closed conversation is taken up again by a follow-up; "
            "later ones open a new conversation. 0: always taken up again.",
            default=90,
            direction="in",
            unit="days",
            minimum=0,
            maximum=36_500,
        ),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        refused: list[str] = []
        for found, evidence, guessable in _candidates(context):
            if why_not := (guessable and _stranger(context, found)) or _rested(
                context, found, values.number("ReopenWithinDays")
            ):
                refused.append(f"{evidence} names conversation {found.id}, but {why_not}.")
                continue
            reason = f"{evidence} names conversation {found.id}.{_remarks(context, found)}"
            facts = {"conversation": found.id, "thread_evidence": evidence, "owner": found.owner}
            return Decided(" ".join([*refused, reason]), facts=facts)
        if refused:
            return Decided(" ".join([*dict.fromkeys(refused), "So it opens a new conversation."]))
        return Decided("It continues no conversation of the response group.")


def _candidates(context: Context) -> list[tuple[FoundConversation, str, bool]]:
    """The conversations that the message names, best evidence first: how found, and whether that can be guessed."""
    message, lookup = context.message, context.lookup
    candidates: list[tuple[FoundConversation, str, bool]] = []
    ids = thread_ids(message)
    while ids and len(candidates) < _MOST_TRIES and (found := lookup.conversation_by_message_ids(ids)):
        label = "References" if found.matched and found.matched not in message.in_reply_to else "In-Reply-To"
        candidates.append((found, label, found.evidence != "ours"))
        if found.evidence == "ours" or found.matched not in ids:
            break
        ids = ids[ids.index(found.matched) + 1 :]
    if context.signing_key:
        for tag in find_thread_tags(f"{message.subject[:1000]}\n{message.text}")[:_MOST_TRIES]:
            if verify_thread_tag(tag, context.signing_key) and (tagged := lookup.conversation_by_tag(tag)):
                candidates.append((tagged, "The signed thread tag", False))
    return candidates


def _stranger(context: Context, found: FoundConversation) -> str:
    """Why the author may not join by an id that can be guessed, "" if the author may."""
    author = context.message.author
    if author is None:
        return "the message has no author"
    if author.key in found.participants:
        return ""
    domain = author.domain
    if domain and not is_free_mail(domain) and any(one.endswith("@" + domain) for one in found.participants):
        return ""
    return f"{quoted(author.address)} has no part in it and the id is not one of ours"


def _rested(context: Context, found: FoundConversation, days: int) -> str:
    if found.state != "closed" or not days or not found.last_activity_ms:
        return ""
    rested = (context.accepted_ms - found.last_activity_ms) // _DAY_MS
    return f"that is closed and has rested for {rested:,} days" if rested >= days else ""


def _remarks(context: Context, found: FoundConversation) -> str:
    remarks = ""
    author = context.message.author
    if author and author.key not in found.participants:
        remarks += f" {quoted(author.address)} is new to it."
    if _bare(context.message.subject) != _bare(found.subject):
        remarks += f" The subject changed from {quoted(found.subject, 60)}."
    return remarks


def _bare(subject: str) -> str:
    """The subject without Re:, Fwd: and their like, tags and spacing, for comparing."""
    subject = re.sub(r"\[[^\]]{0,60}\]", " ", subject[:300])
    start = _PREFIX.match(subject)
    return " ".join(subject[start.end() if start else 0 :].casefold().split())


step: Step = Thread()
