"""What we are measured against in the same run: mbsync for retrieving, smtp-source for submitting."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import time
from dataclasses import dataclass

from harness.mail import PASSWORD, MailServer
from servers.processes import private_folder, remove_folder


@dataclass(frozen=True)
class Timed:
    """One run of a reference."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


def mbsync(server: MailServer, user: str) -> Timed:
    """Copy a mailbox to a maildir, with mbsync's own defaults (it calls fsync for each message)."""
    command = program("mbsync", "isync")
    folder = private_folder("mbsync")
    configuration = folder / "mbsyncrc"
    configuration.write_text(
        f"IMAPAccount bench\nHost 127.0.0.1\nPort {server.imap}\nUser {user}\nPass {PASSWORD}\nSSLType None\n"
        "AuthMechs LOGIN\n\nIMAPStore far\nAccount bench\n\n"
        f"MaildirStore near\nPath {folder}/near/\nInbox {folder}/near/INBOX\n\n"
        f"Channel bench\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState {folder}/state\n"
    )
    (folder / "near").mkdir()
    try:
        timed = _time([command, "-c", str(configuration), "-q", "bench"])
        copied = sum(1 for name in ("new", "cur") for _ in (folder / "near" / "INBOX" / name).iterdir())
        return Timed(copied, timed.seconds, timed.cpu_seconds)
    finally:
        remove_folder(folder)


def smtp_source(port: int, messages: int, octets: int, sender: str, recipient: str) -> Timed:
    """Submit over one session, one message after another."""
    command = program("smtp-source", "postfix")
    arguments = ["-s", "1", "-d", "-m", str(messages), "-l", str(octets), "-f", sender, "-t", recipient]
    timed = _time([command, *arguments, f"inet:127.0.0.1:{port}"])
    return Timed(messages, timed.seconds, timed.cpu_seconds)


def smtplib_client(port: int, messages: int, octets: bytes, sender: str, recipient: str) -> Timed:
    """The same by Python's own client in this process: finished octets, nothing read or kept."""
    cpu, started = time.process_time(), time.monotonic()
    with smtplib.SMTP("127.0.0.1", port) as session:
        for _ in range(messages):
            session.sendmail(sender, [recipient], octets)
    return Timed(messages, time.monotonic() - started, time.process_time() - cpu)


def _time(command: list[str]) -> Timed:
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed: {said.decode(errors='replace')[-500:]}")
    return Timed(0, seconds, usage.ru_utime + usage.ru_stime)


def program(name: str, package: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not found:
        raise SystemExit(f"{name} is not installed: apt-get install {package}")
    return found
