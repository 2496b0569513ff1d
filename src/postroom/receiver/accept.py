"""The one bridge from async to the store: make a batch durable, then let the server be told.

Waiting batches of all profiles are committed together by one thread: raw contents, ledger entries, events and the
server request in one transaction. When `accept` returns, the octets are on the disk; only then is anything
acknowledged on a mail server. A batch whose lease was lost meanwhile is refused; one that fails, fails alone.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DatabaseError, close_old_connections, connection

from postroom.broker.contract import Broker, Component
from postroom.conf.errors import Transient
from postroom.drivers.contract import Outcome, Retrieved
from postroom.store import content, instances, ledger
from postroom.store.database import transaction

log = structlog.get_logger()
MOST_TOGETHER = 64


class LeaseLost(Transient):
    """Another receiver watches the profile now: this one lets it go, and has changed nothing."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Any], Any]
    prepare: Callable[[], Any] | None
    done: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    request: Component | None = None
    result: Any = None
    error: BaseException | None = None


class Acceptor:
    """Group commit for one receiver. `holder` is this instance's name; see `accept` and `settle`."""

    def __init__(self, broker: Broker, holder: Callable[[], str]) -> None:
        self._broker = broker
        self._holder = holder
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="accept", daemon=True)
        self._thread.start()

    async def accept(
        self, target: ledger.Target, messages: Sequence[Retrieved], action: Callable[[Retrieved], str]
    ) -> list[ledger.Arrival]:
        """Commit a batch. `action` says what the server is to be told about a message.

        Returns the arrivals that are new to the ledger. Raises `LeaseLost`, or `Transient` if the store is in trouble;
        nothing of the batch is in the store then, and nothing may be acknowledged.
        """
        arrivals = [_arrival(message, action(message)) for message in messages]

        def prepare() -> None:
            for message, arrival in zip(messages, arrivals, strict=True):
                if message.spooled is not None:
                    arrival.packed = content.pack_file(message.spooled)
                elif message.octets is not None:
                    arrival.packed = content.pack(message.octets)

        def work(cursor: Any) -> list[ledger.Arrival]:
            if not instances.holds(cursor, self._holder(), target.profile):
                raise LeaseLost("Another receiver has taken the profile over.")
            content.insert(cursor, [arrival.packed for arrival in arrivals if arrival.packed])
            entered = ledger.enter(cursor, target, arrivals)
            self._broker.request(cursor, component)
            return entered

        component: Component = "realtime" if target.realtime else "processor"
        result: list[ledger.Arrival] = await self._submit(work, prepare, component)
        return result

    async def listed(
        self, target: ledger.Target, mailbox: str, epoch: int, ids: Sequence[str], excluded: Sequence[ledger.Arrival]
    ) -> None:
        """A complete listing was seen; `excluded` is what stood there before the profile began."""
        known = frozenset(ids)

        def work(cursor: Any) -> None:
            if not instances.holds(cursor, self._holder(), target.profile):
                raise LeaseLost("Another receiver has taken the profile over.")
            ledger.enter(cursor, target, excluded)
            ledger.listed(cursor, target.profile, mailbox, epoch, known)

        await self._submit(work)

    async def settle(self, profile: int, outcomes: Sequence[tuple[Outcome, bool]]) -> None:
        """Remember what the server said to acknowledgements: (outcome, whether it removed the message)."""
        rows = [
            (o.identity.mailbox, o.identity.epoch, o.identity.source_id, o.done, removed and o.done, o.reason)
            for o, removed in outcomes
        ]
        await self._submit(lambda cursor: ledger.acknowledged(cursor, profile, rows))

    def close(self) -> None:
        """Finish what waits, then end."""
        self._jobs.put(None)
        self._thread.join(30)

    async def _submit(
        self, work: Callable[[Any], Any], prepare: Callable[[], Any] | None = None, request: Component | None = None
    ) -> Any:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(work, prepare, done, loop, request))
        return await done

    def _run(self) -> None:
        ending = False
        while not ending:
            jobs: list[_Job] = []
            item = self._jobs.get()
            while True:
                if item is None:
                    ending = True
                else:
                    jobs.append(item)
                if ending or len(jobs) >= MOST_TOGETHER or self._jobs.empty():
                    break
                item = self._jobs.get()
            try:
                self._commit_all(jobs)
            except Exception as error:
                log.error("batches could not be committed", exc_info=error)
                for job in jobs:
                    self._answer(job, error=error)
        connection.close()

    def _commit_all(self, jobs: list[_Job]) -> None:
        ready = []
        for job in jobs:
            try:
                if job.prepare:
                    job.prepare()
                ready.append(job)
            except OSError as error:
                self._answer(job, error=Transient(f"A message can't be stored: {error.strerror}.", code="4.3.1"))
            except Exception as error:  # noqa: BLE001 - told to the session that asked
                self._answer(job, error=error)
        try:
            self._commit(ready)
        except Exception as error:  # noqa: BLE001 - each is tried alone, and its own error told to its session
            if not isinstance(error, LeaseLost):
                log.warning("a common commit failed; each batch is tried alone", error=str(error)[:300])
            close_old_connections()
            for job in ready:
                try:
                    self._commit([job])
                except DatabaseError as alone:
                    sentence = f"The database refused a batch: {str(alone).splitlines()[0][:200]}."
                    self._answer(job, error=Transient(sentence, code="4.3.0"))
                except Exception as alone:  # noqa: BLE001 - told to the session that asked
                    self._answer(job, error=alone)

    def _commit(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        with transaction("accept") as cursor:
            for job in jobs:
                job.result = job.work(cursor)
        for component in {job.request for job in jobs if job.request}:
            self._broker.committed(component)
        for job in jobs:
            self._answer(job, result=job.result)

    @staticmethod
    def _answer(job: _Job, *, result: Any = None, error: BaseException | None = None) -> None:
        def tell() -> None:
            if job.done.done():
                return
            if error is not None:
                job.done.set_exception(error)
            else:
                job.done.set_result(result)

        job.loop.call_soon_threadsafe(tell)


def _arrival(message: Retrieved, action: str) -> ledger.Arrival:
    identity = message.identity
    return ledger.Arrival(
        identity.mailbox,
        identity.epoch,
        identity.source_id,
        message.size,
        None,
        excluded=message.excluded or "",
        vanished=message.vanished,
        received_ms=message.received_ms,
        action=action,
    )
