"""Follow what happens to each sample, from the rows: what was told, where it ended, and whether it should have.

A sample is found again by the digest of its octets and its profile; of two equal ones, the first event is the first's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from postroom.cli.demo.samples import Place, Sample
from postroom.store import stories
from postroom.store.database import reading

DECIDING = ("loop", "bounce", "junk", "thread", "language", "acknowledge")
DULL = ("It is not mail of our own.", "A person wrote it", "No filter calls it junk.")


@dataclass(slots=True)
class Followed:
    """One sample on its way. `lines` is what happened, in words; `place` where it is now, "" while it is on its way."""

    sample: Sample
    lines: list[str] = field(default_factory=list)
    place: str = ""
    event: int = 0
    settled: bool = False

    @property
    def as_expected(self) -> bool:
        return self.settled and self.place == self.sample.expected


class Story:
    """All samples. `look` returns the lines that are new since the last look, with the sample each belongs to."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.followed = [Followed(sample) for sample in samples]
        self._digests = [hashlib.sha256(s.octets).digest() for s in samples]

    @property
    def settled(self) -> bool:
        return all(one.settled for one in self.followed)

    def look(self) -> list[tuple[Followed, str]]:
        """What is new."""
        entries = self._entries()
        news: list[tuple[Followed, str]] = []
        for one, digest in zip(self.followed, self._digests, strict=True):
            if one.settled:
                continue
            told = self._tell(one, digest, entries)
            news += [(one, line) for line in told[len(one.lines) :]]
            one.lines += told[len(one.lines) :]
        return news

    def _entries(self) -> list[dict[str, Any]]:
        with reading() as cursor:
            cursor.execute(
                "SELECT l.digest, l.size, l.disposition, l.reason, l.event_id, l.removed, p.address"
                " FROM postroom_ledgerentry l JOIN postroom_profile p ON p.id = l.profile_id ORDER BY l.id"
            )
            names = ("digest", "size", "disposition", "reason", "event", "removed", "address")
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _tell(self, one: Followed, digest: bytes, entries: Sequence[dict[str, Any]]) -> list[str]:
        entry = self._entry_of(one, digest, entries)
        if entry is None:
            return []
        if entry["disposition"] == "excluded":
            one.place = Place.TOO_LARGE if "MaxMessageSize" in entry["reason"] else "excluded"
            one.settled = True
            return [f"listed, {entry['size']} octets", f"excluded: {entry['reason']}"]
        one.event = entry["event"]
        story = stories.event(one.event)
        told = [
            f"retrieved, {story['size']} octets",
            f"accepted as event {one.event}: safe here, so it goes from the server",
        ]
        if story["state"] in ("queued", "processing"):
            return told
        for run in story["runs"][-1:]:
            told += [f"{s['step']}: {s['reason']}" for s in run["steps"] if _decides(s)]
        if story["state"] != "processed":
            one.place, one.settled = story["state"], story["state"] == "failed"
            return [*told, f"{story['state']}: {story['reason']}"]
        self._settle(one, story)
        told.append(f"→ {one.place or 'processed'}")
        if story["sent"] and story["sent"][0]["state"] != "queued":
            sent = story["sent"][0]
            told.append(f"acknowledgement {sent['state']}: {sent['reason']}")
        return told

    def _entry_of(self, one: Followed, digest: bytes, entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """The entry of this sample; of equal samples the n-th has the n-th entry."""
        address = one.sample.address
        if one.sample.expected == Place.TOO_LARGE:
            mine = [e for e in entries if e["address"] == address and e["disposition"] == "excluded"]
            return mine[0] if mine else None
        equal = [f for f, d in zip(self.followed, self._digests, strict=True) if d == digest]
        number = [f for f in equal if f.sample.address == address].index(one)
        mine = [
            e for e in entries if e["address"] == address and e["digest"] is not None and bytes(e["digest"]) == digest
        ]
        return mine[number] if len(mine) > number else None

    def _settle(self, one: Followed, story: dict[str, Any]) -> None:
        """Where a processed event is. With an acknowledgement, it is settled when that has been submitted."""
        outcome, sent = story["outcome"], story["sent"]
        one.settled = not sent or sent[0]["state"] not in ("queued", "submitting", "paused")
        if outcome == "quarantined":
            one.place = f"quarantined: {story['reason'].partition(':')[0]}"
        elif outcome == "activity" and sent:
            good = sent[0]["state"] in ("submitted", "delivered")
            one.place = Place.ACKNOWLEDGED if good else f"activity, acknowledgement {sent[0]['state']}"
        elif outcome == "activity":
            one.place = _why_not(story["runs"][-1]["steps"])
        else:
            one.place = Place.REPORT


def _decides(step: dict[str, Any]) -> bool:
    return step["ran"] and step["step"] in DECIDING and not step["reason"].startswith(DULL)


def _why_not(steps: Sequence[dict[str, Any]]) -> str:
    """Of the places of an activity that was not acknowledged, the one that the steps' facts and reasons say."""
    facts: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for step in steps:
        facts |= step.get("facts", {})
        reasons[step["step"]] = step["reason"]
    if facts.get("conversation"):
        return Place.FOLLOW_UP
    reason = reasons.get("acknowledge", "").lower()
    for words, place in (("list", Place.LIST), ("no author", Place.NO_AUTHOR)):
        if words in reason:
            return place
    return Place.AUTOMATIC if facts.get("automatic") else f"activity, not acknowledged: {reason}"
