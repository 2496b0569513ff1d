"""What `postroom doctor` looks at. No examination connects to a mail server or changes anything."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from postroom.conf.errors import PostroomError
from postroom.conf.settings import key_path, settings

LEAST_FREE = 1 << 30
SILENT_MS = 15 * 60_000
OVERDUE_MS = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: well, worth a note, or wrong; what to do."""

    about: str
    state: Literal["well", "note", "wrong"]
    sentence: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Everything, in the order in which one thing needs another; stops where the rest can't be asked."""
    yield from _files()
    from postroom.cli.store import open_store

    try:
        open_store()
    except PostroomError as error:
        yield Finding("database", "wrong", error.sentence, error.advice)
        return
    yield Finding("database", "well", "it answers, and its schema is this version's")
    examinations: tuple[Callable[[], Iterator[Finding]], ...] = (
        _clock, _key, _configuration, _instances, _profiles, _stuck,
    )  # fmt: skip
    for examination in examinations:
        yield from examination()


def _files() -> Iterator[Finding]:
    from postroom.cli.store import locate

    locate()
    folder = settings().data_dir
    if not folder.is_dir():
        yield Finding("data folder", "wrong", f"{folder} does not exist.", "Run `postroom init`.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("data folder", "wrong", f"{folder} can't be written to.", "Run as its owner.")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        sentence = f"only {free // 1_000_000} MB are free on its disk"
        yield Finding("data folder", "wrong", sentence, "Make room: with a full disk no mail is accepted.")
    else:
        yield Finding("data folder", "well", f"{folder}, {free // 1_000_000_000} GB free")
    yield from _key_file(key_path())


def _key_file(path: Path) -> Iterator[Finding]:
    if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("key file", "wrong", f"others may read {path}", f"Run `chmod 600 {path}`.")


def _clock() -> Iterator[Finding]:
    from postroom.store.database import now_ms, reading

    with reading() as cursor:
        cursor.execute("SELECT MAX(seen_ms) FROM postroom_instance")
        newest = cursor.fetchone()[0] or 0
    ahead = newest - now_ms()
    if ahead > 10_000:
        sentence = f"this machine's clock is {ahead // 1000} s behind another instance's"
        yield Finding("clock", "wrong", sentence, "Set the clocks by NTP: leases and retries depend on them.")


def _key() -> Iterator[Finding]:
    from postroom.conf import sealing

    try:
        count = len(sealing.keys())
    except PostroomError as error:
        yield Finding("key file", "wrong", error.sentence, error.advice)
        return
    yield Finding("key file", "well", f"{key_path()}, {count} {'key' if count == 1 else 'keys'}")


def _configuration() -> Iterator[Finding]:
    from postroom.store.publishing import configuration

    conf = configuration.current()
    if not conf.number:
        yield Finding("configuration", "note", "nothing was submitted yet", "`postroom apply FILE --submit -m WHY`.")
        return
    yield Finding("configuration", "well", f"number {conf.number} is in force, {len(conf.profiles)} profiles")
    for name, reason in conf.problems.items():
        yield Finding(f"profile {name}", "wrong", f"it can't run: {reason}")
    for group in conf.groups.values():
        if group.active and not group.administrator:
            sentence = "it has no administrator: nobody is told when something fails"
            yield Finding(f"response group {group.name}", "note", sentence, "Set `administrator`.")


def _instances() -> Iterator[Finding]:
    from postroom.store import instances
    from postroom.store.database import now_ms

    alive = [i for i in instances.alive() if now_ms() - i["seen_ms"] < instances.DEAD_AFTER_MS]
    if not alive:
        yield Finding("processes", "note", "no process runs: no mail is retrieved or sent", "Run `postroom serve`.")
        return
    roles = {role for i in alive for role in str(i["roles"]).split(",")}
    for role in sorted({"receiver", "processor", "outbound"} - roles):
        yield Finding("processes", "wrong", f"no process has the role {role}", f"`postroom serve --roles {role}`.")
    yield Finding("processes", "well", ", ".join(f"{i['name']} ({i['roles']})" for i in alive))


def _profiles() -> Iterator[Finding]:
    from postroom.store import instances
    from postroom.store.database import now_ms
    from postroom.store.models import ProfileHealth
    from postroom.store.publishing import configuration

    conf = configuration.current()
    watched = {
        p.id for p in conf.profiles.values() if (group := conf.groups.get(p.group or "")) is not None and group.active
    }
    now = now_ms()
    if not any(
        "receiver" in str(i["roles"]) and now - i["seen_ms"] < instances.DEAD_AFTER_MS for i in instances.alive()
    ):
        yield Finding("profiles", "note", f"nobody watches the {len(watched)} profiles")
        return
    for health in ProfileHealth.objects.select_related("profile").filter(profile_id__in=watched):
        about = f"profile {health.profile.name}"
        if health.state == "refused":
            yield Finding(about, "wrong", health.reason, "Correct the account or the password, and submit.")
        elif health.state == "failing":
            sentence = f"{health.failures} failures in a row: {health.reason}"
            yield Finding(about, "wrong", sentence, f"`postroom profile test {health.profile.name}`.")
        elif health.last_success_ms and now - health.last_success_ms > SILENT_MS:
            minutes = (now - health.last_success_ms) // 60_000
            yield Finding(about, "wrong", f"its mailbox was last seen {minutes} minutes ago", "Look at the log.")
        else:
            yield Finding(about, "well", "it is watched" if health.last_success_ms else "it is starting")


def _stuck() -> Iterator[Finding]:
    from postroom.store.database import now_ms, reading

    now = now_ms()
    questions: tuple[tuple[str, str, list[int], str], ...] = (
        ("SELECT COUNT(*) FROM postroom_inboundevent WHERE state = 'failed'", "events failed and wait for you", [],
         "`postroom events list --state failed`; then `events resubmit` or `events discard`."),
        ("SELECT COUNT(*) FROM postroom_inboundevent WHERE state = 'queued' AND accepted_ms < %s",
         "events have been queued for over five minutes", [now - OVERDUE_MS],
         "Is a process with the right role running?"),
        ("SELECT COUNT(*) FROM postroom_outboundmessage WHERE state = 'failed'", "outbound messages failed", [],
         "`postroom outbound list --state failed`; then `outbound retry` or `outbound cancel`."),
        ("SELECT COUNT(*) FROM postroom_outboundmessage WHERE state = 'unknown'",
         "outbound messages have an unknown outcome", [], "`postroom outbound list --state unknown`."),
        ("SELECT COUNT(*) FROM postroom_ledgerentry WHERE acknowledged_ms IS NULL AND acknowledge_failures > 2",
         "messages can't be acknowledged on their server", [], "`postroom ledger reconcile`."),
    )  # fmt: skip
    with reading() as cursor:
        for statement, sentence, arguments, advice in questions:
            cursor.execute(statement, arguments)
            if count := cursor.fetchone()[0]:
                yield Finding("work", "wrong", f"{count} {sentence}", advice)
