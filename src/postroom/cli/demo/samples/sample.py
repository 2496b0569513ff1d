"""What a sample message is, and the few words that the samples are written with."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum

SUPPORT = "support@postroom.example"
SALES = "sales@postroom.example"


class Place(StrEnum):
    """Where a message ends up, with the ready-made workflow Process Message and a template for acknowledgements."""

    ACKNOWLEDGED = "activity, acknowledged"
    FOLLOW_UP = "activity, not acknowledged: follow-up"
    AUTOMATIC = "activity, not acknowledged: automatic mail"
    LIST = "activity, not acknowledged: list mail"
    NO_AUTHOR = "activity, not acknowledged: no author"
    JUNK = "quarantined: junk"
    LOOP = "quarantined: loop"
    REPORT = "processed: delivery report"
    TOO_LARGE = "excluded: too large"


@dataclass(frozen=True, slots=True)
class Sample:
    """One message, the mailbox that it is delivered to, and what it shows. `octets` are exact."""

    title: str
    address: str
    octets: bytes
    expected: Place


def message(text: str, charset: str = "us-ascii") -> bytes:
    """The octets of a message that is written here with plain line ends; `charset` must hold ASCII as it is."""
    return text.replace("\n", "\r\n").encode(charset)


def word(text: str, charset: str) -> str:
    """An encoded word of RFC 2047. Keep it short: 75 characters are the most."""
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


def lines(octets: bytes) -> str:
    """Octets in base64, in lines of 76 characters."""
    return base64.encodebytes(octets).decode().rstrip("\n")
