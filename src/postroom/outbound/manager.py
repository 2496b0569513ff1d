"""The outbound manager: sees what is owed, and gives each profile's messages to its senders.

It keeps sessions open between messages, holds MaxSessions and MaxMessagesPerMinute, puts a profile's messages off as
a whole while its submission server can't be used, sends messages of unknown outcome again where the profile says so,
and turns notices into failure mail to the administrator. Rows come first: nothing leaves that is not *submitting* in
the store.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import close_old_connections, connection

from postroom.broker.contract import Broker
from postroom.conf import liveness, registry
from postroom.conf.errors import AuthenticationFailed, PostroomError
from postroom.conf.sealing import signing_key
from postroom.conf.settings import settings
from postroom.drivers.contract import Surroundings
from postroom.outbound import administrator
from postroom.outbound.sender import KEEP_OPEN_SECONDS, Sender, pause
from postroom.store import notices, outbound
from postroom.store.database import now_ms
from postroom.store.publishing import configuration
from postroom.store.publishing.configuration import Configuration, ProfileConfiguration

MOST_THREADS = 32
CHORES_SECONDS = 3.0
log = structlog.get_logger()


class _Lane:
    """One profile's sessions, rate and rest after trouble."""

    def __init__(self, profile: ProfileConfiguration) -> None:
        self.profile = profile
        self.idle: list[Sender] = []
        self.busy = 0
        self.failures = 0
        self.rest_until = 0.0
        self.told = False
        self.ending = False  # the profile was changed: another lane follows when its senders are through
        self.troubled = False  # the store failed a sender: what it left is put right when all are through
        self._sent: deque[float] = deque()
        self.lock = threading.Lock()

    def reserve(self, wanted: int) -> int:
        """How many of `wanted` messages may be sent now; they count as sent until they are given back."""
        most = self.profile.values.number("MaxMessagesPerMinute")
        if not most:
            return wanted
        with self.lock:
            now = time.monotonic()
            while self._sent and now - self._sent[0] > 60:
                self._sent.popleft()
            allowed = max(0, min(wanted, most - len(self._sent)))
            self._sent.extend([now] * allowed)
            return allowed

    def give_back(self, unused: int) -> None:
        """So many of the reserved messages were not there to be sent."""
        with self.lock:
            for _ in range(min(unused, len(self._sent))):
                self._sent.pop()

    def close_idle(self, unused_for: float = 0.0) -> None:
        """End the sessions that nobody has used for so many seconds."""
        before = time.monotonic() - unused_for
        with self.lock:
            old = [sender for sender in self.idle if sender.used <= before]
            self.idle = [sender for sender in self.idle if sender.used > before]
        for sender in old:
            sender.close()


class OutboundManager:
    """See the module. `run` in a thread of its own."""

    def __init__(self, broker: Broker, holder: Callable[[], str]) -> None:
        self._broker = broker
        self._holder = holder
        self._lanes: dict[int, _Lane] = {}
        self._pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="sender")
        self._stopping = threading.Event()

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set; what is being sent is finished."""
        self._stopping = stopping
        chores = 0.0
        while not stopping.is_set():
            liveness.beat("outbound")
            try:
                conf = configuration.current()
                if time.monotonic() - chores >= CHORES_SECONDS:
                    chores = time.monotonic()
                    self._chores(conf)
                if not self._dispatch(conf):
                    self._broker.wait("outbound", 1.0)
            except Exception as error:
                log.error("the outbound manager is in trouble; it tries again", exc_info=error)
                connection.close()
                stopping.wait(2.0)
        self._pool.shutdown(wait=True)
        for lane in self._lanes.values():
            with contextlib.suppress(Exception):  # what can't be written down is unknown, once we are gone
                self._mend(lane)
            lane.close_idle()
        connection.close()

    def _dispatch(self, conf: Configuration) -> bool:
        """Start a sender where something is due and a session is free. True if one was started."""
        profiles = {profile.id: profile for profile in conf.profiles.values()}
        started = False
        for id_ in outbound.due_profiles():
            profile = profiles.get(id_)
            if profile is None or profile.name in conf.problems:
                continue
            lane = self._lane(profile)
            if lane is None:
                continue
            with lane.lock:
                rested = time.monotonic() >= lane.rest_until and not lane.troubled
                free = rested and lane.busy < profile.values.number("MaxSessions")
                lane.busy += free
            if free:
                started = True
                self._pool.submit(self._work, lane)
        # A short rest, so that senders that have just been started can claim before the next look.
        if started:
            time.sleep(0.01)
        return started

    def _lane(self, profile: ProfileConfiguration) -> _Lane | None:
        """The lane of a profile as it is configured; None while senders of an earlier configuration end."""
        lane = self._lanes.get(profile.id)
        if lane is not None and lane.profile.digest != profile.digest:
            lane.ending = True
            if lane.busy or lane.troubled:
                return None
            lane.close_idle()
            lane = None
        if lane is None:
            lane = self._lanes[profile.id] = _Lane(profile)
        return lane

    def _work(self, lane: _Lane) -> None:
        sender: Sender | None = None
        made = 0
        try:
            close_old_connections()
            with lane.lock:
                sender = lane.idle.pop() if lane.idle else None
            sender = sender or self._sender(lane)
            try:
                sender.open()
            except Exception as error:  # noqa: BLE001 - whatever the driver raises, the profile's messages wait
                self._put_off(lane, error)
                return
            lane.failures, lane.told = 0, False
            made = sender.send_due(lambda: self._stopping.is_set() or lane.ending or lane.troubled)
            if made == 0 and lane.profile.values.number("MaxMessagesPerMinute"):
                lane.rest_until = time.monotonic() + 1.0
        except Exception as error:
            log.error("a sender is in trouble", profile=lane.profile.name, exc_info=error)
            connection.close()
            lane.troubled = True
            lane.rest_until = time.monotonic() + 2.0
        finally:
            with lane.lock:
                lane.busy -= 1
                if sender is not None:
                    lane.idle.append(sender)
            if made:  # a used-up session ends before the work does: look again at once
                self._broker.committed("outbound")

    def _sender(self, lane: _Lane) -> Sender:
        profile = lane.profile
        bound = log.bind(profile=profile.name)
        debug = (lambda line: bound.info(line)) if profile.values.flag("LogDebug") else None
        surroundings = Surroundings(profile.name, settings().data_dir / "spool", debug)
        driver = registry.drivers()[profile.kind]
        return Sender(profile, driver, surroundings, self._holder, signing_key(), lane)

    def _put_off(self, lane: _Lane, error: Exception) -> None:
        known = isinstance(error, PostroomError)
        reason = str(error) if known else f"An unexpected error: {type(error).__name__}."
        if not known:
            log.error("unexpected error in opening a session", profile=lane.profile.name, exc_info=error)
        refused = isinstance(error, AuthenticationFailed)
        lane.failures += 1
        seconds = max(pause(lane.failures), 900.0 if refused else 0.0) if lane.failures > 1 or refused else 5.0
        lane.rest_until = time.monotonic() + seconds
        hours = lane.profile.values.number("RetryFor")
        now = now_ms()
        code = error.code if isinstance(error, PostroomError) else "4.0.0"
        outbound.defer(lane.profile.id, code, reason, now + int(seconds * 1000), now - hours * 3_600_000)
        log.warning(
            "nothing can be submitted", profile=lane.profile.name, reason=reason, again_in_seconds=round(seconds)
        )
        if not lane.told and (refused or lane.failures >= 3):
            lane.told = True
            group = configuration.current().groups.get(lane.profile.group or "")
            if group is not None:
                notices.add(group.id, "outbound", lane.profile.name, reason)

    def _chores(self, conf: Configuration) -> None:
        resend = [
            p.id for p in conf.profiles.values() if p.name not in conf.problems and p.values.flag("ResendUnknown")
        ]
        if count := outbound.resend_unknown(resend):
            log.info("messages of unknown outcome go again, with the same Message-ID", messages=count)
        administrator.tell(conf)
        for lane in self._lanes.values():
            self._mend(lane)
            lane.close_idle(KEEP_OPEN_SECONDS)

    def _mend(self, lane: _Lane) -> None:
        """After trouble with the store: write down what its senders know; what nobody knows of is unknown."""
        with lane.lock:
            if lane.busy or not lane.troubled:
                return
        for sender in lane.idle:
            sender.commit()
        count = outbound.give_back(self._holder(), lane.profile.id)
        lane.troubled = False
        log.info("what the store's trouble left is put right", profile=lane.profile.name, unknown=count)
