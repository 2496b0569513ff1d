"""A private PostgreSQL cluster: a Unix socket and a loopback port of its own, databases copied from a template.

As root it runs as the user `postgres` (PostgreSQL refuses root), else as whoever runs the tests. No password: it
listens on loopback only and lives as long as the tests.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from .errors import Unavailable
from .ports import free_port
from .processes import ServerProcess, private_folder, remove_folder

_numbers = itertools.count(1)


class Postgres:
    """`fresh_database()` makes one for a test in some 20 ms, also as a copy of a template with the schema."""

    def __init__(self, *, fsync: bool = True) -> None:
        self._binaries = _binaries()
        self._user = "postgres" if os.geteuid() == 0 else None
        self.folder = private_folder("postgres")
        self.port = free_port()
        self._process = ServerProcess(self.folder / "output.log")
        if self._user:
            subprocess.run(["chown", self._user, str(self.folder)], check=True)
        self._initialise(fsync)

    @property
    def running(self) -> bool:
        return self._process.running

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """The same over the Unix socket."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def start(self) -> None:
        if not self.running:
            command = [str(self._binaries / "postgres"), "-D", str(self.folder / "data")]
            self._process.start(command, [self.port], user=self._user)
            self._wait_until_ready()

    def stop(self) -> None:
        """A fast shutdown: sessions are ended, everything is written."""
        self._process.terminate(signal.SIGINT)

    def kill(self) -> None:
        """As in a crash: at once; it recovers from its log at the next start."""
        self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.kill()
        remove_folder(self.folder)

    def fresh_database(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of `template`."""
        name = f"test_{next(_numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def make_template(self, name: str, prepare: Callable[[str], None]) -> str:
        """A database that `prepare(url)` has filled, to copy from. `prepare` closes its connections. Returns `name`."""
        self._execute(f"CREATE DATABASE {name}")
        prepare(self.url(name))
        return name

    def drop_database(self, url: str) -> None:
        """Remove it, whoever is still connected."""
        self._execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _wait_until_ready(self) -> None:
        """It listens before it has started, or recovered from a crash."""
        end = time.monotonic() + 20
        while True:
            try:
                self._execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _initialise(self, fsync: bool) -> None:
        data = self.folder / "data"
        command = [str(self._binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        done = subprocess.run(
            [*command, "--locale=C.UTF-8", "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd="/",
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr[-2_000:]}")
        settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": self.port,
            "unix_socket_directories": f"'{self.folder}'",
            "fsync": "on" if fsync else "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "autovacuum": "off",
        }
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())


def _binaries() -> Path:
    """Of the newest PostgreSQL that is installed (Debian keeps it off PATH)."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        raise Unavailable("PostgreSQL is not installed: run tests/install-servers.sh (package postgresql)")
    return max(found, key=lambda folder: float(folder.parent.name))
