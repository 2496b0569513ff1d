"""The inbound receiver: one task for each profile that this receiver holds the lease of.

It follows new submissions within a second or two, restarts only the sessions of profiles whose digest changed, shares
profiles evenly with the other receivers that are alive, opens connections at a bounded rate, and writes down each
profile's health. It never retrieves anything itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog

from postroom.broker.contract import Broker
from postroom.conf import liveness, metrics, registry
from postroom.conf.settings import settings
from postroom.receiver import health as healths
from postroom.receiver.accept import Acceptor
from postroom.receiver.health import Health
from postroom.receiver.session import Session
from postroom.store import instances, notices
from postroom.store.database import healing, now_ms
from postroom.store.publishing import configuration
from postroom.store.publishing.configuration import Configuration, ProfileConfiguration

T = TypeVar("T")
LOOK_SECONDS = 1.0
WRITE_HEALTH_SECONDS = 2.0
TELL_AFTER_FAILURES = 5


class Admission:
    """Lets connections through at a bounded rate, a burst of one second at the start."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._next = time.monotonic() - 1

    async def __call__(self) -> None:
        now = time.monotonic()
        self._next = max(self._next + self._interval, now - 1)
        if (wait := self._next - now) > 0:
            await asyncio.sleep(wait)


class Receiver:
    """See the module. `run` until cancelled."""

    def __init__(self, broker: Broker, holder: Callable[[], str]) -> None:
        self._holder = holder
        self._acceptor = Acceptor(broker, holder)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="receiver-store")
        self._admission = Admission(settings().connections_per_second)
        self._sessions: dict[int, tuple[str, str, asyncio.Task[None]]] = {}
        self._health: dict[int, Health] = {}
        self._wrong: dict[str, str] = {}
        self._spool = settings().data_dir / "spool"
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Watch what is configured, until cancelled; then every session is ended."""
        self._clean_spool()
        wrote = 0.0
        try:
            while True:
                try:
                    await self._follow()
                    liveness.beat("receiver")
                    if time.monotonic() - wrote >= WRITE_HEALTH_SECONDS:
                        wrote = time.monotonic()
                        await self._write_health()
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001 - a store in trouble must not end the receiver
                    self._log.error(
                        "the receiver can't follow the configuration; it tries again", error=str(error)[:300]
                    )
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._end(list(self._sessions))
            await asyncio.to_thread(self._acceptor.close)
            self._readers.shutdown(wait=False)

    async def read(self, function: Callable[[], T]) -> T:
        """Ask the store in a thread of its own."""

        def ask() -> T:
            with healing():
                return function()

        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

    async def _follow(self) -> None:
        conf = await self.read(configuration.current)
        wanted = self._wanted(conf)
        held = await self.read(lambda: self._lease(list(wanted)))
        digests = {id_: profile.digest for id_, profile in wanted.items() if id_ in held}
        ended = [id_ for id_, (_, _, task) in self._sessions.items() if task.done()]
        changed = [
            id_
            for id_, (digest, holder, _) in self._sessions.items()
            if digests.get(id_) != digest or holder != self._holder()
        ]
        await self._end({*ended, *changed})
        await self.read(lambda: instances.release_others(self._holder(), list(wanted)))
        for id_ in digests:
            if id_ not in self._sessions:
                self._begin(wanted[id_], conf)

    def _wanted(self, conf: Configuration) -> dict[int, ProfileConfiguration]:
        wanted = {}
        for profile in conf.profiles.values():
            group = conf.groups.get(profile.group or "")
            if group is None or not group.active:
                continue
            if (problem := conf.problems.get(profile.name)) is not None:
                if self._wrong.get(profile.name) != problem:
                    self._wrong[profile.name] = problem
                    self._log.error("the profile can't run", profile=profile.name, reason=problem)
                continue
            wanted[profile.id] = profile
        return wanted

    def _lease(self, profiles: list[int]) -> set[int]:
        holder = self._holder()
        receivers = sum("receiver" in str(i["roles"]) for i in instances.alive()) or 1
        share = math.ceil(len(profiles) / receivers)
        held_now = set(self._sessions)
        if len(held_now) > share:
            # Another receiver came: it gets some of ours.
            instances.release(holder, sorted(held_now)[share:])
        return instances.lease(holder, profiles, max(0, share - len(held_now)))

    def _begin(self, profile: ProfileConfiguration, conf: Configuration) -> None:
        group = conf.groups[profile.group or ""]
        health = self._health.setdefault(profile.id, Health(profile.id, profile.name, group.id))
        health.group, health.failures, health.dirty = group.id, 0, True
        session = Session(
            profile,
            group,
            registry.drivers()[profile.kind],
            self._acceptor,
            health,
            holder=self._holder(),
            spool=self._spool,
            admit=self._admission,
            read=self.read,
            failing=self._tell,
        )
        task = asyncio.create_task(session.run(), name=f"profile {profile.name}")
        self._sessions[profile.id] = (profile.digest, self._holder(), task)

    async def _end(self, ids: Any) -> None:
        tasks = [self._sessions.pop(id_)[2] for id_ in ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, health: Health) -> None:
        """The administrator is told of a lasting failure once, not at each attempt."""
        if health.told or (health.state != "refused" and health.failures < TELL_AFTER_FAILURES):
            return
        health.told, health.dirty = True, True
        with contextlib.suppress(Exception):
            await self.read(lambda: notices.add(health.group, "profile", health.name, health.reason))

    async def _write_health(self) -> None:
        dirty = [health for health in self._health.values() if health.dirty]
        if dirty:
            await self.read(lambda: healths.write(dirty))
        now = now_ms()
        for id_ in self._sessions:
            health = self._health[id_]
            metrics.PROFILE_FAILURES.labels(health.name).set(health.failures)
            if health.last_success_ms:
                metrics.PROFILE_LAG.labels(health.name).set((now - health.last_success_ms) / 1000)

    def _clean_spool(self) -> None:
        """What a dead receiver of this machine left; files of living ones are younger than an hour."""
        self._spool.mkdir(parents=True, exist_ok=True)
        for path in self._spool.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > 3600:
                    path.unlink()
