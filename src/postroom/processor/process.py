"""The inbound processor: claims queued events in batches, parses them, runs the workflow, and has `apply` do it.

Real-time events are claimed by the receiver's own process, the others by any inbound processor. A batch is parsed and
decided in memory and committed once. What goes wrong with one event (a parser's or step's defect, a database refusing
a row) pauses that event alone; it comes back by itself until its attempts run out, then *failed* waits for a person
and the response group's administrator is told. Nothing here is ever dropped.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.db import connection

from postroom.broker.contract import Broker, Component
from postroom.conf import liveness, metrics
from postroom.conf.errors import Permanent, PostroomError
from postroom.conf.parameters import Values, resolve
from postroom.conf.sealing import signing_key
from postroom.conf.settings import settings
from postroom.mail import parse
from postroom.mail.message import Message
from postroom.processor.apply import Outcome, Trouble, apply
from postroom.processor.lookup import BatchLookup
from postroom.store import content, events, notices
from postroom.store.database import now_ms, transaction
from postroom.store.publishing import configuration
from postroom.store.publishing.configuration import Configuration, ProfileConfiguration
from postroom.workflow import definition, engine
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.contract import Context, Facts
from postroom.workflow.ready_made import ready_made

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
TRIED_FIRST = 8  # at each eighth claim, events that were tried before go first
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Group:
    """A response group ready to process: its arguments resolved, its workflow compiled."""

    id: int
    name: str
    arguments: Values
    workflow: definition.Workflow


class Processor:
    """One processing thread. `component` is "realtime" in a receiver's process, else "processor"."""

    def __init__(self, broker: Broker, holder: Callable[[], str], component: Component) -> None:
        self._broker = broker
        self._holder = holder
        self._component = component
        self._claims = 0
        self._lost_hold = False
        self._groups: tuple[int, dict[int, _Group | Permanent]] = (-1, {})

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set."""
        while not stopping.is_set():
            liveness.beat(self._component)
            try:
                if not self.work():
                    self._broker.wait(self._component, 1.0)
            except Exception as error:
                log.error("the processor is in trouble; it tries again", error=str(error)[:300], exc_info=error)
                self._lost_hold = True
                connection.close()
                stopping.wait(2.0)
        connection.close()

    def work(self) -> int:
        """Process one batch. Returns how many events were claimed."""
        conf = configuration.current()
        holder = self._holder()
        if self._lost_hold:
            events.give_back(holder, realtime=self._component == "realtime")
            self._lost_hold = False
        self._claims += 1
        wish = events.Wish(
            realtime=self._component == "realtime",
            messages=settings().batch_messages,
            octets=settings().batch_octets,
            limits={group.id: group.concurrency for group in conf.groups.values() if group.concurrency},
            again=self._claims % TRIED_FIRST == 0,
        )
        claimed = events.claim(holder, wish)
        if claimed:
            started = time.perf_counter()
            self._process(conf, holder, claimed)
            metrics.PROCESS_SECONDS.observe(time.perf_counter() - started)
        return len(claimed)

    def _process(self, conf: Configuration, holder: str, claimed: Sequence[events.Claimed]) -> None:
        troubles: list[Trouble] = []
        parsed: list[tuple[events.Claimed, Message, bytes]] = []
        for event, octets in _contents(claimed, troubles):
            try:
                parsed.append((event, parse.parse(octets), octets))
            except Exception as error:  # noqa: BLE001 - a parser's defect stops this event only
                troubles.append(Trouble(event, error))
        key = signing_key()
        lookup = BatchLookup(conf, [message for _, message, _ in parsed], key)
        groups = self._compiled(conf)
        profiles = {profile.id: profile for profile in conf.profiles.values()}
        domains = frozenset(p.address.rpartition("@")[2].lower() for p in conf.profiles.values())
        if settings().message_id_domain:
            domains |= {settings().message_id_domain.lower()}
        outcomes: list[Outcome] = []
        for event, message, octets in parsed:
            profile, group = profiles.get(event.profile), groups.get(event.group)
            try:
                if group is None:
                    raise Permanent("The event's response group is not in the submitted configuration.")
                if isinstance(group, Permanent):
                    raise group
                run = engine.run(group.workflow, _context(event, message, octets, lookup, group, profile, domains, key))
                lookup.learn(event.id, event.group, message, run)
                outcomes.append(Outcome(event, profile, message, run, parse.VERSION, conf.number))
            except Exception as error:  # noqa: BLE001 - a step's defect stops this event only
                troubles.append(Trouble(event, error))
        done, refused = apply(holder, outcomes, self._broker, key)
        now = now_ms()
        metrics.PROCESSED.labels("processed").inc(len(done))
        for outcome in done:
            metrics.EVENT_SECONDS.observe((now - outcome.event.accepted_ms) / 1000)
        for trouble in [*troubles, *refused]:
            self._trouble(holder, trouble, groups)

    def _compiled(self, conf: Configuration) -> dict[int, _Group | Permanent]:
        if self._groups[0] != conf.number:
            compiled: dict[int, _Group | Permanent] = {}
            for group in conf.groups.values():
                try:
                    arguments = resolve(ARGUMENTS, None, group.arguments)
                    workflow = _workflow(arguments.text("ProcessName"), conf)
                    compiled[group.id] = _Group(group.id, group.name, arguments, workflow)
                except Permanent as error:
                    compiled[group.id] = error
            self._groups = (conf.number, compiled)
        return self._groups[1]

    def _trouble(self, holder: str, trouble: Trouble, groups: dict[int, _Group | Permanent]) -> None:
        event, error = trouble.event, trouble.error
        known = isinstance(error, PostroomError)
        reason = (
            str(error) if known else f"{type(error).__name__}: {str(error).splitlines()[0][:300] if str(error) else ''}"
        )
        group = groups.get(event.group)
        most = group.arguments.number("MaxAttempts") if isinstance(group, _Group) else 20
        attempts = event.attempts + 1
        if attempts >= most:
            with transaction("event-failed") as cursor:
                events.failed(cursor, holder, event.id, reason)
                notices.note(cursor, event.group, "event", str(event.id), reason)
            log.error("an event failed and waits for a person", inbound_event=event.id, reason=reason)
            metrics.PROCESSED.labels("failed").inc()
        else:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1)) * random.uniform(0.75, 1.25)  # noqa: S311
            with transaction("event-paused") as cursor:
                events.paused(cursor, holder, event.id, reason, now_ms() + int(pause * 1000))
            log.warning("an event is paused", inbound_event=event.id, reason=reason, again_in_seconds=round(pause))
            metrics.PROCESSED.labels("paused").inc()
        if not known:
            log.error("unexpected error in an event", inbound_event=event.id, exc_info=error)


def _workflow(name: str, conf: Configuration) -> definition.Workflow:
    """A workflow of the configuration, else a ready-made one.

    Raises `Permanent` if there is none of this name, or it can't work.
    """
    if (own := conf.workflows.get(name)) is not None:
        return definition.load(own)
    if (found := ready_made(name)) is None:
        raise Permanent(f"There is no workflow {name!r}.", advice="Set the response group's ProcessName.")
    return found


def _contents(claimed: Sequence[events.Claimed], troubles: list[Trouble]) -> list[tuple[events.Claimed, bytes]]:
    try:
        octets = content.get_many([event.content for event in claimed])
        return [(event, octets[event.content]) for event in claimed]
    except Exception as error:  # noqa: BLE001 - one unreadable content must not hold up the others
        if len(claimed) == 1:
            troubles.append(Trouble(claimed[0], error))
            return []
        return [pair for event in claimed for pair in _contents([event], troubles)]


def _context(
    event: events.Claimed,
    message: Message,
    octets: bytes,
    lookup: BatchLookup,
    group: _Group,
    profile: ProfileConfiguration | None,
    domains: frozenset[str],
    key: bytes,
) -> Context:
    return Context(
        message=message,
        facts=Facts(),
        lookup=lookup.of(event.group, event.profile),
        arguments=group.arguments,
        profile=profile.name if profile else "",
        address=profile.address if profile else "",
        group=group.name,
        octets=lambda: octets,
        accepted_ms=event.accepted_ms,
        own_domains=domains,
        signing_key=key,
        released=event.released,
        process_own_mail=profile is not None and profile.values.get("ProcessIfLoopbackDetected") is True,
    )
