"""Submit what a profile owes, over one kept-open session.

The session is opened first, then messages are claimed (*submitting* is committed), sent one by one, and their results
committed every few messages: so a death leaves few messages unknown, and a commit isn't paid for each. One sender is
one thread; a profile has at most MaxSessions of them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from postroom.conf import metrics
from postroom.conf.errors import Permanent, PostroomError, UnknownOutcome
from postroom.drivers.contract import Driver, Submitted, Submitter, Surroundings
from postroom.outbound import compose
from postroom.store import outbound
from postroom.store.database import now_ms
from postroom.store.outbound import Claimed, Result
from postroom.store.publishing.configuration import ProfileConfiguration

MOST_CLAIMED = 20
COMMIT_SECONDS = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
KEEP_OPEN_SECONDS = 30.0


class Rate(Protocol):
    """How many messages may be sent now."""

    def reserve(self, wanted: int) -> int:
        """How many of `wanted` may be; they count as sent until they are given back."""

    def give_back(self, unused: int) -> None:
        """So many of the reserved ones were not sent."""


class Sender:
    """One session of a profile. `rate` is the profile's MaxMessagesPerMinute."""

    def __init__(
        self,
        profile: ProfileConfiguration,
        driver: Driver,
        surroundings: Surroundings,
        holder: Callable[[], str],
        signing_key: bytes,
        rate: Rate,
    ) -> None:
        self.profile = profile
        self._driver = driver
        self._surroundings = surroundings
        self._holder = holder
        self._key = signing_key
        self._rate = rate
        self._session: Submitter | None = None
        self._claim = 2
        self._sent = 0
        self._ended: list[tuple[str, list[Result]]] = []  # by holder: not written down yet
        self.used = time.monotonic()
        self._log = structlog.get_logger().bind(profile=profile.name)

    def open(self) -> None:
        """Have a usable session.

        Raises what the driver raises: nothing is claimed then.
        """
        limit = self.profile.values.number("MaxMessagesPerSession")
        if self._session and (self._sent >= limit or not self._session.usable):
            self.close()
        if self._session is None:
            self._session = self._driver.open_submitter(self.profile.values, self._surroundings)
            self._sent = 0

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def send_due(self, stopping: Callable[[], bool]) -> int:
        """Submit until nothing is due, the session is used up or it breaks. Returns how many attempts were made."""
        attempts = 0
        limit = self.profile.values.number("MaxMessagesPerSession")
        while not stopping() and self._session is not None and self._session.usable and self._sent < limit:
            allowed = self._rate.reserve(min(self._claim, limit - self._sent))
            holder = self._holder()
            claimed = outbound.claim(holder, self.profile.id, allowed) if allowed else []
            self._rate.give_back(allowed - len(claimed))
            if not claimed:
                break
            attempts += len(claimed)
            began = time.monotonic()
            self._submit(holder, claimed)
            self.used = time.monotonic()
            # What is claimed is unknown after a death. So of a slow server's messages few are claimed together, and of
            # a quick one's as many as pay for a commit.
            quick = self.used - began < COMMIT_SECONDS / 2
            self._claim = min(MOST_CLAIMED, self._claim * 2) if quick else max(1, self._claim // 2)
        return attempts

    def commit(self) -> None:
        """Write down how attempts ended.

        Raises what the store raises; what could not be written is kept, and written at the next call.
        """
        while self._ended:
            outbound.finish(*self._ended[0])
            del self._ended[0]

    def _submit(self, holder: str, claimed: Sequence[Claimed]) -> None:
        results: list[Result] = []
        self._ended.append((holder, results))
        committed = time.monotonic()
        for number, message in enumerate(claimed):
            if self._session is None or not self._session.usable:
                results.append(_not_tried(message))
                continue
            result = self._one(self._session, message)
            metrics.SUBMITTED.labels(result.state).inc()
            results.append(result)
            self._sent += 1
            if time.monotonic() - committed > COMMIT_SECONDS:
                try:
                    self.commit()
                except Exception:
                    results += map(_not_tried, claimed[number + 1 :])
                    raise
                results, committed = [], time.monotonic()
                self._ended.append((holder, results))
        self.commit()

    def _one(self, session: Submitter, message: Claimed) -> Result:
        server = self.profile.values.text("SMTPServer")
        try:
            octets = compose.octets(message, self.profile, self._key)
            taken = session.submit(compose.envelope(message), octets)
        except UnknownOutcome as error:
            self._log.warning("it is unknown whether a message was taken", outbound=message.id, reason=str(error))
            return Result(message.id, "unknown", server, 0, error.code, str(error))
        except Permanent as error:
            self._log.warning("a message was refused", outbound=message.id, reason=str(error))
            return Result(message.id, "failed", server, _reply(error), error.code, str(error))
        except Exception as error:  # noqa: BLE001 - anything else is transient until RetryFor has passed
            if not isinstance(error, PostroomError):
                self._log.error("unexpected error in submitting", outbound=message.id, exc_info=error)
            return self._put_off(message, server, error)
        return self._taken(message, taken)

    def _taken(self, message: Claimed, taken: Submitted) -> Result:
        refused = tuple((r.recipient, r.reply, r.code, r.text) for r in taken.refused)
        again = tuple(r.recipient for r in taken.refused if not r.permanent)
        if again:
            return Result(
                message.id, "paused", taken.server, taken.reply, "4.0.0", "put off for some recipients",
                self._again_ms(message), again, refused,
            )  # fmt: skip
        return Result(message.id, "submitted", taken.server, taken.reply, "2.0.0", taken.text, refused=refused)

    def _put_off(self, message: Claimed, server: str, error: Exception) -> Result:
        code = error.code if isinstance(error, PostroomError) else "4.0.0"
        text = str(error) if isinstance(error, PostroomError) else f"An unexpected error: {type(error).__name__}."
        hours = self.profile.values.number("RetryFor")
        if now_ms() - message.since_ms >= hours * 3_600_000:
            return Result(message.id, "failed", server, _reply(error), code, f"Given up after {hours} hours. {text}")
        return Result(message.id, "paused", server, _reply(error), code, text, self._again_ms(message))

    def _again_ms(self, message: Claimed) -> int:
        return now_ms() + int(pause(message.attempts) * 1000)


def _not_tried(message: Claimed) -> Result:
    return Result(message.id, "queued", "", 0, "", "")


def pause(attempts: int) -> float:
    """Seconds until the next attempt, with jitter."""
    jitter = random.uniform(0.75, 1.25)  # noqa: S311
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 12)) * jitter)


def _reply(error: Any) -> int:
    """The SMTP reply code of an error, 0 where there is none."""
    reply = getattr(error, "reply", 0)
    return reply if isinstance(reply, int) else 0
