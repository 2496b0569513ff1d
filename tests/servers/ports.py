"""Free loopback ports, no port given twice on this machine while its user lives.

The kernel gives out ports above 32768 by itself to every outgoing connection, so one of those may be taken between
the test of it and the server's start. These come from below that range; a reservation is an abstract Unix socket
(Linux), which other test processes see and which ends with this process.
"""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable

_FIRST, _LAST = 20_000, 32_000
_reservations: list[socket.socket] = []


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on, reserved for this process."""
    for _ in range(1_000):
        port = random.randrange(_FIRST, _LAST)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0postroom-test-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port
    raise RuntimeError("no free port on 127.0.0.1 between 20000 and 32000")


def wait_for_port(port: int, seconds: float = 10.0, while_true: Callable[[], bool] = lambda: True) -> None:
    """Return when 127.0.0.1:`port` accepts. Raises TimeoutError after `seconds`, or once `while_true` is false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and while_true():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.005)
    raise TimeoutError(f"nothing listens on 127.0.0.1:{port}")
