"""Mailbox to processed event with the acknowledgement queued, against mbsync copying the same mailbox to a maildir.

Each round: mbsync copies a fresh mailbox from Dovecot, then `postroom serve --roles receiver,processor` works through
another one with the same messages (StartFrom: all, DeleteProcessedMessages: true, plain on loopback, SQLite FULL).
Its time is from the line "Postroom runs" to the last event's `processed_ms`; from the start of the program is shown
too. Rates are medians; ratios are medians of the rounds' ratios. "others" is how many of the processors were busy
with other things meanwhile: with more than a few hundredths, repeat.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import harness  # noqa: F401 - finds the test servers
from harness import corpus
from harness.accounting import Machine, median, peak_rss_octets
from harness.mail import MailServer, mail_server
from harness.postroom import Installation, document, installation, serving
from harness.quiet import wait_until_quiet
from harness.references import mbsync
from harness.report import Report, console
from servers.postgres import Postgres

IMAP = "sqlite imap"


@contextmanager
def _database(kind: str) -> Iterator[tuple[str, Postgres | None]]:
    if kind == "sqlite":
        yield "", None
        return
    server = Postgres(fsync=True)
    server.start()
    try:
        yield server.fresh_database(), server
    finally:
        server.close()


def run(server: MailServer, count: int, *, database: str = "sqlite", pop3: bool = False, real_time: bool = True,
        settings: dict[str, str] | None = None) -> dict[str, Any]:  # fmt: skip
    """One run of Postroom on a fresh mailbox of `count` messages."""
    user = server.fill(count)
    with _database(database) as (url, _), installation(url, settings) as where:
        ports = {"pop3": server.pop3} if pop3 else {"imap": server.imap}
        where.apply(document([user], real_time=real_time, **ports))
        wait_until_quiet()
        before, machine = server.cpu_seconds(), Machine()
        with serving(where, "receiver,processor") as process:
            _wait(where, count, process)
            cpu, dovecot = process.cpu_seconds(), server.cpu_seconds() - before
            peak = peak_rss_octets(process.pid)
            others = machine.others(cpu + dovecot)
            ended = where.value("SELECT max(processed_ms) FROM postroom_inboundevent") / 1000
            told_at = _wait_told(where, server, user)
            problems = process.problems()
        result = _result(where, count, ended - process.runs_at)
        result.update(
            seconds_with_start=ended - process.launched_at,
            seconds_until_server_told=told_at - process.runs_at,
            cpu_ms=cpu / count * 1000, dovecot_ms=dovecot / count * 1000, peak_mb=peak / 1e6,
            left=server.left(user), others=others,
        )  # fmt: skip
        if problems:
            console.print(f"  the log has {len(problems)} warnings or errors; the first: {problems[0][:300]}")
    server.empty(user)
    return result


def _wait(where: Installation, count: int, process: Any) -> None:
    """Until all are processed; a poll costs an index probe."""
    deadline = time.monotonic() + 60 + count / 50
    done = False
    while not done:
        time.sleep(0.05)
        last = where.value("SELECT max(id) FROM postroom_inboundevent") or 0
        done = last >= count and not where.query(
            "SELECT 1 FROM postroom_inboundevent WHERE state NOT IN ('processed', 'discarded') LIMIT 1"
        )
        if process.process.poll() is not None or time.monotonic() > deadline:
            states = where.query("SELECT state, count(*) FROM postroom_inboundevent GROUP BY state")
            why = where.query("SELECT state, reason FROM postroom_profilehealth")
            raise SystemExit(f"not finished: events {states}, profile {why}\n" + "".join(process.lines[-20:]))


def _wait_told(where: Installation, server: MailServer, user: str) -> float:
    """Until the mail server has been told of all of them and its mailbox is empty."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if not where.query("SELECT 1 FROM postroom_ledgerentry WHERE acknowledged_ms IS NULL LIMIT 1"):
            break
        time.sleep(0.02)
    return time.time()


def _result(where: Installation, count: int, seconds: float) -> dict[str, Any]:
    outcomes = dict(where.query("SELECT outcome, count(*) FROM postroom_inboundevent GROUP BY outcome"))
    events = where.value("SELECT count(*) FROM postroom_inboundevent WHERE state = 'processed'")
    if events != count:
        raise SystemExit(f"{events} events were processed of {count} messages")
    queued = where.value("SELECT count(*) FROM postroom_outboundmessage WHERE kind = 'acknowledgement'")
    others = {key or "none": value for key, value in sorted(outcomes.items())}
    return {
        "rate": count / seconds, "seconds": seconds, "acknowledgements": queued,
        "outcomes": ", ".join(f"{value} {key}" for key, value in others.items()),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="1,000 messages, one round, no growth")
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="take the .eml files of a folder")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite", help="with --only")
    parser.add_argument("--pop3", action="store_true", help="with --only")
    parser.add_argument("--nonrealtime", action="store_true", help="with --only")
    parser.add_argument("--only", action="store_true", help="this one way of working, not all of them")
    parser.add_argument("--growth", action="store_true", help="only 20,000 messages against 2,000")
    options = parser.parse_args()
    if options.small:
        options.messages, options.rounds = 1000, 1
    ways: dict[str, dict[str, Any]] = {
        IMAP: {},
        "postgresql imap": {"database": "postgresql"},
        "sqlite pop3": {"pop3": True},
        "sqlite imap nonrealtime": {"real_time": False},
    }
    if options.only:
        chosen = {"database": options.database, "pop3": options.pop3, "real_time": not options.nonrealtime}
        ways = {f"{options.database} {'pop3' if options.pop3 else 'imap'}": chosen}
    report = Report("intake" if not options.growth else "intake-growth", options.small)
    with mail_server() as server:
        if options.growth:
            _growth(report, server, options)
        else:
            _ways(report, server, options, ways)
    return report.finish()


def _ways(report: Report, server: MailServer, options: argparse.Namespace, ways: dict[str, dict[str, Any]]) -> None:
    count = options.messages
    server.set_stock(corpus.messages(count, options.folder))
    seen: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    for round_ in range(1, options.rounds + 1):
        user = server.fill(count)
        wait_until_quiet()
        machine, before = Machine(), server.cpu_seconds()
        reference = mbsync(server, user)
        dovecot = server.cpu_seconds() - before
        server.empty(user)
        if reference.messages != count:
            raise SystemExit(f"mbsync copied {reference.messages} of {count}")
        report.row(
            round=round_, way="mbsync", rate=reference.rate, seconds=reference.seconds,
            cpu_ms=reference.cpu_seconds / count * 1000, dovecot_ms=dovecot / count * 1000,
            others=machine.others(reference.cpu_seconds + dovecot),
        )  # fmt: skip
        for way, arguments in ways.items():
            result = run(server, count, **arguments)
            report.row(round=round_, way=way, **result)
            seen.setdefault(way, []).append(result["rate"])
            ratios.setdefault(way, []).append(result["rate"] / reference.rate)
            if way != IMAP and IMAP in seen:
                ratios.setdefault(f"{way} / {IMAP}", []).append(result["rate"] / seen[IMAP][-1])
    for way, found in ratios.items():
        if way == IMAP or IMAP not in seen:
            report.figure(f"{way} against mbsync", median(found), 0.25, note=f"{median(seen[way]):,.0f} messages/s")
        elif "/" in way and "nonrealtime" not in way:
            report.figure(way, median(found), 0.6, note=f"{median(seen[way.partition(' /')[0]]):,.0f} messages/s")


def _growth(report: Report, server: MailServer, options: argparse.Namespace) -> None:
    few, many = (500, 5000) if options.small else (2000, 20_000)
    server.set_stock(corpus.messages(many, options.folder))
    found = []
    for round_ in range(1, options.rounds + 1):
        first = run(server, few)
        report.row(round=round_, messages=few, **first)
        second = run(server, many)
        report.row(round=round_, messages=many, **second)
        found.append(second["rate"] / first["rate"])
    report.figure(f"rate at {many:,} / rate at {few:,}", median(found), 0.9)
    report.note("Beyond the corpus, messages come again with new Message-IDs.")


if __name__ == "__main__":
    sys.exit(main())
