"""The embedded engine: a thin layer over the event and outbound rows, for one machine.

There is no second queue: a queued row is its own request, and here is only the wake-up: an event within the process,
and a notice of the database between processes where it has them. A lost wake-up costs at most `POLL_SECONDS`.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog
from django.db import connection

from postroom.broker.contract import COMPONENTS, Component
from postroom.broker.recovery import recover
from postroom.store.backends import backend

POLL_SECONDS = 1.0
log = structlog.get_logger()


class EmbeddedBroker:
    """Wake-ups within the process, and notices between processes."""

    name = "embedded"

    def __init__(self) -> None:
        self._wake: dict[Component, threading.Event] = {component: threading.Event() for component in COMPONENTS}
        self._closed = threading.Event()
        self._listener: threading.Thread | None = None

    def listen(self) -> None:
        """Hear notices of other processes, until `close`."""
        if backend().skip_locked and self._listener is None:
            self._listener = threading.Thread(target=self._listen, name="broker-notices", daemon=True)
            self._listener.start()

    def request(self, cursor: Any, component: Component) -> None:
        backend().notify(cursor, component)

    def committed(self, component: Component) -> None:
        self._wake[component].set()

    def wait(self, component: Component, seconds: float) -> bool:
        event = self._wake[component]
        heard = event.wait(min(seconds, POLL_SECONDS))
        event.clear()
        return heard

    def recover(self) -> dict[str, int]:
        found = recover()
        for component in COMPONENTS:
            if found.get(component):
                self.committed(component)
        return found

    def close(self) -> None:
        self._closed.set()
        for event in self._wake.values():
            event.set()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                for channel in backend().notices(5.0):
                    for component in COMPONENTS:
                        if channel == component:
                            self.committed(component)
                    if self._closed.is_set():
                        return
            except Exception as error:  # noqa: BLE001 - psycopg's own errors pass Django by; polling goes on
                log.warning("notices of the database are not heard; polling goes on", error=type(error).__name__)
                connection.close()
                self._closed.wait(POLL_SECONDS)
