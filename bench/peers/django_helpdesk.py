"""The same mailbox, by django-helpdesk from PyPI: messages a second, and how many it stores.

django-helpdesk gets an environment of its own under ~/.cache/postroom-bench, a project with SQLite, and one queue that
reads by IMAP; `manage.py get_email` is run once, and timed from its first IMAP command to its last ticket, in its
favour. A message that it can't take stops it: what it stored until then counts, and the message is removed and the
command run again, up to --restarts times. Postroom then works through the same messages in the same run.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import harness  # noqa: F401 - finds the test servers
from harness import corpus
from harness.accounting import Machine, median
from harness.mail import PASSWORD, MailServer, mail_server
from harness.quiet import wait_until_quiet
from harness.report import Report
from intake import run
from servers.processes import private_folder, remove_folder

VERSION = "2.6.1"
SETTINGS = """
SECRET_KEY = "bench"
DEBUG = False
USE_TZ = True
ROOT_URLCONF = "urls"
SITE_ID = 1
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
MEDIA_ROOT = "{folder}/media"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites",
    "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.humanize", "django.contrib.admin",
    "rest_framework", "helpdesk",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {{"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]}},
}}]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/helpdesk.sqlite3"}}}}
LOGIN_URL = "/login/"
HELPDESK_TEAMS_MODE_ENABLED = False
"""
QUEUE = """
import django, sys
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from helpdesk.models import Queue
Queue.objects.create(
    title="Bench", slug="bench", email_address="bench@bench.example", allow_email_submission=True, logging_type="none",
    email_box_type="imap", email_box_host="127.0.0.1", email_box_port=int(sys.argv[1]), email_box_ssl=False,
    email_box_user=sys.argv[2], email_box_pass=sys.argv[3], email_box_imap_folder="INBOX", email_box_interval=0,
)
"""


def environment() -> Path:
    """The Python of an environment that holds django-helpdesk."""
    folder = corpus.CACHE / f"django-helpdesk-{VERSION}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"django-helpdesk=={VERSION}"], check=True)
        (folder / "ready").touch()
    return python


class Helpdesk:
    """A project of its own in a private folder."""

    def __init__(self, python: Path, port: int, user: str) -> None:
        self.python = python
        self.folder = private_folder("helpdesk")
        (self.folder / "media").mkdir()
        (self.folder / "settings.py").write_text(SETTINGS.format(folder=self.folder))
        (self.folder / "urls.py").write_text(
            "from django.urls import include, path\nurlpatterns = [path('', include('helpdesk.urls'))]\n"
        )
        (self.folder / "queue_of_bench.py").write_text(QUEUE)
        self.environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(self.folder)}
        self._run("queue_of_bench.py", str(port), user, PASSWORD)
        with sqlite3.connect(self.folder / "helpdesk.sqlite3") as connection:
            connection.execute("UPDATE helpdesk_queue SET email_box_last_check = NULL")

    def poll(self) -> tuple[float, float, str]:
        """One run of get_email: seconds, CPU seconds, and its last words if it failed."""
        with sqlite3.connect(self.folder / "helpdesk.sqlite3") as connection:
            connection.execute("UPDATE helpdesk_queue SET email_box_last_check = NULL")
        started, usage = time.monotonic(), os.times()
        done = self._run("-m", "django", "get_email", "--quiet", check=False)
        used = os.times()
        seconds = time.monotonic() - started
        cpu = used.children_user + used.children_system - usage.children_user - usage.children_system
        said = [line for line in done.stderr.splitlines() if line and not line.startswith((" ", "Traceback"))]
        return seconds, cpu, said[-1] if said else ""

    def stored(self) -> int:
        """Messages that became a ticket or a follow-up of one."""
        with sqlite3.connect(self.folder / "helpdesk.sqlite3") as connection:
            return int(connection.execute("SELECT count(*) FROM helpdesk_followup").fetchone()[0])

    def close(self) -> None:
        remove_folder(self.folder)

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise SystemExit(f"django-helpdesk could not be set up:\n{done.stderr[-3000:]}")
        return done


def startup_seconds(helpdesk: Helpdesk) -> float:
    """How long the command takes with nothing to do: taken off, in its favour."""
    return helpdesk.poll()[0]


def work(server: MailServer, python: Path, count: int, restarts: int) -> dict[str, Any]:
    """Let it work through a fresh mailbox."""
    idle = Helpdesk(python, server.imap, server.fill(0))
    start = startup_seconds(idle)
    idle.close()
    user = server.fill(count)
    helpdesk = Helpdesk(python, server.imap, user)
    wait_until_quiet()
    machine, before = Machine(), server.cpu_seconds()
    seconds = cpu = 0.0
    stops: list[str] = []
    while True:
        took, used, said = helpdesk.poll()
        seconds, cpu = seconds + took - start, cpu + used
        left = sum(1 for message in server.dovecot.messages(user) if "T" not in message.flags)
        if left:
            stops.append(said)
        if not left or len(stops) > restarts:
            break
        _remove_first(server, user)
    stored = helpdesk.stored()
    others = machine.others(cpu + server.cpu_seconds() - before)
    helpdesk.close()
    server.empty(user)
    return {
        "way": f"django-helpdesk {VERSION}", "stored": f"{stored} of {count}", "rate": stored / seconds,
        "seconds": seconds,
        "cpu_ms": cpu / max(1, stored) * 1000, "stops": len(stops), "left": left, "others": others,
        "last words": stops[-1][:120] if stops else "",
    }  # fmt: skip


def _remove_first(server: MailServer, user: str) -> None:
    """The message that stopped it is the first that it has not marked as deleted."""
    waiting = [message for message in server.dovecot.messages(user) if "T" not in message.flags]
    waiting[0].path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="500 messages, one round")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--restarts", type=int, default=50, help="how often it is helped over a message")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.small:
        options.messages, options.rounds = 500, 1
    python = environment()
    report = Report("django-helpdesk", options.small)
    ratios = []
    with mail_server() as server:
        server.set_stock(corpus.messages(options.messages, options.folder))
        for round_ in range(1, options.rounds + 1):
            theirs = work(server, python, options.messages, options.restarts)
            report.row(round=round_, **theirs)
            ours = run(server, options.messages)
            report.row(round=round_, way="postroom", stored=f"{options.messages} of {options.messages}", **ours)
            ratios.append(ours["rate"] / theirs["rate"])
    report.figure("postroom / django-helpdesk, same mailbox, SQLite", median(ratios), 20.0)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
