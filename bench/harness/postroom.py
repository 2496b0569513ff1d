"""An installation of Postroom made by its own commands, and `postroom serve` as a child process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from harness.accounting import cpu_seconds
from harness.mail import PASSWORD
from servers.ports import free_port
from servers.processes import private_folder, remove_folder

POSTROOM = [sys.executable, "-c", "from postroom.cli.main import main; main()"]
TEMPLATE = {
    "name": "Acknowledgement",
    "subject": "Re: {{ subject }}",
    "text": "We have your message and will answer soon.\n",
}


class Installation:
    """A data directory with its database; the configuration is what `apply` submits."""

    def __init__(self, folder: Path, database_url: str = "", environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._url = database_url
        self.environment = {
            **os.environ,
            "POSTROOM_DATA_DIR": str(folder / "data"),
            "POSTROOM_WEB_BIND": f"127.0.0.1:{free_port()}",
            "POSTROOM_LOG_FORMAT": "json",
            **({"POSTROOM_DATABASE_URL": database_url} if database_url else {}),
            **(environment or {}),
        }
        self.command("init")
        self._connection: Any = None

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [*POSTROOM, *arguments], env=self.environment, capture_output=True, text=True, check=False, cwd=self.folder
        )
        if done.returncode:
            raise SystemExit(f"postroom {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def apply(self, document: Mapping[str, Any]) -> None:
        path = self.folder / "configuration.yaml"
        path.write_text(json.dumps(document), "utf-8")  # JSON is YAML
        self.command("apply", str(path), "--submit", "-m", "Benchmark")

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Read what is committed, from outside."""
        if self._connection is None:
            if self._url:
                self._connection = psycopg.connect(self._url, autocommit=True)
            else:
                path = self.folder / "data" / "postroom.sqlite3"
                self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60, isolation_level=None)
        return list(self._connection.execute(statement).fetchall())

    def value(self, statement: str) -> Any:
        return self.query(statement)[0][0]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def installation(database_url: str = "", environment: Mapping[str, str] | None = None) -> Iterator[Installation]:
    folder = private_folder("installation")
    found = Installation(folder, database_url, environment)
    try:
        yield found
    finally:
        found.close()
        remove_folder(folder)


class Serving:
    """`postroom serve`: `launched_at` and `runs_at` are in seconds since 1970."""

    def __init__(self, where: Installation, roles: str) -> None:
        self.lines: list[str] = []
        self.runs_at = 0.0
        self._runs = threading.Event()
        self.launched_at = time.time()
        prefix = os.environ.get("POSTROOM_BENCH_PREFIX", "").split()
        self.process = subprocess.Popen(
            [*prefix, *POSTROOM, "serve", "--roles", roles],
            env=where.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=where.folder,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._runs.wait(30):
            self.stop()
            raise SystemExit("postroom serve did not start:\n" + "".join(self.lines[-20:]))

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def problems(self) -> list[str]:
        """Lines of the log that are warnings or errors."""
        return [line for line in self.lines if '"warning"' in line or '"error"' in line or not line.startswith("{")]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if not self.runs_at and "Postroom runs" in line:
                self.runs_at = time.time()
                self._runs.set()
            if len(self.lines) < 10_000:
                self.lines.append(line)
        self._runs.set()


@contextmanager
def serving(where: Installation, roles: str) -> Iterator[Serving]:
    found = Serving(where, roles)
    try:
        yield found
    finally:
        found.stop()


def document(
    users: Sequence[str], *, imap: int = 0, pop3: int = 0, smtp: int = 1, real_time: bool = True, **parameters: Any
) -> dict[str, Any]:
    """A configuration with a profile for each user, by IMAP or by POP3, plain on loopback."""
    service = "POP3" if pop3 else "IMAP"
    values: dict[str, Any] = {
        f"{service}Server": "127.0.0.1", f"{service}Port": pop3 or imap, f"{service}Encryption": "none",
        "SMTPServer": "127.0.0.1", "SMTPPort": smtp, "SMTPEncryption": "none", "StartFrom": "all", **parameters,
    }  # fmt: skip
    return {
        "drivers": [{"name": "Bench", "kind": f"internet-smtp-{service.lower()}", "parameters": values}],
        "profiles": [
            {
                "name": f"{user}@bench.example",
                "address": f"{user}@bench.example",
                "driver": "Bench",
                "overrides": {f"{service}AccountName": user, f"{service}Password": PASSWORD},
                "response_group": "Bench",
            }
            for user in users
        ],
        "response_groups": [
            {
                "name": "Bench",
                "real_time": real_time,
                "input_arguments": {
                    "ProcessName": "Process Message",
                    "AcknowledgementTemplate": "Acknowledgement",
                },
            }
        ],
        "templates": [TEMPLATE],
    }
