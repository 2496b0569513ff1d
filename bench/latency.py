"""From arrival to processed event under IDLE, on an idle server.

One message at a time is renamed into the maildir (or delivered by LMTP). A relay before Dovecot notes when Dovecot
pushes `EXISTS`; from then on the database is looked at every millisecond until the event is seen as processed. So
"push to processed" is ours (retrieving, committing, processing, committing), "delivery to push" is the mail server's:
Dovecot waits for half a second after a change, whatever its settings. Events are real mail, each of another author.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

import harness  # noqa: F401 - finds the test servers
from harness import corpus
from harness.accounting import Machine, percentile
from harness.mail import mail_server
from harness.postroom import Installation, document, installation, serving
from harness.report import Report
from harness.tap import Tap


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="30 messages")
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--lmtp", action="store_true", help="deliver by LMTP")
    options = parser.parse_args()
    count = 30 if options.small else options.messages
    report = Report("latency", options.small)
    messages = corpus.messages(count + 2)
    pushes, ours, whole = [], [], []
    with mail_server() as server, installation() as where:
        tap = Tap(server.imap)
        server.dovecot.maildir("latency").create()
        where.apply(document(["latency"], imap=tap.port))
        with serving(where, "receiver,processor") as process:
            tap.idle.wait(20)
            machine, before = Machine(), process.cpu_seconds() + server.cpu_seconds()
            own = time.process_time()
            for number, octets in enumerate(messages):
                time.sleep(random.uniform(0.25, 0.45))
                tap.idle.wait(10)
                tap.expect()
                delivered = time.time()
                if options.lmtp:
                    server.dovecot.deliver_by_lmtp("latency", octets)
                else:
                    server.dovecot.deliver("latency", octets)
                if not tap.pushed.wait(10):
                    raise SystemExit("the server did not push; the log ends: " + "".join(process.lines[-5:]))
                _wait(where, number + 1)
                seen = time.time()
                if number >= 2:  # the first ones load modules and models
                    pushes.append((tap.pushed_at - delivered) * 1000)
                    ours.append((seen - tap.pushed_at) * 1000)
                    whole.append((seen - delivered) * 1000)
            cpu = process.cpu_seconds() + server.cpu_seconds() - before + time.process_time() - own
            report.note(f"others: {machine.others(cpu):.2f} processors were busy with other things")
    for name, values in (("delivery to push", pushes), ("push to processed", ours), ("delivery to processed", whole)):
        report.row(
            what=name, p50_ms=percentile(values, 0.5), p90_ms=percentile(values, 0.9), p99_ms=percentile(values, 0.99),
            most_ms=max(values), messages=count,
        )  # fmt: skip
    report.figure("push to processed, p50", percentile(ours, 0.5), 50.0, least=False, unit=" ms")
    report.figure("push to processed, p99", percentile(ours, 0.99), 200.0, least=False, unit=" ms")
    return report.finish()


def _wait(where: Installation, count: int) -> None:
    statement = f"SELECT 1 FROM postroom_inboundevent WHERE id = {count} AND state = 'processed'"
    end = time.monotonic() + 20
    while not where.query(statement):
        if time.monotonic() > end:
            raise SystemExit(f"event {count} was not processed within 20 s")
        time.sleep(0.001)


if __name__ == "__main__":
    sys.exit(main())
