"""The server request broker: carries the hint that there is work to whoever does it.

A *server request* says: "component, there is something to do". It is a hint; the rows of events and outbound messages
are the truth, and claiming them (`store/events.claim`, `store/outbound.claim`) is what makes work happen once. So an
engine may lose, repeat or delay requests: `recover`, called every few seconds, finds what has no live request.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

Component = Literal["realtime", "processor", "outbound"]
COMPONENTS: tuple[Component, ...] = ("realtime", "processor", "outbound")


class Broker(Protocol):
    """An engine. Thread-safe."""

    name: str

    def request(self, cursor: Any, component: Component) -> None:
        """Ask for work, on the caller's transaction: heard after its commit, never if it is undone."""

    def committed(self, component: Component) -> None:
        """The caller's transaction is committed: wake who waits in this process."""

    def wait(self, component: Component, seconds: float) -> bool:
        """Wait for a request, at most so long. True if there is one."""

    def recover(self) -> dict[str, int]:
        """Find what has no live request, and request it: counts by kind."""

    def close(self) -> None:
        """Wake everybody who waits."""
