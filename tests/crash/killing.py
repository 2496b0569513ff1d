"""Processes that are killed over and over: at random moments, and at each commit point of the store.

A commit point is a transaction's name and a moment: just before its commit, or just after (`POSTROOM_CRASH`, see
`store/database`). A process that was killed is started again; messages arrive all the while.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from acceptance.running import Serving
from crash.scene import Scene

# Transactions by role. "accept" is the commit of a listing, of a batch and of what the server confirmed.
POINTS = {
    "receiver": ("accept", "accept", "claim", "apply", "lease", "health", "beat", "register", "watch", "recover"),
    "processor": ("claim", "apply", "beat"),
    "outbound": ("claim-outbound", "outbound-result", "outbound-result", "resend-unknown"),
}
_ONCE = {"register", "watch", "recover"}  # reached once in a life, or nearly
LONGEST_LIFE = 5.0
EACH_HARM = 10  # kills between two failures of a server


@dataclass
class _Life:
    """One process, from its start to its end."""

    serving: Serving
    point: str
    started: float
    runs_since: float = 0.0
    ends: float = 0.0


@dataclass
class Kills:
    """Kills by kind: "random", "random, all at once", or a commit point such as "accept:before"."""

    by_kind: Counter[str] = field(default_factory=Counter)
    servers: Counter[str] = field(default_factory=Counter)
    ended_by_itself: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.by_kind.total()


class Killing:
    """`crew` is the roles of each process; `run(kills, messages)` until so many of both."""

    def __init__(self, scene: Scene, crew: Sequence[str]) -> None:
        self.scene = scene
        self.crew = list(crew)
        self.kills = Kills()
        self._lives: dict[int, _Life] = {}
        self._random = scene.random
        self._points = {roles: self._cycle(roles) for roles in self.crew}

    def run(self, kills: int, messages: int, *, harm_servers: bool = False, tell: float = 15.0) -> Kills:
        """With `harm_servers`, now and then a server fails too; that is counted apart."""
        told = time.monotonic()
        harmed = 0
        while self.kills.total < kills or len(self.scene.sent) < messages:
            wanted = messages if self.kills.total >= kills else messages * (self.kills.total + 1) // kills
            while len(self.scene.sent) < min(wanted, messages):
                self.scene.deliver()
            for slot in range(len(self.crew)):
                self._look(slot)
            if len(self.crew) > 1 and self._random.random() < 0.0005:
                self._all_at_once()
            if harm_servers and self.kills.total >= harmed + EACH_HARM:
                harmed = self.kills.total
                self.kills.servers[self.scene.harm_a_server()] += 1
            if time.monotonic() - told > tell:
                told = time.monotonic()
                progress = f"{self.kills.total} kills, {len(self.scene.sent)} messages, {self.scene.left()} left"
                print(f"  {progress}", flush=True)  # noqa: T201 - a command of the project
            time.sleep(0.02)
        self._end()
        return self.kills

    def finish(self, seconds: float) -> list[Serving]:
        """Start every process once more, unharmed, and wait until nothing is left to do."""
        postroom = self.scene.postroom
        serving = [postroom.serve(roles) for roles in self.crew]
        expected = len(self.scene.sent)

        def done() -> bool:
            return (
                self.scene.left() == 0
                and postroom.number("SELECT COUNT(*) FROM postroom_outboundmessage WHERE state = 'submitted'")
                >= expected
                and postroom.number("SELECT COUNT(*) FROM postroom_ledgerentry WHERE acknowledged_ms IS NULL") == 0
                and postroom.number("SELECT COUNT(*) FROM postroom_inboundevent WHERE state <> 'processed'") == 0
            )

        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            self._help()
            time.sleep(0.2)
        return serving

    def _help(self) -> None:
        """An event that its process died over five times waits for a person: that is us."""
        for (event,) in self.scene.postroom.rows("SELECT id FROM postroom_inboundevent WHERE state = 'failed'"):
            self.kills.ended_by_itself.append(f"event {event} failed and was resubmitted by hand")
            self.scene.postroom.command("events", "resubmit", str(event))

    def _cycle(self, roles: str) -> Iterator[str]:
        points = [
            f"{name}:{moment}" for role in roles.split(",") for name in POINTS[role] for moment in ("before", "after")
        ]
        self._random.shuffle(points)
        return itertools.cycle(points)

    def _begin(self, slot: int) -> None:
        roles, point = self.crew[slot], ""
        crash = ""
        if self._random.random() < 0.75:
            point = next(self._points[roles])
            count = 1 if point.partition(":")[0] in _ONCE else self._random.randint(1, 4)
            crash = f"{point}:{count}"
        serving = self.scene.postroom.serve(roles, crash=crash, wait=False)
        life = _Life(serving, point, time.monotonic())
        if not point and self._random.random() < 0.1:
            life.ends = life.started + self._random.uniform(0, 0.8)  # while it starts
        self._lives[slot] = life

    def _look(self, slot: int) -> None:
        life = self._lives.get(slot)
        if life is None:
            self._begin(slot)
            return
        now = time.monotonic()
        if not life.serving.running:
            del self._lives[slot]
            status = life.serving.process.returncode
            if status == -9 and life.point:
                self.kills.by_kind[life.point] += 1
            else:
                self.kills.ended_by_itself.append(f"{life.serving.log} ended with {status}")
        elif not life.runs_since and "Postroom runs" in life.serving.said():
            life.runs_since = now
            life.ends = life.ends or now + (LONGEST_LIFE if life.point else self._random.uniform(0, 2))
        if life.ends and now > life.ends and life.serving.running:
            self._kill(slot, "random")

    def _kill(self, slot: int, kind: str) -> None:
        self._lives.pop(slot).serving.kill()
        self.kills.by_kind[kind] += 1

    def _all_at_once(self) -> None:
        for slot in [slot for slot, life in self._lives.items() if life.serving.running]:
            self._kill(slot, "random, all at once")

    def _end(self) -> None:
        for slot in list(self._lives):
            self._lives.pop(slot).serving.kill()
