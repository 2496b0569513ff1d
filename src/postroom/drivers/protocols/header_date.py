"""When a message was received, as far as its own header says: the topmost Received (RFC 5321 §4.4), else Date.

For servers that keep no date of their own, as POP3. The topmost Received is the receiving server's, and the only one
a sender can't write.
"""

from __future__ import annotations

import calendar
import re
from email.utils import parsedate_tz

_FIELD = re.compile(rb"(?im)^(received|date)[ \t]*:((?:[^\n]|\n[ \t])*)")
_SECONDS_MOST = 1 << 40


def received_ms(header: bytes) -> int | None:
    """Milliseconds since 1970, None if no date can be read."""
    date: int | None = None
    for found in _FIELD.finditer(header[: 256 * 1024]):
        text = found[2][:2000].decode("latin-1")
        if found[1].lower() == b"received":
            moment = _milliseconds(text.rpartition(";")[2])
            if moment is not None:
                return moment
        elif date is None:
            date = _milliseconds(text)
    return date


def _milliseconds(text: str) -> int | None:
    try:
        parsed = parsedate_tz(" ".join(text.split()))
        if parsed is None:
            return None
        seconds = calendar.timegm((*parsed[:6], 0, 1, 0)) - (parsed[9] or 0)
    except Exception:  # noqa: BLE001 - the parser of the standard library fails in many ways on hostile dates
        return None
    return seconds * 1000 if 0 <= seconds < _SECONDS_MOST else None
