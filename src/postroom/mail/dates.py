"""Date fields (RFC 5322 section 3.3) as milliseconds since 1970, UTC. Never raises."""

from __future__ import annotations

import calendar
import re
from email.utils import mktime_tz, parsedate_tz

_MONTHS = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)  # noqa: SIM905 - reads better
}
_USUAL = re.compile(
    r"\s*(?:[A-Za-z]{3},)?\s*(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s+([+-])(\d\d)(\d\d)\b"
)
_READ = 200
_LAST_MS = 253_402_300_800_000  # the year 10000


def date_ms(value: str) -> int | None:
    """The instant that a Date field names, or None. A date without a zone is taken as UTC."""
    value = value[:_READ]
    seconds = _usual(value)
    if seconds is None:
        seconds = _lenient(value)
    if seconds is None or not 0 <= seconds * 1000 < _LAST_MS:
        return None
    return seconds * 1000


def _usual(value: str) -> int | None:
    found = _USUAL.match(value)
    if found is None:
        return None
    month = _MONTHS.get(found[2].lower())
    day, year, hour, minute, second = int(found[1]), int(found[3]), int(found[4]), int(found[5]), int(found[6] or 0)
    if month is None or not 1970 <= year <= 9999 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    offset = (int(found[8]) * 60 + int(found[9])) * 60
    return calendar.timegm((year, month, day, hour, minute, second)) - (offset if found[7] == "+" else -offset)


def _lenient(value: str) -> int | None:
    try:
        parsed = parsedate_tz(value)
        if parsed is None:
            return None
        if not 1 <= parsed[2] <= calendar.monthrange(parsed[0], parsed[1])[1]:
            return None
        return int(mktime_tz(parsed if parsed[9] is not None else (*parsed[:9], 0)))
    except (ValueError, OverflowError, IndexError, TypeError, AttributeError):
        return None
