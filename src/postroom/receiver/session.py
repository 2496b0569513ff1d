"""One profile is watched: open, wait, retrieve, accept, acknowledge; on failure, again after a pause.

The order is the promise: a batch is committed before any of it is acknowledged on the server, and what the server
confirmed is remembered after. Whatever fails, only this profile waits. A wrong password is tried rarely. Every wait
is bounded by the driver's timeouts, or by PollingInterval.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import structlog
from django.db import Error as DatabaseError

from postroom.conf import metrics
from postroom.conf.errors import AuthenticationFailed, PostroomError
from postroom.drivers.contract import (
    Acknowledgement,
    Action,
    Batch,
    Comparison,
    Driver,
    Identity,
    Listing,
    Retrieved,
    Source,
    Surroundings,
)
from postroom.drivers.parameters import processed_action, start_from_ms
from postroom.receiver.accept import Acceptor, LeaseLost
from postroom.receiver.health import Health
from postroom.receiver.pending import Pending
from postroom.store import ledger
from postroom.store.publishing.configuration import GroupConfiguration, ProfileConfiguration

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
REFUSED_PAUSE, LONGEST_REFUSED_PAUSE = 60.0, 3600.0


class Session:
    """The task of one profile. `run` ends only by cancelling or when the lease is lost."""

    def __init__(
        self,
        profile: ProfileConfiguration,
        group: GroupConfiguration,
        driver: Driver,
        acceptor: Acceptor,
        health: Health,
        *,
        holder: str,
        spool: Path,
        admit: Callable[[], Awaitable[None]],
        read: Callable[[Callable[[], Any]], Awaitable[Any]],
        failing: Callable[[Health], Awaitable[None]],
    ) -> None:
        self.profile = profile
        self.driver = driver
        self.acceptor = acceptor
        self.health = health
        self._admit = admit
        self._read = read
        self._failing = failing
        self._pending = Pending(profile.values.number("PollingInterval"))
        self._said_removed: set[str] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self.target = ledger.Target(profile.id, group.id, group.real_time, holder)
        self.log = structlog.get_logger().bind(profile=profile.name)
        debug = self.log.info if profile.values.flag("LogDebug") else None
        self.surroundings = Surroundings(profile.name, spool, (lambda line: debug(line)) if debug else None)
        values = profile.values
        self._action, self._target_mailbox = processed_action(values)

    async def run(self) -> None:
        """Watch, for ever."""
        while True:
            source: Source | None = None
            try:
                await self._admit()
                source = await self.driver.open_source(self.profile.values, self.surroundings)
                await self._watch(source)
            except LeaseLost:
                self.log.info("another receiver has taken the profile over")
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a driver raises, only this profile waits
                pause = self._pause(error)
                await self._failing(self.health)
            finally:
                if source is not None:
                    await asyncio.shield(_close(source))
            await asyncio.sleep(pause)

    async def _watch(self, source: Source) -> None:
        while True:
            started = time.perf_counter()
            await self._round(source)
            if self.health.succeeded():
                self.log.info("the profile is watched again")
            metrics.ROUND_SECONDS.observe(time.perf_counter() - started)
            await source.wait(self.profile.values.number("PollingInterval"))

    async def _round(self, source: Source) -> None:
        try:
            async with contextlib.aclosing(source.fetch_new(self._compare)) as batches:
                async for batch in batches:
                    await self._acknowledge(source, await self._accept(batch))
        finally:
            await asyncio.gather(*self._settling)

    async def _accept(self, batch: Batch) -> list[ledger.Arrival]:
        try:
            if not batch.messages:
                return []
            entered = await self.acceptor.accept(self.target, batch.messages, self._action_for)
            self._count(entered)
            return entered
        finally:
            for message in batch.messages:
                if message.spooled is not None:
                    message.spooled.unlink(missing_ok=True)

    async def _acknowledge(self, source: Source, entered: list[ledger.Arrival]) -> None:
        items = [
            Acknowledgement(Identity(a.mailbox, a.epoch, a.source_id), self._action, self._target_mailbox)
            for a in entered
            if a.action != "leave"
        ]
        items += self._pending.take()
        if not items:
            return
        self._pending.contradicts(self._seen_again(entered))
        outcomes = await source.acknowledge(items)
        if self._pending.answered(items, outcomes):
            refused = [outcome.reason for outcome in outcomes if not outcome.done]
            reason = refused[0] if refused else "It lists what it said that it removed."
            self.log.warning("the server did not take an acknowledgement", reason=reason, messages=len(refused))
        removing = {item.identity for item in items if item.action in ("delete", "move")}
        # Not awaited here: it is committed together with the next batch.
        settled = [(outcome, outcome.identity in removing) for outcome in outcomes]
        task = asyncio.create_task(self.acceptor.settle(self.profile.id, settled))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def _seen_again(self, entered: list[ledger.Arrival]) -> list[Identity]:
        """Messages that the server said it had removed, and gave us once more under the same UIDL."""
        return [
            Identity(a.mailbox, a.epoch, a.source_id)
            for a in entered
            if a.disposition == "duplicate" and not a.epoch and a.source_id in self._said_removed
        ]

    async def _compare(self, listing: Listing) -> Comparison:
        profile, mailbox = self.profile.id, listing.mailbox
        start_from = self.profile.values.text("StartFrom") or "now"

        def look() -> tuple[ledger.Watch, dict[str, ledger.Known]]:
            return (
                ledger.watch(profile, mailbox, listing.epoch),
                ledger.known(profile, mailbox, listing.epoch, list(listing.source_ids)),
            )

        watch, known = await self._read(look)
        # RFC 1939 lets a server give a removed message's UIDL to another. What we asked it to remove, and is listed, is
        # looked at once more and not just deleted: it may have removed it, and the answer was lost.
        reusable = {
            k.source_id
            for k in known.values()
            if not listing.epoch and k.action == "delete" and (k.removed or not k.acknowledged)
        }
        looked_at = reusable if self._pending.due else set()
        self._said_removed = {k.source_id for k in known.values() if k.removed}
        new = [source_id for source_id in listing.source_ids if source_id not in known or source_id in looked_at]
        excluded: list[ledger.Arrival] = []
        if watch.first and start_from == "now":
            reason = "it was there before the profile began (StartFrom is now)"
            excluded = [ledger.Arrival(mailbox, listing.epoch, s, 0, None, excluded=reason) for s in new]
            new = []
        if listing.complete:
            self.target.listed[mailbox] = set(listing.source_ids)
            await self.acceptor.listed(self.target, mailbox, listing.epoch, listing.source_ids, excluded)
        else:
            self.target.listed.setdefault(mailbox, set()).update(listing.source_ids)
        self._pending.listed(
            mailbox,
            [
                self._asked(mailbox, listing.epoch, k)
                for k in known.values()
                if not k.acknowledged and k.source_id not in reusable
            ],
            # Only a deletion is asked twice: a second move by COPY would copy again.
            [
                self._asked(mailbox, listing.epoch, k)
                for k in known.values()
                if k.removed and k.action == "delete" and k.source_id not in reusable
            ],
            complete=listing.complete,
        )
        not_before = None
        if start_from not in ("now", "all"):
            not_before = start_from_ms(self.profile.values, watch.started_ms)
        elif start_from == "now" and watch.renumbered:
            not_before = watch.started_ms
        return Comparison(new, not_before)

    def _asked(self, mailbox: str, epoch: int, known: ledger.Known) -> Acknowledgement:
        action = cast(Action, known.action)  # as `_action_for` gave it to the ledger
        return Acknowledgement(Identity(mailbox, epoch, known.source_id), action, self._target_mailbox)

    def _action_for(self, message: Retrieved) -> Action:
        return "leave" if message.excluded or message.vanished else self._action

    def _count(self, entered: list[ledger.Arrival]) -> None:
        for arrival in entered:
            metrics.ACCEPTED.labels(arrival.disposition).inc()
            if arrival.disposition != "event":
                self.log.info("a message made no event", disposition=arrival.disposition, reason=arrival.excluded)

    def _pause(self, error: Exception) -> float:
        if isinstance(error, AuthenticationFailed):
            state, first, longest = "refused", REFUSED_PAUSE, LONGEST_REFUSED_PAUSE
        else:
            state, first, longest = "failing", FIRST_PAUSE, LONGEST_PAUSE
        jitter = random.uniform(0.75, 1.25)  # noqa: S311
        pause: float = min(longest, first * 2.0 ** min(self.health.failures, 12)) * jitter
        known = isinstance(error, PostroomError | DatabaseError)
        reason = str(error) if known else f"An unexpected error: {type(error).__name__}."
        if isinstance(error, DatabaseError):
            reason = f"The database can't be asked: {(str(error).splitlines() or [''])[0][:200]}."
        if reason != self.health.reason:
            self.log.warning("the profile can't be watched", reason=reason, again_in_seconds=round(pause))
        if not known:
            self.log.error("unexpected error", exc_info=error)
        self.health.failed(state, reason, pause)
        metrics.ROUND_FAILURES.labels(state).inc()
        return pause


async def _close(source: Source) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(5):
            await source.close()
