"""What every source promises (postroom/drivers/contract.py), for the driver to copy: copy these tests with it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.example_driver import driver
from postroom.conf.errors import Transient
from postroom.conf.parameters import Values, resolve
from postroom.drivers.contract import (
    Acknowledgement,
    Action,
    Comparison,
    Identity,
    Listing,
    Retrieved,
    Source,
    Surroundings,
)


def put(folder: Path, name: str, message: str) -> None:
    (folder / name).write_text(json.dumps({"message": message}), "utf-8")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def values(folder: Path, **more: object) -> Values:
    return resolve(driver.parameters, {"Folder": str(folder), "SMTPServer": "127.0.0.1", **more})


class Ledger:
    """What the receiver knows: a set."""

    def __init__(self, not_before_ms: int | None = None) -> None:
        self.seen: set[str] = set()
        self.not_before_ms = not_before_ms

    async def compare(self, listing: Listing) -> Comparison:
        assert listing.complete
        return Comparison([name for name in listing.source_ids if name not in self.seen], self.not_before_ms)

    async def round(self, source: Source, action: Action | None = None) -> list[Retrieved]:
        found: list[Retrieved] = []
        async for batch in source.fetch_new(self.compare):
            for message in batch.messages:
                assert message.identity.source_id not in self.seen, "one identity in two batches"
                self.seen.add(message.identity.source_id)
                said = (message.octets is not None, message.excluded is not None, message.vanished)
                assert sum(said) == 1, "exactly one of octets, excluded, vanished"
            found += batch.messages
            if action:
                outcomes = await source.acknowledge([Acknowledgement(m.identity, action) for m in batch.messages])
                assert all(outcome.done for outcome in outcomes), outcomes
        return found


def with_source(folder: Path, test: Callable[[Source], Any], **more: object) -> None:
    async def run() -> None:
        async with asyncio.timeout(30):
            source = await driver.open_source(values(folder, **more), Surroundings("p", folder / "spool"))
            await test(source)
            await source.close()

    asyncio.run(run())


def test_every_message_comes_once_to_the_octet(tmp_path: Path) -> None:
    sent = [f"Subject: Größe {number}\r\n\r\n.\n" for number in range(250)]
    for number, message in enumerate(sent):
        put(tmp_path, f"{number}.json", message)
    (tmp_path / "half-written.json.part").write_text("{")

    async def test(source: Source) -> None:
        ledger = Ledger()
        found = await ledger.round(source)
        assert sorted(m.octets or b"" for m in found) == sorted(m.encode() for m in sent)
        assert [m.size for m in found] == [len(m.octets or b"") for m in found]
        assert await ledger.round(source, "leave") == []
        assert len(names_in(tmp_path)) == 251, "the folder is as it was"

    with_source(tmp_path, test)


def test_an_empty_folder_gives_one_empty_batch(tmp_path: Path) -> None:
    async def test(source: Source) -> None:
        assert [batch.messages async for batch in source.fetch_new(Ledger().compare)] == [[]]

    with_source(tmp_path, test)


def test_what_is_acknowledged_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        put(tmp_path, name, "Subject: x\n\n")

    async def test(source: Source) -> None:
        ledger = Ledger()
        ledger.seen = {"b.json"}
        await ledger.round(source, "delete")
        assert names_in(tmp_path) == ["b.json"]
        again = await source.acknowledge([Acknowledgement(Identity("", 0, "a.json"), "delete")])
        assert [outcome.done for outcome in again] == [True], "gone is done"
        refused = await source.acknowledge([Acknowledgement(Identity("", 0, "b.json"), "move")])
        assert [(outcome.done, bool(outcome.reason)) for outcome in refused] == [(False, True)]

    with_source(tmp_path, test)


def test_an_abandoned_round_is_repeated_whole(tmp_path: Path) -> None:
    for number in range(250):
        put(tmp_path, f"{number}.json", "Subject: x\n\n")

    async def test(source: Source) -> None:
        rounds: Any = source.fetch_new(Ledger().compare)
        assert 0 < len((await anext(rounds)).messages) < 250
        await rounds.aclose()
        assert len(await Ledger().round(source)) == 250

    with_source(tmp_path, test)


@pytest.mark.parametrize(
    "octets",
    [b"", b"{", b"[]", b'{"message": 1}', b'{"subject": "x"}', b"\xff", b"[" * 100_000, b'{"message": "\\ud800"}'],
    ids=range(8),
)
def test_what_is_no_message_is_excluded_with_its_reason(octets: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(octets)
    put(tmp_path, "good.json", "Subject: x\n\n")

    async def test(source: Source) -> None:
        found = {m.identity.source_id: m for m in await Ledger().round(source)}
        assert "JSON" in (found["bad.json"].excluded or "")
        assert found["good.json"].octets

    with_source(tmp_path, test)


def test_too_large_and_too_old_are_excluded(tmp_path: Path) -> None:
    put(tmp_path, "large.json", "x" * 5000)
    put(tmp_path, "old.json", "Subject: x\n\n")
    os.utime(tmp_path / "old.json", (1_000_000, 1_000_000))

    async def test(source: Source) -> None:
        found = {m.identity.source_id: m.excluded or "" for m in await Ledger(2_000_000_000).round(source)}
        assert "MaxMessageSize" in found["large.json"]
        assert "StartFrom" in found["old.json"]

    with_source(tmp_path, test, MaxMessageSize=1024)


def test_what_vanishes_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a.json", "Subject: x\n\n")

    async def test(source: Source) -> None:
        async def compare(listing: Listing) -> Comparison:
            (tmp_path / "a.json").unlink()
            return Comparison(listing.source_ids)

        assert [m.vanished async for batch in source.fetch_new(compare) for m in batch.messages] == [True]

    with_source(tmp_path, test)


def test_a_folder_that_is_away_is_a_clear_error(tmp_path: Path) -> None:
    async def test(source: Source) -> None:
        with pytest.raises(Transient, match="nowhere"):
            await Ledger().round(source)
        wrong = values(tmp_path / "nowhere")
        steps = [step async for step in driver.test_source(wrong, Surroundings("p", tmp_path))]
        assert [step.ok for step in steps] == [False]

    with_source(tmp_path / "nowhere", test)


def test_it_declares_itself(tmp_path: Path) -> None:
    names = [parameter.name for parameter in driver.parameters]
    assert len(names) == len(set(names))
    assert all(parameter.help.endswith(".") for parameter in driver.parameters)
    assert driver.check(values(tmp_path)) == []
    assert [problem.partition(":")[0] for problem in driver.check(resolve(driver.parameters))] == [
        "Folder",
        "SMTPServer",
    ]
