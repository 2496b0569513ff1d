"""Messages whose retrieval broke a connection: they go last, and alone, so that none holds up its neighbours.

Kept by the driver for the life of the process, since the session that could remember them is gone. A message that
arrives is no suspect any more; a lost network makes suspects of innocents, which costs a round trip each, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_MOST = 10_000

Place = tuple[str, str, int]


class Suspects:
    """How often each message was being retrieved when a connection broke, by (profile, mailbox, epoch)."""

    def __init__(self) -> None:
        self._counts: dict[Place, dict[str, int]] = {}

    def accuse(self, place: Place, source_ids: Iterable[str]) -> None:
        counts = self._counts.setdefault(place, {})
        for source_id in source_ids:
            counts[source_id] = counts.get(source_id, 0) + 1
        while len(counts) > _MOST:
            counts.pop(next(iter(counts)))
        while len(self._counts) > _MOST:
            self._counts.pop(next(iter(self._counts)))

    def acquit(self, place: Place, source_ids: Iterable[str]) -> None:
        counts = self._counts.get(place)
        if not counts:
            return
        for source_id in source_ids:
            counts.pop(source_id, None)
        if not counts:
            del self._counts[place]

    def split(self, place: Place, source_ids: Sequence[str]) -> tuple[list[str], list[str]]:
        """The others in their order, and the suspects, the least suspected first."""
        counts = self._counts.get(place)
        if not counts:
            return list(source_ids), []
        suspects = sorted((text for text in source_ids if text in counts), key=lambda text: counts[text])
        return [text for text in source_ids if text not in counts], suspects
