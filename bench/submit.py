"""Acknowledgements submitted per second to a loopback SMTP sink, against smtp-source with one session.

Rows are queued by the store's own function; `postroom serve --roles outbound` claims, composes and submits them to
Postfix's smtp-sink and commits each result. smtp-source sends as many messages of the same size over one session to
the same sink, in C, without composing, reading or keeping anything. Python's smtplib in one session, with finished
octets, is shown beside it: the most that a Python client without a database does. A profile uses MaxSessions sessions
(2 by default, 1 is shown too).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import harness  # noqa: F401 - finds the test servers
from harness.accounting import Machine, median
from harness.postroom import Installation, document, installation, serving
from harness.quiet import wait_until_quiet
from harness.references import Timed, program, smtp_source, smtplib_client
from harness.report import Report
from servers.ports import free_port
from servers.processes import ServerProcess, private_folder, remove_folder

# Runs as a process of the installation; prints the octets of one message.
_QUEUE = """
import sys
from postroom.store.setup import setup
setup()
from postroom.conf.sealing import signing_key
from postroom.outbound import compose
from postroom.store import outbound
from postroom.store.database import transaction
from postroom.store.publishing import configuration
count = int(sys.argv[1])
profile = next(iter(configuration.current().profiles.values()))
text = "We have your message and will answer soon.\\n\\n[THREAD ID:1-abcdefgh]\\n"
owed = [
    outbound.Owed(profile.id, "acknowledgement", f"ack{n}@bench.example", "", (f"customer{n}@customers.example",),
        f"Re: Question {n} about my order", text, None, None, f"<question{n}@customers.example>",
        f"<question{n}@customers.example>")
    for n in range(count)
]
with transaction("bench") as cursor:
    outbound.queue(cursor, owed)
claimed = outbound.claim("bench", profile.id, 1)
print(len(compose.octets(claimed[0], profile, signing_key())))
outbound.finish("bench", [outbound.Result(claimed[0].id, "queued", "", 0, "", "")])
"""


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's sink: takes everything, keeps nothing."""
    folder = private_folder("sink")
    port = free_port()
    process = ServerProcess(folder / "sink.log")
    process.start([program("smtp-sink", "postfix"), "-u", "nobody", f"127.0.0.1:{port}", "1000"], [port])
    try:
        yield port
    finally:
        process.kill()
        remove_folder(folder)


def queue(where: Installation, count: int) -> int:
    command = [sys.executable, "-c", _QUEUE, str(count)]
    done = subprocess.run(command, env=where.environment, capture_output=True, text=True, check=False, cwd=where.folder)
    if done.returncode:
        raise SystemExit("queueing failed:\n" + done.stderr[-2000:])
    return int(json.loads(done.stdout))


def run(port: int, count: int, sessions: int) -> tuple[dict[str, Any], int]:
    with installation() as where:
        where.apply(document(["support"], imap=1, smtp=port, MaxSessions=sessions))
        size = queue(where, count)
        machine = Machine()
        with serving(where, "outbound") as process:
            deadline = time.monotonic() + 120
            while where.query("SELECT 1 FROM postroom_outboundmessage WHERE state <> 'submitted' LIMIT 1"):
                if time.monotonic() > deadline:
                    states = where.query("SELECT state, count(*) FROM postroom_outboundmessage GROUP BY state")
                    raise SystemExit(f"not all submitted: {states}\n" + "".join(process.lines[-10:]))
                time.sleep(0.05)
            cpu = process.cpu_seconds()
            others = machine.others(cpu)
            ended = where.value("SELECT max(submitted_ms) FROM postroom_outboundmessage") / 1000
        attempts = where.value("SELECT count(*) FROM postroom_deliveryattempt")
    seconds = ended - process.runs_at
    row = {
        "way": f"postroom, MaxSessions {sessions}", "rate": count / seconds, "seconds": seconds,
        "cpu_ms": cpu / count * 1000, "octets": size, "attempts": attempts, "others": others,
    }  # fmt: skip
    return row, size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="500 messages, one round")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.small:
        options.messages, options.rounds = 500, 1
    count = options.messages
    report = Report("submit", options.small)
    rates: dict[str, list[float]] = {}
    with smtp_sink() as port:
        size = 1000
        for round_ in range(1, options.rounds + 1):
            for sessions in (1, 2):
                wait_until_quiet()
                row, size = run(port, count, sessions)
                report.row(round=round_, **row)
                rates.setdefault(f"MaxSessions {sessions}", []).append(row["rate"])
            for name, reference in _references(port, count, size):
                rates.setdefault(name, []).append(reference.rate)
                report.row(
                    round=round_, way=name, rate=reference.rate, seconds=reference.seconds,
                    cpu_ms=reference.cpu_seconds / count * 1000, octets=size,
                )  # fmt: skip
    for name in ("MaxSessions 2", "MaxSessions 1"):
        for reference_name, goal in (("smtp-source", 0.3), ("smtplib", 0.3)):
            pairs = zip(rates[name], rates[reference_name], strict=True)
            note = f"{median(rates[name]):,.0f} against {median(rates[reference_name]):,.0f} messages/s"
            report.figure(
                f"{name} / {reference_name}", median(ours / theirs for ours, theirs in pairs), goal, note=note
            )
    return report.finish()


def _references(port: int, count: int, size: int) -> Iterator[tuple[str, Timed]]:
    sender, recipient = "support@bench.example", "customer@customers.example"
    wait_until_quiet()
    yield "smtp-source", smtp_source(port, count, size, sender, recipient)
    header = f"From: {sender}\r\nTo: {recipient}\r\nSubject: Re: Question\r\n\r\n".encode()
    yield "smtplib", smtplib_client(port, count, header + b"x" * (size - len(header) - 2) + b"\r\n", sender, recipient)


if __name__ == "__main__":
    sys.exit(main())
