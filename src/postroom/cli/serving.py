"""Run components in this process: wire them, watch over them, end them in order.

`roles` are receiver, processor, outbound and web. A receiver also processes the events of real-time response groups.
The process says that it lives every few seconds and scans for lost work; declared dead by others (it was asleep), it
goes on under a new name, and everything it held is somebody else's by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Collection

import structlog
import uvloop
from django.db import close_old_connections, connection

from postroom.broker.contract import Component
from postroom.broker.embedded import EmbeddedBroker
from postroom.conf import liveness
from postroom.outbound.manager import OutboundManager
from postroom.processor.process import Processor
from postroom.receiver.supervisor import Receiver
from postroom.store import instances
from postroom.store.publishing import configuration
from postroom.web import server

ROLES = ("receiver", "processor", "outbound", "web")
RECOVER_SECONDS = 5.0
log = structlog.get_logger()


class Serving:
    """The components of one process. `run` blocks until a signal, or until `stop` is called from any thread."""

    def __init__(self, roles: Collection[str]) -> None:
        self.roles = frozenset(roles)
        self.name = instances.new_name()
        self._broker = EmbeddedBroker()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.receiver: Receiver | None = None

    def run(self, started: Callable[[], None] | None = None) -> None:
        """Run until stopped."""
        instances.register(self.name, self.roles)
        self._broker.recover()
        self._broker.listen()
        components: list[tuple[str, Callable[[threading.Event], None]]] = [("keeper", self._keep)]
        wanted: list[Component] = []
        if "receiver" in self.roles:
            wanted.append("realtime")
        if "processor" in self.roles:
            wanted.append("processor")
        components += [(c, Processor(self._broker, self._holder, c).run) for c in wanted]
        if "outbound" in self.roles:
            components.append(("outbound", OutboundManager(self._broker, self._holder).run))
        for name, work in components:
            if name != "keeper":
                liveness.expect(name)
            thread = threading.Thread(target=work, args=(self._stopping,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        log.info("Postroom runs", roles=",".join(sorted(self.roles)), instance=self.name)
        try:
            uvloop.run(self._main(started))
        finally:
            self._stopping.set()
            self._broker.close()
            for thread in self._threads:
                thread.join(30)
            instances.leave(self.name)
            connection.close()
            log.info("Postroom has ended")

    def stop(self) -> None:
        """End in order; from any thread."""
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)

    def _holder(self) -> str:
        return self.name

    async def _main(self, started: Callable[[], None] | None) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(number, self._stop.set)
        tasks = []
        if "receiver" in self.roles:
            liveness.expect("receiver")
            self.receiver = Receiver(self._broker, self._holder)
            tasks.append(asyncio.create_task(self.receiver.run(), name="receiver"))
        if "web" in self.roles:
            liveness.expect("web")
            tasks.append(asyncio.create_task(server.serve(), name="web"))
        if started:
            started()
        stopped = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, *tasks):
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)
        for task in done - {stopped}:
            task.result()  # a component that ended by itself has failed: say why

    def _keep(self, stopping: threading.Event) -> None:
        """Say that this process lives; scan for lost work."""
        beats = 0
        while not stopping.wait(instances.BEAT_SECONDS):
            beats += 1
            try:
                close_old_connections()
                if not instances.beat(self.name, configuration.current_number()):
                    log.warning("this process was taken for dead; it goes on under a new name", was=self.name)
                    self.name = instances.new_name()
                    instances.register(self.name, self.roles)
                if beats * instances.BEAT_SECONDS >= RECOVER_SECONDS:
                    beats = 0
                    if found := {k: v for k, v in self._broker.recover().items() if v and " " in k}:
                        log.info("the recovery scan found work", **{k.replace(" ", "_"): v for k, v in found.items()})
            except Exception as error:  # noqa: BLE001 - a store in trouble: the next beat tries again
                log.error("this process can't say that it lives", error=str(error)[:300])
                with contextlib.suppress(Exception):
                    connection.close()
        connection.close()
