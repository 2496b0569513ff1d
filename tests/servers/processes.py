"""A server as a child process, in a process group of its own so that all of it can be killed, and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .ports import wait_for_port


def private_folder(name: str) -> Path:
    """A new folder with a short path that every user may enter.

    pytest's `tmp_path` is closed to other users (Dovecot's login processes), and too long for a Unix socket.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"pr-{name}-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove it all, also what a test has made unreadable."""
    if os.geteuid() != 0:
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                with contextlib.suppress(OSError):
                    Path(parent, name).chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _ended(pid: int) -> bool:
    """Gone, or dead and not yet collected by its parent: it holds no port and no file any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


def _wait_for_end(pids: Iterable[int], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not all(map(_ended, pids)):
        if time.monotonic() > end:
            raise TimeoutError(f"of the processes {list(pids)} some do not end")
        time.sleep(0.002)


class ServerProcess:
    """Starts, stops and kills one server. `log` is what it writes to its standard output."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(
        self,
        command: Sequence[str],
        ports: Iterable[int],
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """Start it and wait until every port accepts. Raises RuntimeError with the end of its log if it ends."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env={**os.environ, **(environment or {})},
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        for port in ports:
            try:
                wait_for_port(port, while_true=lambda: self.running)
            except TimeoutError as error:
                self.kill()
                tail = self.log.read_text("utf-8", "replace")[-2_000:]
                raise RuntimeError(f"{command[0]} did not start: {error}\n{tail}") from error

    def terminate(self, number: signal.Signals = signal.SIGTERM, seconds: float = 10.0) -> None:
        """Ask it to end, then kill whatever is left of its group."""
        if self._process is not None:
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to its whole process group, as in a crash. Afterwards its ports are free.

        Its children may be in groups of their own (PostgreSQL's are); those end when they miss their parent.
        """
        if self._process is not None:
            children = _children(self._process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            _wait_for_end(children)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
