"""Sender: who wrote it? Finds the author's contact, or has it made, and the organization where that is wanted."""

from __future__ import annotations

from typing import Any

from postroom.conf.parameters import Parameter, Values
from postroom.workflow.contract import Context, Decided, KeepContact, Quarantine, Step
from postroom.workflow.free_mail import is_free_mail
from postroom.workflow.words import one_line, quoted

_LONGEST_NAME = 200


class Sender:
    name = "sender"
    title = "Sender"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "WithoutAuthor",
            "choice",
            "What becomes of a message that names no author: process it without a contact, or quarantine it.",
            default="process",
            choices=("process", "quarantine"),
            direction="in",
        ),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        author = context.message.author
        if author is None or not author.address:
            if values.text("WithoutAuthor") == "process":
                return Decided("It names no author, so there is no contact.")
            why = "It names no author: nobody could be answered."
            return Decided(why, (Quarantine("unknown author", why),), stop=True)
        found = context.lookup.contact(author.key)
        name = one_line(found.name if found and found.name else author.name, _LONGEST_NAME)
        organization = found.organization if found else ""
        reason = (
            f"The author is the contact {quoted(name or author.address)}." if found else "The author is a new contact."
        )
        if not organization and context.arguments.flag("EnableLookupSenderByOrganization"):
            organization, why = _by_domain(context, author.domain)
            reason += f" {why}"
        facts: dict[str, Any] = {"sender_name": name, "organization": organization, "contact": found.id if found else 0}
        return Decided(reason, (KeepContact(author, organization),), facts)


def _by_domain(context: Context, domain: str) -> tuple[str, str]:
    """The organization of an author's domain, "" if it tells nothing, and the reason."""
    if not domain or domain in context.own_domains:
        return "", "The author's domain tells no organization."
    if is_free_mail(domain):
        return "", f"{quoted(domain)} is a free-mail provider and tells no organization."
    return one_line(domain, 253), f"The organization is that of the domain {quoted(domain)}."


step: Step = Sender()
