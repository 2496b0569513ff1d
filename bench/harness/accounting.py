"""What processes use, read from /proc: CPU seconds of process trees, memory, and the load of everything else."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """All descendants."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += [int(child), *children(int(child))]
        except OSError:
            pass
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of what it has reaped, and of its living descendants."""
    total = 0
    for one in [pid, *children(pid)]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICK


def rss_octets(pid: int) -> int:
    return _status(pid, "VmRSS")


def peak_rss_octets(pid: int) -> int:
    """The most since the process began, or since `forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


class Machine:
    """How busy all processors were since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._busy = _busy()

    def others(self, ours: float) -> float:
        """Processors (0 to all of them) that were used by anything else but `ours` CPU seconds."""
        elapsed = time.monotonic() - self._started
        return max(0.0, (_busy() - self._busy - ours) / elapsed) if elapsed else 0.0


def _busy() -> float:
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / _TICK  # without idle and iowait; guests are in user already


class PeakSampler:
    """Samples the memory of a process tree; `peak` in octets."""

    def __init__(self, pid: int, seconds: float = 0.02) -> None:
        self._pid, self._seconds = pid, seconds
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> PeakSampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self.peak = max(self.peak, sum(rss_octets(pid) for pid in [self._pid, *children(self._pid)]))
            except OSError:
                return


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def median(values: Iterable[float]) -> float:
    return statistics.median(values)
