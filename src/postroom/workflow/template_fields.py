"""The fields that a template may use, such as `{{ contact.first_name }}`; the reference's table is made of `FIELDS`.

Every field always has a value, "" where nothing is known: so a template that passed its check can't fail on one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from postroom.workflow.words import one_line

CONVERSATION = "⟦0⟧"  # stands for the number of a conversation that is yet to be opened
LONGEST_SUBJECT = 200
_LONGEST_NAME = 60
_LATEST_MS = 253_402_300_799_000  # the last second of the year 9999
_NAME = re.compile(r"[^\W\d_](?:[^\W_]|[ .'’-])*", re.UNICODE)


class Field(NamedTuple):
    name: str
    meaning: str


FIELDS: tuple[Field, ...] = (
    Field("subject", "the subject of the message that is answered; at most 200 characters, on one line"),
    Field("contact.name", "the customer's name, empty if it is not known or no plain name"),
    Field("contact.first_name", "the first name, as far as the name tells it"),
    Field("contact.last_name", "the last name, as far as the name tells it"),
    Field("contact.address", "the customer's address"),
    Field("profile.name", "the name of the profile that answers"),
    Field("profile.address", "the address that answers"),
    Field("group.name", "the name of the response group"),
    Field("conversation.id", "the number of the conversation"),
    Field("received.date", "the day the message was accepted, as 2026-11-22 (UTC)"),
    Field("received.time", "the time it was accepted, as 14:59 (UTC)"),
    Field("received.year", "the year, as 2026"),
    Field("received.month", "the month, as 11"),
    Field("received.day", "the day of the month, as 22"),
    Field("agent.name", "the name of the agent who answers, empty in automatic mail"),
    Field("agent.address", "the agent's own address, empty in automatic mail"),
    Field("error.sentence", "what failed, in mail to an administrator; empty otherwise"),
    Field("error.count", "how many events failed, in mail to an administrator; empty otherwise"),
)


def fields(
    *,
    subject: str = "",
    contact_name: str = "",
    contact_address: str = "",
    profile_name: str = "",
    profile_address: str = "",
    group_name: str = "",
    conversation: int | str = "",
    received_ms: int | None = None,
    agent_name: str = "",
    agent_address: str = "",
    error_sentence: str = "",
    error_count: int | str = "",
) -> dict[str, object]:
    """The fields for `templates.render`.

    What comes from mail is bounded and on one line. A name that holds more than letters and what joins them is left
    out: a display name must not carry somebody's advertisement into mail that we send.
    """
    name = plain_name(contact_name)
    first, last = split_name(name)
    received = dict.fromkeys(("date", "time", "year", "month", "day"), "")
    if received_ms is not None:
        moment = datetime.fromtimestamp(min(max(received_ms, 0), _LATEST_MS) // 1000, UTC)
        date, _, time = moment.isoformat().partition("T")
        year, month, day = date.split("-")
        received = {"date": date, "time": time[:5], "year": year, "month": month, "day": day}
    return {
        "subject": one_line(subject, LONGEST_SUBJECT),
        "contact": {"name": name, "first_name": first, "last_name": last, "address": one_line(contact_address, 320)},
        "profile": {"name": profile_name, "address": profile_address},
        "group": {"name": group_name},
        "conversation": {"id": str(conversation)},
        "received": received,
        "agent": {"name": agent_name, "address": agent_address},
        "error": {"sentence": error_sentence, "count": str(error_count)},
    }


def plain_name(name: str) -> str:
    """The name if it is one: letters, and what joins them; "" otherwise."""
    name = one_line(name.strip(" '\""), _LONGEST_NAME + 1)
    turned = ", " in name and name.count(",") == 1
    fit = _NAME.fullmatch(name.replace(", ", " ", 1) if turned else name)
    # A dot between letters is an address of the web; a dot before a space ends an abbreviation.
    return name if fit and len(name) <= _LONGEST_NAME and not re.search(r"\.\w", name) else ""


def split_name(name: str) -> tuple[str, str]:
    """First and last name: "Anna Maria Smith" and "Smith, Anna Maria" alike; a single word is a first name."""
    if ", " in name:
        last, _, first = name.partition(", ")
        return first, last
    first, _, last = name.rpartition(" ")
    return (first, last) if first else (last, "")
