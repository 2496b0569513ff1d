"""Memory: while a message of 50 MB passes, and with 1,000 idle IMAP profiles.

Of the message two peaks are reported, both from the kernel's high-water mark of the process: in all, and above what it
used before. Idle profiles are all connected to a real Dovecot and in IDLE; the peak includes their connecting.
"""

from __future__ import annotations

import argparse
import base64
import random
import sys
import time
from typing import Any

import harness  # noqa: F401 - finds the test servers
from harness.accounting import forget_peak, peak_rss_octets, rss_octets
from harness.mail import MailServer, mail_server
from harness.postroom import document, installation, serving
from harness.report import Report

MB = 1_000_000


def large_message(size: int, attachments: int = 3) -> bytes:
    """A text and attachments that don't compress, `size` octets in all (as CRLF)."""
    head = (
        b"From: Large <large@sender.example>\r\nTo: support@bench.example\r\nSubject: Large\r\n"
        b"Message-ID: <large@sender.example>\r\nDate: Mon, 06 Oct 2025 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="cut"\r\n\r\n--cut\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n'
    )
    parts = [head]
    each = (size - len(head) - 8) // attachments
    for number in range(attachments):
        part = (
            f"--cut\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
            f'Content-Disposition: attachment; filename="{number}.pdf"\r\n\r\n'
        ).encode()
        lines = (each - len(part)) // 78
        coded = base64.b64encode(random.randbytes(lines * 57))
        parts.append(part + b"".join(coded[n : n + 76] + b"\r\n" for n in range(0, len(coded), 76)))
    return b"".join(parts) + b"--cut--\r\n"


def message(report: Report, server: MailServer, size: int, *, pop3: bool) -> None:
    name = "pop3" if pop3 else "imap"
    user = f"large{name}"
    server.dovecot.maildir(user).create()
    ports: dict[str, Any] = {"pop3": server.pop3, "PollingInterval": 1} if pop3 else {"imap": server.imap}
    with installation() as where:
        where.apply(document([user], **ports))
        with serving(where, "receiver,processor") as process:
            server.dovecot.deliver(user, b"From: a@b.example\r\nSubject: small\r\n\r\nsmall\r\n")
            _wait(lambda: where.query("SELECT 1 FROM postroom_inboundevent WHERE id = 1 AND state = 'processed'"), 30)
            time.sleep(1)
            before = rss_octets(process.pid)
            forget_peak(process.pid)
            server.dovecot.deliver(user, large_message(size))
            _wait(lambda: where.query("SELECT 1 FROM postroom_inboundevent WHERE id = 2 AND state = 'processed'"), 60)
            time.sleep(1)
            peak, after = peak_rss_octets(process.pid), rss_octets(process.pid)
            stored = where.value("SELECT size FROM postroom_inboundevent WHERE id = 2")
    report.row(
        what=f"{size / MB:.0f} MB by {name}", size_mb=stored / MB, before_mb=before / MB, peak_mb=peak / MB,
        above_mb=(peak - before) / MB, after_mb=after / MB,
    )  # fmt: skip
    report.figure(f"{name}: peak in all / size", peak / stored, 6.0, least=False, note=f"{peak / MB:.0f} MB")
    report.figure(
        f"{name}: peak above idle / size", (peak - before) / stored, 6.0, least=False,
        note=f"{(peak - before) / MB:.0f} MB above {before / MB:.0f} MB",
    )  # fmt: skip


def profiles(report: Report, server: MailServer, count: int, goal: float, **parameters: Any) -> None:
    users = [f"idle{n}" for n in range(count)]
    port: dict[str, Any] = {"imap": server.dovecot.port["imaps"]} if parameters else {"imap": server.imap}
    with installation(environment={"POSTROOM_CONNECTIONS_PER_SECOND": "100"}) as where:
        where.apply(document(users, **port, **parameters))
        with serving(where, "receiver,processor") as process:
            watching = "SELECT count(*) FROM postroom_profilehealth WHERE state = 'watching'"
            started = time.monotonic()
            _wait(lambda: where.value(watching) == count, 180)
            seconds = time.monotonic() - started
            time.sleep(5)
            cpu = process.cpu_seconds()
            time.sleep(10)
            idle = (process.cpu_seconds() - cpu) / 10
            peak, now = peak_rss_octets(process.pid), rss_octets(process.pid)
            failing = process.problems()
    name = f"{count:,} idle profiles{', TLS' if parameters else ''}"
    report.row(what=name, peak_mb=peak / MB, after_mb=now / MB, connected_s=seconds, idle_cpu_percent=idle * 100)
    report.figure(f"{name}: peak", peak / MB, goal, least=False, unit=" MB", note=f"{len(failing)} warnings in the log")


def _wait(condition: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds:.0f} s")
        time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="10 MB and 200 profiles")
    parser.add_argument("--size", type=int, default=50 * MB, help="octets of the message")
    parser.add_argument("--profiles", type=int, default=1000)
    parser.add_argument("--tls", action="store_true", help="the idle profiles also over TLS")
    parser.add_argument("--only", choices=["message", "profiles"])
    options = parser.parse_args()
    if options.small:
        options.size, options.profiles = 10 * MB, 200
    report = Report("memory", options.small)
    with mail_server() as server:
        if options.only != "profiles":
            message(report, server, options.size, pop3=False)
            message(report, server, options.size, pop3=True)
        if options.only != "message":
            profiles(report, server, options.profiles, 250.0)
            if options.tls:
                authority = str(server.dovecot.certificate.authority)
                profiles(report, server, options.profiles, 250.0, IMAPEncryption="tls", CertificateAuthority=authority)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
