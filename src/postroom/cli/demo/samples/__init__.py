"""Sample mail for the demo: one message of every kind that a shared address gets, with what should become of it.

Written by us; all names are invented, all domains reserved (RFC 2606). Support is a POP3 mailbox of a nonreal-time
response group, Sales an IMAP mailbox of a real-time one. `MAX_MESSAGE_SIZE` is what the demo's profiles must be set
to, for one sample is larger.
"""

from __future__ import annotations

from collections.abc import Callable

from . import automatic, awkward, languages, ordinary
from .sample import SALES, SUPPORT, Place, Sample

__all__ = ["MAX_MESSAGE_SIZE", "SALES", "SUPPORT", "Place", "Sample", "samples"]

MAX_MESSAGE_SIZE = 64 * 1024


def samples(origin: Callable[[str], str]) -> list[Sample]:
    """The samples, in the order in which they are to be delivered: a follow-up stands after what it follows.

    `origin(message_id)` is the value of the field X-Postroom-Origin that this installation gives to a message of its
    own: one sample is such a message come back.
    """
    return [
        *ordinary.samples(),
        *languages.samples(),
        *automatic.samples(origin),
        *awkward.samples(MAX_MESSAGE_SIZE),
    ]
