"""Run the demo: mail servers, a data directory, the components, the samples; then show, and wait or end."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from postroom.cli.output import say, warn
from postroom.conf import logs, sealing
from postroom.conf.errors import UsageError
from postroom.conf.settings import PREFIX, key_path, reset, settings

if TYPE_CHECKING:
    from postroom.cli.demo.samples import Sample
    from postroom.cli.demo.servers import MailSystem
    from postroom.cli.demo.story import Story
    from postroom.cli.serving import Serving

BETWEEN_SECONDS = 0.15


def run(*, once: bool, keep: Path | None, seconds: int) -> int:
    """Run it; returns the exit status."""
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep} is not empty.", advice="Name a new directory, or leave --keep out.")
    folder = keep.absolute() if keep is not None else Path(tempfile.mkdtemp(prefix="postroom-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _environment(folder):
            return _run(folder, once, seconds)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """This process's settings are the demo's, whatever stands around it."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ[PREFIX + "DATA_DIR"] = str(folder)
    os.environ[PREFIX + "CONFIG"] = os.devnull
    os.environ[PREFIX + "WEB_BIND"] = f"127.0.0.1:{_free_port()}"
    reset()
    yield


def _free_port() -> int:
    """8080 if it is free, else any."""
    for port in (8080, 0):
        with contextlib.suppress(OSError), socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind(("127.0.0.1", port))
            return int(candidate.getsockname()[1])
    raise UsageError("No port is free on 127.0.0.1.")


def _run(folder: Path, once: bool, seconds: int) -> int:
    sealing.make_key_file(key_path())
    from postroom.store.setup import migrate

    migrate()
    logs.configure("warning")
    # These need the store set up first.
    from postroom.cli.demo import samples
    from postroom.cli.demo.servers import MailSystem
    from postroom.cli.demo.story import Story
    from postroom.cli.serving import ROLES, Serving
    from postroom.mail import loops

    key = sealing.signing_key()
    chosen = samples.samples(lambda message_id: loops.sign(message_id, key))
    with MailSystem() as mail:
        _configure(mail)
        click.echo(click.style("Postroom demo", bold=True))
        say(f"  mail servers   POP3 {mail.pop3_port}, IMAP {mail.imap_port}, SMTP {mail.smtp_port} on 127.0.0.1")
        say(f"  data directory {folder}")
        say(f"  web            http://{settings().web_bind}/healthz  /readyz  /metrics")
        say(f"\n{len(chosen)} messages are delivered to {samples.SUPPORT} (POP3) and {samples.SALES} (IMAP).")
        serving = Serving(ROLES)
        failure: list[BaseException] = []
        thread = threading.Thread(target=_serve, args=(serving, failure), name="demo serving")
        thread.start()
        delivering = threading.Thread(target=_deliver, args=(mail, chosen), daemon=True)
        delivering.start()
        story = Story(chosen)
        try:
            status = _follow(story, failure, seconds)
            if status is None and not once:
                _wait(failure, folder)
                status = 0
        except KeyboardInterrupt:
            warn("\nEnding …")
            status = 0 if not once else 130
        finally:
            serving.stop()
            thread.join(30)
        return status if status is not None else (0 if all(one.as_expected for one in story.followed) else 1)


def _configure(mail: MailSystem) -> None:
    from postroom.cli.demo.configuration import document
    from postroom.cli.demo.samples import SALES, SUPPORT
    from postroom.cli.store import validators
    from postroom.store.publishing import draft, yaml_file
    from postroom.store.publishing.problems import Refused
    from postroom.store.publishing.submit import submit

    for address in (SUPPORT, SALES):
        mail.add_address(address)
    reading = yaml_file.read(document(mail).encode())
    prepared = draft.prepare(reading.document, reading.problems, validators())
    if prepared.problems:
        raise Refused("The demo's configuration is wrong.", prepared.problems)
    draft.replace_draft(prepared, "demo", draft.get().revision)
    submit("demo", "The demo's configuration", validators())


def _serve(serving: Serving, failure: list[BaseException]) -> None:
    try:
        serving.run()
    except Exception as error:  # noqa: BLE001 - told by the main thread, which waits for it
        failure.append(error)


def _deliver(mail: MailSystem, chosen: Sequence[Sample]) -> None:
    for sample in chosen:
        mail.deliver(sample.address, sample.octets)
        time.sleep(BETWEEN_SECONDS)


def _follow(story: Story, failure: list[BaseException], seconds: int) -> int | None:
    """Show the news until all is settled: None; or for too long: 1."""
    from postroom.cli.demo import showing

    end = time.monotonic() + seconds
    while not story.settled:
        if failure:
            raise failure[0]
        if time.monotonic() > end:
            showing.summary(story)
            warn(f"Not everything was settled within {seconds} seconds.")
            return 1
        showing.news(story)
        time.sleep(0.1)
    showing.news(story)
    showing.summary(story)
    return None


def _wait(failure: list[BaseException], folder: Path) -> None:
    say("\nIt keeps running until ^C. In another terminal:")
    say(f"  export POSTROOM_DATA_DIR={folder}")
    say("  postroom events list")
    say("  postroom events show 1")
    say("  postroom outbound list")
    say("  postroom ledger reconcile")
    while not failure:
        time.sleep(0.2)
    raise failure[0]
