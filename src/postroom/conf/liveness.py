"""Whether the components of this process still move: each says so as it goes round, `/healthz` and `/readyz` ask."""

from __future__ import annotations

import time

STUCK_AFTER_SECONDS = 90.0
_beats: dict[str, float] = {}


def expect(component: str) -> None:
    """A component of this process is about to start."""
    _beats[component] = 0.0


def beat(component: str) -> None:
    """The component goes round."""
    _beats[component] = time.monotonic()


def states() -> dict[str, str]:
    """By component: starting, running or stuck."""
    now = time.monotonic()
    return {
        component: "starting" if at == 0 else "running" if now - at < STUCK_AFTER_SECONDS else "stuck"
        for component, at in _beats.items()
    }
