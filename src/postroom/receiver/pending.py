"""What a mail server still has to be told: left by a death, refused, or said to be done and not done.

It is asked again at the next round, then less and less often, at most once an hour: a mailbox that can only be read
must not cost a command a round for each of its messages. Nothing here is durable: the ledger is, and every complete
listing brings it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from postroom.drivers.contract import Acknowledgement, Identity, Outcome

LONGEST_PAUSE = 3600.0


class Pending:
    """The acknowledgements that one profile owes. `interval` is its PollingInterval, in seconds."""

    def __init__(self, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._owed: dict[Identity, Acknowledgement] = {}
        self._contradicted: set[Identity] = set()
        self._failures = 0
        self._not_before = 0.0

    def listed(
        self, mailbox: str, items: Sequence[Acknowledgement], contradicted: Sequence[Acknowledgement], *, complete: bool
    ) -> None:
        """What a listing shows: messages that are not acknowledged, and those that were said to be removed.

        A complete listing says all that there is to be asked of its mailbox.
        """
        if complete:
            self._owed = {identity: item for identity, item in self._owed.items() if identity.mailbox != mailbox}
        self._owed.update((item.identity, item) for item in (*items, *contradicted))
        self.contradicts([item.identity for item in contradicted])

    def contradicts(self, identities: Sequence[Identity]) -> None:
        """These were said to be removed and are there: asking for them once more is no success, whatever is said."""
        self._contradicted.update(identities)

    @property
    def due(self) -> bool:
        """Whether it is time to ask again for what was not done before."""
        return self._clock() >= self._not_before

    def take(self) -> list[Acknowledgement]:
        """What is to be asked now: everything, or nothing before its time."""
        if not self.due:
            return []
        items = list(self._owed.values())
        self._owed.clear()
        return items

    def answered(self, items: Sequence[Acknowledgement], outcomes: Sequence[Outcome]) -> bool:
        """What the server said to `items`; whether it stays in debt. Not a word about an item is a refusal."""
        done = {outcome.identity for outcome in outcomes if outcome.done}
        refused = [item for item in items if item.identity not in done]
        self._owed.update((item.identity, item) for item in refused)
        lied = any(item.identity in self._contradicted for item in items)
        self._contradicted.clear()
        if refused or lied:
            self._failures += 1
            self._not_before = self._clock() + min(LONGEST_PAUSE, self._interval * 2.0 ** min(self._failures, 12))
        elif items:
            self._failures = 0
        return bool(refused) or lied
