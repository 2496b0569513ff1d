"""A communications driver to copy: retrieves messages that another program drops into a folder, submits by SMTP.

Each file NAME.json of the folder is one message, `{"message": "From: …\\n\\n…"}`, as a web form might write it. The
other program writes it under another name, renames it when it is complete, and never uses a name twice.

What a driver needs: a name, a title, a channel, declared parameters with help, and what `postroom.drivers.contract`
asks. A package of your own offers it by

    [project.entry-points."postroom.drivers"]
    json-folder = "your_package.json_folder:driver"

Receiver and outbound manager read the parameters of `RETRIEVING` and `SMTP`, so every driver declares them.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from pathlib import Path

from postroom.conf.errors import Transient
from postroom.conf.parameters import Parameter, Values
from postroom.drivers import parameters
from postroom.drivers.contract import (
    Acknowledgement,
    Batch,
    Compare,
    Driver,
    Identity,
    Listing,
    Outcome,
    Retrieved,
    Source,
    Submitter,
    Surroundings,
    TestStep,
)
from postroom.drivers.smtp_submitter import SmtpSubmitter, test_submitter

_NAME = re.compile(r"[\w.-]{1,200}\.json", re.ASCII)
_MOST_MESSAGES, _MOST_OCTETS = 100, 8 * 1024 * 1024  # of a batch


class FolderSource:
    """A folder that is watched. There is no session: between two calls nothing is open."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def fetch_new(self, compare: Compare) -> AsyncGenerator[Batch, None]:
        # What waits for the disk waits in a thread: one event loop serves all profiles
        names = await asyncio.to_thread(listing, self._folder)
        comparison = await compare(Listing("", 0, names, complete=True))
        batch, octets = Batch(), 0
        for name in comparison.new:
            message = await asyncio.to_thread(self._retrieve, name, comparison.not_before_ms)
            batch.messages.append(message)
            octets += message.size
            if len(batch.messages) >= _MOST_MESSAGES or octets >= _MOST_OCTETS:
                yield batch
                batch, octets = Batch(), 0
        if batch.messages or not comparison.new:
            yield batch

    def _retrieve(self, name: str, not_before_ms: int | None) -> Retrieved:
        path, identity = self._folder / name, Identity("", 0, name)
        try:
            status = path.stat()
            written_ms = status.st_mtime_ns // 1_000_000
            if not_before_ms is not None and written_ms < not_before_ms:
                return Retrieved(identity, status.st_size, excluded="It was written before StartFrom.")
            if status.st_size > self._most:
                return Retrieved(identity, status.st_size, excluded="It is larger than MaxMessageSize.")
            text = json.loads(path.read_bytes())["message"]
            octets = text.encode()
        except FileNotFoundError:
            return Retrieved(identity, 0, vanished=True)
        except OSError as error:
            raise Transient(f"The file {path} can't be read: {error.strerror}.", code="4.3.0") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Retrieved(identity, status.st_size, excluded='It is no JSON object with a text "message".')
        return Retrieved(identity, len(octets), octets=octets, received_ms=written_ms)

    async def acknowledge(self, items: Sequence[Acknowledgement]) -> Sequence[Outcome]:
        return [await asyncio.to_thread(self._acknowledge, item) for item in items]

    def _acknowledge(self, item: Acknowledgement) -> Outcome:
        if item.action == "move":
            return Outcome(item.identity, False, "There is no other folder to move it to.")
        try:
            if item.action == "delete":  # nothing to do for "leave" and "flag": a file has no flags
                (self._folder / item.identity.source_id).unlink(missing_ok=True)
        except OSError as error:
            return Outcome(item.identity, False, f"It can't be removed: {error.strerror}.")
        return Outcome(item.identity, True)

    async def close(self) -> None:
        pass


def listing(folder: Path) -> list[str]:
    """The names of the messages, the oldest first.

    Raises `Transient`: the folder may be on a disk that is not mounted yet.
    """
    try:
        found = [(path.stat().st_mtime_ns, path.name) for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except OSError as error:
        raise Transient(f"The folder {folder} can't be read: {error.strerror}.", code="4.3.0") from error
    return [name for _, name in sorted(found)]


class JsonFolder:
    name = "json-folder"
    title = "JSON Folder and Internet SMTP Server"
    channel = "Email"
    parameters: tuple[Parameter, ...] = (
        Parameter("Folder", "text", "The folder that messages are dropped into.", direction="in", required=True),
        *parameters.RETRIEVING,
        *parameters.SMTP,
        *parameters.ENCRYPTION,
    )

    def check(self, values: Values) -> list[str]:
        folder = values.text("Folder")
        problems = [] if folder.startswith("/") else ["Folder: must be the whole path of a folder."]
        return [*problems, *parameters.check_outgoing(values), *parameters.check_trust(values)]

    async def open_source(self, values: Values, surroundings: Surroundings) -> Source:
        return FolderSource(Path(values.text("Folder")), values.number("MaxMessageSize"))

    def open_submitter(self, values: Values, surroundings: Surroundings) -> Submitter:
        return SmtpSubmitter(values, surroundings)

    async def test_source(self, values: Values, surroundings: Surroundings) -> AsyncIterator[TestStep]:
        try:
            names = await asyncio.to_thread(listing, Path(values.text("Folder")))
        except Transient as error:
            yield TestStep("Folder", False, error.sentence, "See that it is there, and that we may read it.")
            return
        yield TestStep("Folder", True, f"{len(names)} messages.")

    def test_submitter(self, values: Values, surroundings: Surroundings) -> Iterator[TestStep]:
        return test_submitter(values, surroundings)


driver: Driver = JsonFolder()
