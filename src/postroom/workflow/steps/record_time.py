"""Record time: when the message was accepted. It is our clock's time: Date is whatever the author's machine said."""

from __future__ import annotations

from datetime import UTC, datetime

from postroom.conf.parameters import Parameter, Values
from postroom.workflow.contract import Context, Decided, Step

_NOTABLE_MS = 60 * 60 * 1000
_LATEST_MS = 253_402_300_799_000  # the last second of the year 9999


class RecordTime:
    name = "record-time"
    title = "Record time"
    parameters: tuple[Parameter, ...] = ()

    def decide(self, context: Context, values: Values) -> Decided:
        accepted = context.accepted_ms
        reason = f"Accepted on {_shown(accepted)}{_gap(accepted, context.message.date_ms)}."
        return Decided(reason, facts={"received_ms": accepted})


def _shown(ms: int) -> str:
    moment = datetime.fromtimestamp(min(max(ms, 0), _LATEST_MS) // 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _gap(accepted_ms: int, date_ms: int | None) -> str:
    if date_ms is None:
        return "; it has no date of its own"
    hours = abs(accepted_ms - date_ms) // _NOTABLE_MS
    if not hours:
        return ""
    return f", {hours:,} h after its Date" if accepted_ms > date_ms else f"; its Date lies {hours:,} h ahead"


step: Step = RecordTime()
