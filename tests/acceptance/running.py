"""An installation with real processes: configured by `postroom apply --submit`, run by `postroom serve`.

The rows are read with a connection of the test's own, never with Postroom's code. What does not happen in time fails
with what there is: events, ledger, outbound messages, health, and the end of each process's log.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml

PROGRAM = str(Path(sys.executable).with_name("postroom"))
ALL_ROLES = "receiver,processor,outbound"
_PAUSE = 0.03


@dataclass
class Serving:
    """One process of `postroom serve`."""

    process: subprocess.Popen[bytes]
    log: Path
    roles: str

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, as in a crash."""
        if self.running:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 20.0) -> int:
        """SIGTERM, and its exit status."""
        if self.running:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text("utf-8", "replace")


class Postroom:
    """`with Postroom(folder, url) as postroom`: a database that is there and migrated, or `init()` it."""

    def __init__(self, folder: Path, url: str, **settings: str) -> None:
        self.folder, self.url = folder, url
        self.servings: list[Serving] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")},
            "POSTROOM_DATABASE_URL": url,
            "POSTROOM_DATA_DIR": str(folder / "data"),
            "POSTROOM_WEB_BIND": "127.0.0.1:0",
            **settings,
        }
        self._connection: Any = None

    def __enter__(self) -> Postroom:
        return self

    def __exit__(self, *_: object) -> None:
        for serving in self.servings:
            serving.kill()
        if self._connection is not None:
            self._connection.close()

    # --- commands ----------------------------------------------------------------------------------------------------

    def init(self) -> None:
        self.command("init")

    def command(self, *arguments: str, status: int | None = 0) -> str:
        """What a command printed. Its exit status must be `status`, unless that is None."""
        done = subprocess.run(
            [PROGRAM, *arguments], capture_output=True, text=True, env=self.environment, cwd=self.folder, timeout=60
        )
        if status is not None and done.returncode != status:
            raise AssertionError(
                f"postroom {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            )
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.command(*arguments, "--json"))

    def apply(self, document: Mapping[str, Any]) -> None:
        """Submit a configuration."""
        file = self.folder / "postroom.yaml"
        file.write_text(yaml.safe_dump(document), "utf-8")
        self.command("apply", str(file), "--submit", "-m", "a story")

    def serve(self, roles: str = ALL_ROLES, *, crash: str = "", wait: bool = True) -> Serving:
        """Start a process; with `wait`, return when it runs. `crash` is a POSTROOM_CRASH."""
        log = self.folder / f"serve-{len(self.servings) + 1}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [PROGRAM, "serve", "--roles", roles],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self.environment, "POSTROOM_CRASH": crash},
                cwd=self.folder,
                start_new_session=True,
            )
        serving = Serving(process, log, roles)
        self.servings.append(serving)
        if wait:
            self.until(lambda: "Postroom runs" in serving.said() or not serving.running, "postroom serve starts")
            if not serving.running and not crash:
                raise AssertionError(f"postroom serve ended with {process.returncode}:\n{serving.said()}")
        return serving

    # --- rows --------------------------------------------------------------------------------------------------------

    def rows(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What a SELECT with `%s` placeholders finds."""
        connection = self._open()
        if isinstance(connection, sqlite3.Connection):
            return connection.execute(statement.replace("%s", "?"), arguments).fetchall()
        try:
            rows: list[tuple[Any, ...]] = connection.execute(statement, arguments).fetchall()
        except psycopg.OperationalError:  # the server was restarted: that is part of some stories
            self._connection = None
            rows = self._open().execute(statement, arguments).fetchall()
        return rows

    def let_time_pass(self, table: str) -> None:
        """What waits for its next attempt in a table is due now."""
        connection = self._open()
        connection.execute(f"UPDATE postroom_{table} SET next_attempt_ms = 0 WHERE state = 'paused'")
        connection.commit()

    def number(self, statement: str, *arguments: object) -> int:
        return int(self.rows(statement, *arguments)[0][0])

    def records(self, table: str, columns: str, where: str = "1=1", *arguments: object) -> list[dict[str, Any]]:
        """Rows of a table in the order of their ids, by name."""
        names = columns.split()
        quoted = ", ".join(f'"{name}"' for name in names)
        rows = self.rows(f"SELECT {quoted} FROM postroom_{table} WHERE {where} ORDER BY 1", *arguments)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def events(self, profile: str = "%") -> list[dict[str, Any]]:
        return self.records(
            "inboundevent",
            "id state outcome reason subject author message_id conversation_id size mailbox deaths",
            "profile_id IN (SELECT id FROM postroom_profile WHERE name LIKE %s)",
            profile,
        )

    def ledger(self, profile: str = "%") -> list[dict[str, Any]]:
        return self.records(
            "ledgerentry",
            "id mailbox epoch source_id size disposition reason event_id action acknowledged_ms removed"
            " acknowledge_failures acknowledge_reason",
            "profile_id IN (SELECT id FROM postroom_profile WHERE name LIKE %s)",
            profile,
        )

    def outbound(self, kind: str = "acknowledgement") -> list[dict[str, Any]]:
        return self.records(
            "outboundmessage",
            "id event_id conversation_id message_id return_address recipients subject text state attempts code reason"
            " next_attempt_ms",
            "kind = %s",
            kind,
        )

    def steps(self, event: int) -> dict[str, str]:
        """The reason of each step of an event's last processing."""
        told = self.rows("SELECT steps FROM postroom_eventtrace WHERE event_id = %s ORDER BY id DESC", event)
        return {step["step"]: step["reason"] for step in json.loads(told[0][0])} if told else {}

    def health(self, profile: str) -> dict[str, Any]:
        """A profile's health; {} before it was written."""
        found = self.records(
            "profilehealth",
            "profile_id state last_success_ms failures next_attempt_ms reason reported",
            "profile_id IN (SELECT id FROM postroom_profile WHERE name = %s)",
            profile,
        )
        return found[0] if found else {}

    def _open(self) -> Any:
        if self._connection is None:
            if self.url.startswith("sqlite"):
                self._connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30)
            else:
                self._connection = psycopg.connect(self.url, autocommit=True)
        return self._connection

    # --- waiting -----------------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 25.0) -> None:
        """Wait until it is so; AssertionError with the whole state if it is not in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not in {seconds:g} s: {what}\n{self.state()}")
            time.sleep(_PAUSE)

    def until_processed(self, count: int, profile: str = "%", seconds: float = 25.0) -> list[dict[str, Any]]:
        """The events, once there are `count` and all are processed."""

        def done() -> bool:
            events = self.events(profile)
            return len(events) >= count and all(event["state"] == "processed" for event in events)

        self.until(done, f"{count} events are processed", seconds)
        events = self.events(profile)
        assert len(events) == count, self.state()
        return events

    def until_submitted(self, count: int, seconds: float = 25.0) -> list[dict[str, Any]]:
        """The acknowledgements, once `count` of them are submitted."""

        def done() -> bool:
            return sum(message["state"] == "submitted" for message in self.outbound()) >= count

        self.until(done, f"{count} acknowledgements are submitted", seconds)
        return self.outbound()

    def until_healthy(self, *profiles: str) -> None:
        self.until(
            lambda: all(self.health(name).get("state") == "watching" for name in profiles),
            f"{', '.join(profiles)} watched",
        )

    def settle(self, rounds: int = 2) -> None:
        """Wait until every watched profile has had so many more rounds (their health is written every 10 s; so by
        time: PollingInterval is 1 s in these stories)."""
        time.sleep(rounds * 1.1)

    def state(self) -> str:
        """Everything that explains a failure."""
        parts = []
        for name, read in (
            ("events", self.events),
            ("ledger", self.ledger),
            ("outbound", lambda: [*self.outbound(), *self.outbound("notice")]),
            ("health", lambda: self.records("profilehealth", "profile_id state failures reason next_attempt_ms")),
        ):
            try:
                rows = read()
            except Exception as error:  # noqa: BLE001 - a state that can't be read is told as such
                parts.append(f"{name}: {error}")
                continue
            parts.append(f"{name}: {len(rows)}" + "".join(f"\n    {_short(row)}" for row in rows[-12:]))
        for serving in self.servings[-6:]:
            status = "running" if serving.running else f"ended with {serving.process.returncode}"
            parts.append(f"serve --roles {serving.roles}, {status}; its log ends:\n{serving.said()[-3500:]}")
        return "\n".join(parts)


def _short(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={str(value)[:120]!r}" for key, value in row.items() if value not in ("", None, 0))


# --- configuration ---------------------------------------------------------------------------------------------------

TEMPLATE = {
    "name": "Acknowledgement",
    "subject": "Re: {{ subject }}",
    "text": "We have your message and will answer soon.",
}


def group(name: str = "Support", **values: Any) -> dict[str, Any]:
    """A response group that acknowledges."""
    arguments = {"AcknowledgementTemplate": "Acknowledgement", **values.pop("input_arguments", {})}
    return {"name": name, "input_arguments": arguments, **values}


def profile(address: str, driver: str = "IMAP", response_group: str = "Support", **overrides: Any) -> dict[str, Any]:
    """A profile whose account is the address's local part."""
    protocol = driver.split()[0]
    account = {f"{protocol}AccountName": address.partition("@")[0], f"{protocol}Password": "mailbox-password"}
    return {
        "name": address,
        "address": address,
        "driver": driver,
        "overrides": {**account, **overrides},
        "response_group": response_group,
    }


def document(
    ports: Mapping[str, int],
    smtp_port: int,
    profiles: Sequence[Mapping[str, Any]],
    groups: Sequence[Mapping[str, Any]] = (),
    **parameters: Any,
) -> dict[str, Any]:
    """A configuration over loopback with the drivers IMAP and POP3; `parameters` are for both."""
    common = {
        "SMTPServer": "localhost",
        "SMTPPort": smtp_port,
        "SMTPEncryption": "none",
        "PollingInterval": 1,
        "StartFrom": "all",
        **parameters,
    }
    drivers = [
        {
            "name": protocol,
            "kind": f"internet-smtp-{protocol.lower()}",
            "parameters": {
                f"{protocol}Server": "localhost",
                f"{protocol}Port": ports[protocol.lower()],
                f"{protocol}Encryption": "none",
                **common,
            },
        }
        for protocol in ("IMAP", "POP3")
    ]
    return {
        "drivers": drivers,
        "profiles": [dict(one) for one in profiles],
        "response_groups": [dict(one) for one in groups or [group()]],
        "templates": [TEMPLATE],
    }


def message(
    author: str,
    to: str,
    subject: str = "A question",
    text: str = "Where is my parcel?",
    message_id: str | None = None,
    **fields: str,
) -> bytes:
    """A message of a customer. A Message-ID of "" leaves it out; `fields` have _ for -."""
    lines = [f"From: Ann Example <{author}>", f"To: <{to}>", f"Subject: {subject}"]
    lines.append("Date: Mon, 06 Jan 2025 10:00:00 +0000")
    if message_id is None:
        message_id = f"<{os.urandom(8).hex()}@customer.example>"
    if message_id:
        lines.append(f"Message-ID: {message_id}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", text, ""]).encode()
