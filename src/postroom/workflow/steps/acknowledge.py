"""Acknowledge: tell the author of a new conversation that the message arrived (RFC 3834).

Never for a follow-up, for automatic or list mail, for junk or mail of our own, nor without a template. Budgets for
each receiver, conversation, profile and for the whole server keep a storm, or somebody who writes in another's name,
from becoming mail that we send. The text holds nothing of the message but its subject, cut and on one line. It
leaves with the null return path, so that nothing answers it.

RFC 3834 section 4 sends automatic answers to the return address; where there is none, to the author.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from postroom.conf.parameters import Parameter, Values
from postroom.mail.automatic import why_not_acknowledge
from postroom.mail.message import Address
from postroom.workflow.contract import Acknowledge as Acknowledgement
from postroom.workflow.contract import Context, Decided, Step
from postroom.workflow.template_fields import CONVERSATION, LONGEST_SUBJECT, fields
from postroom.workflow.templates import TemplateError, render, render_line
from postroom.workflow.words import one_line, quoted

_HOUR, _DAY, _FOR_EVER = 3_600, 86_400, 31_536_000  # seconds; for ever is a year
_LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, as corrected
_TAKES_BOUNCES = re.compile(r"(?:.*[-+._])?bounces?(?:[-+._=].*)?|mailer-daemon|no-?reply", re.I)


def _limit(name: str, help_text: str, default: int) -> Parameter:
    return Parameter(
        name, "number", help_text, default=default, direction="out", group="limits", unit="messages", minimum=1
    )


class Acknowledge:
    name = "acknowledge"
    title = "Acknowledgement"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "AcknowledgeTo",
            "choice",
            "Where the acknowledgement goes: to the return address, as RFC 3834 asks, or to the author (From).",
            default="return address",
            choices=("return address", "author"),
            direction="out",
            group="outgoing",
        ),
        _limit("PerAuthorHour", "The most acknowledgements to one address in an hour.", 3),
        _limit("PerAuthorDay", "The most acknowledgements to one address in a day.", 10),
        _limit("PerConversation", "The most acknowledgements in one conversation.", 1),
        _limit("PerProfileHour", "The most acknowledgements from one profile in an hour.", 10_000),
        _limit("PerServerHour", "The most acknowledgements of the whole installation in an hour.", 100_000),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        if why_not := _not_wanted(context) or why_not_acknowledge(context.message, context.lookup.is_ours):
            return Decided(f"Not acknowledged: {why_not}")
        to = _receiver(context, values.text("AcknowledgeTo"))
        if to is None:
            return Decided("Not acknowledged: its return address takes only reports, or can't be written to.")
        if context.lookup.is_ours(to.key):
            return Decided(f"Not acknowledged: {quoted(to.address)} is one of our own addresses.")
        name = context.arguments.text("AcknowledgementTemplate")
        template = context.lookup.template(name, context.facts.language)
        if template is None:
            return Decided(f"Not acknowledged: there is no template {quoted(name)}.")
        budgets = _budgets(context, values, to)
        for key, limit, window in budgets:
            if context.lookup.budget_used(key, window) >= limit:
                return Decided(
                    f"Not acknowledged: the budget {quoted(key)} of {limit:,} in {_span(window)} is used up."
                )
        try:
            subject, text = _rendered(context, template)
        except TemplateError as error:
            return Decided(f"Not acknowledged: the template {quoted(name)} can't be rendered. {error}")
        if not text.strip():
            return Decided(f"Not acknowledged: the template {quoted(name)} gives no text.")
        what = f"with {quoted(name)} to {quoted(to.address)}"
        if context.arguments.flag("EnableTestMode"):
            return Decided(f"Test mode: it would be acknowledged {what}, but nothing is sent.")
        return Decided(f"Acknowledged {what}.", (Acknowledgement(to, subject, text, name, True, budgets),))


def _not_wanted(context: Context) -> str:
    """Why this response group sends no acknowledgement here, "" if it does."""
    facts, arguments = context.facts, context.arguments
    if facts.conversation:
        return f"it continues conversation {facts.conversation}; only a new one is acknowledged."
    if arguments.flag("DisableSendAcknowledgement"):
        return "DisableSendAcknowledgement is on."
    if not arguments.text("AcknowledgementTemplate").strip():
        return "AcknowledgementTemplate names no template."
    return facts.loop or facts.junk or facts.automatic


def _receiver(context: Context, where: str) -> Address | None:
    """Where the acknowledgement goes, None if the address is none."""
    message = context.message
    to = message.author
    if where == "return address" and message.return_path and (to is None or message.return_path.lower() != to.key):
        to = Address("", message.return_path)
    if to is None or not 3 <= len(to.address) <= _LONGEST_ADDRESS:
        return None
    local, at, domain = to.address.rpartition("@")
    usable = local and at and domain and not any(character in to.address for character in '<>,;: \t"()[]\\')
    usable = usable and not _TAKES_BOUNCES.fullmatch(local)
    return Address("", to.address) if usable and to.address.isprintable() else None


def _budgets(context: Context, values: Values, to: Address) -> tuple[tuple[str, int, int], ...]:
    """(key, limit, window in seconds), the narrowest first; apply counts them."""
    return (
        (f"author:{to.key}", values.number("PerAuthorHour"), _HOUR),
        (f"author:{to.key}", values.number("PerAuthorDay"), _DAY),
        (f"conversation:{context.facts.conversation or CONVERSATION}", values.number("PerConversation"), _FOR_EVER),
        (f"profile:{context.profile}", values.number("PerProfileHour"), _HOUR),
        ("server", values.number("PerServerHour"), _HOUR),
    )


def _rendered(context: Context, template: Mapping[str, str]) -> tuple[str, str]:
    """Subject and text. Raises `TemplateError`."""
    subject = one_line(context.message.subject, LONGEST_SUBJECT)
    values = fields(
        subject=subject,
        contact_name=context.facts.sender_name,
        contact_address=context.message.author.address if context.message.author else "",
        profile_name=context.profile,
        profile_address=context.address,
        group_name=context.group,
        conversation=CONVERSATION,
        received_ms=context.accepted_ms,
    )
    line = render_line(template.get("subject", ""), values, LONGEST_SUBJECT + 60)
    return line or one_line(f"Re: {subject}", LONGEST_SUBJECT), render(template.get("text", ""), values)


def _span(seconds: int) -> str:
    return {_HOUR: "an hour", _DAY: "a day"}.get(seconds, "all")


step: Step = Acknowledge()
