"""What a database backend answers for: the few places where SQLite and PostgreSQL differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Backend(Protocol):
    """The clauses and habits of one database."""

    name: str
    skip_locked: str
    """Appended to the inner SELECT of a claim, so that two claimants never wait for each other."""

    def write_lock(self) -> AbstractContextManager[None]:
        """Held around a write transaction where the database has a single writer."""

    def reserve_ids(self, cursor: Any, table: str, count: int) -> Sequence[int]:
        """Ids that nobody else gets, for rows inserted in this transaction."""

    def claim_lock(self, cursor: Any) -> None:
        """Until the transaction ends, nobody else claims events: for limits that count what others hold."""

    def notify(self, cursor: Any, channel: str) -> None:
        """Tell other processes at commit that there is work; a lost notice only costs time."""

    def notices(self, seconds: float) -> Iterator[str]:
        """Channels notified by other processes, until `seconds` have passed; nothing where there are none."""
