"""How the watching of each profile goes: in memory while it changes, written together every few seconds."""

from __future__ import annotations

from dataclasses import dataclass

from postroom.store.database import now_ms, transaction


@dataclass(slots=True)
class Health:
    """One profile's health. `state`: starting, watching, failing, or refused (the password)."""

    profile: int
    name: str
    group: int
    state: str = "starting"
    last_success_ms: int = 0
    failures: int = 0
    next_attempt_ms: int = 0
    reason: str = ""
    dirty: bool = True
    told: bool = False

    def succeeded(self) -> bool:
        """A round went well. True if it had been failing."""
        recovered = self.failures > 0
        fresh = now_ms()
        # A healthy profile's row is written now and then, not at each round.
        self.dirty = self.dirty or recovered or self.state != "watching" or fresh - self.last_success_ms > 10_000
        self.state, self.failures, self.reason, self.next_attempt_ms, self.told = "watching", 0, "", 0, False
        self.last_success_ms = fresh
        return recovered

    def failed(self, state: str, reason: str, again_in_seconds: float) -> None:
        """A round failed; the next attempt is in so many seconds."""
        self.state, self.reason, self.dirty = state, reason, True
        self.failures += 1
        self.next_attempt_ms = now_ms() + int(again_in_seconds * 1000)


def write(healths: list[Health]) -> None:
    """Bring the rows up to date."""
    rows = [
        (h.profile, h.state, h.last_success_ms, h.failures, h.next_attempt_ms, h.reason, h.told, now_ms())
        for h in sorted(healths, key=lambda h: h.profile)
    ]
    for h in healths:
        h.dirty = False
    if rows:
        with transaction("health") as cursor:
            cursor.executemany(
                "INSERT INTO postroom_profilehealth"
                " (profile_id, state, last_success_ms, failures, next_attempt_ms, reason, reported, changed_ms)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (profile_id) DO UPDATE SET"
                " state = excluded.state, failures = excluded.failures, next_attempt_ms = excluded.next_attempt_ms,"
                " reason = excluded.reason, reported = excluded.reported, changed_ms = excluded.changed_ms,"
                " last_success_ms = CASE WHEN excluded.last_success_ms > postroom_profilehealth.last_success_ms"
                " THEN excluded.last_success_ms ELSE postroom_profilehealth.last_success_ms END",
                rows,
            )
