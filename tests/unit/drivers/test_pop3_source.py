"""What only POP3 has: a session for each batch, servers without UIDL, deletions that wait for QUIT."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postroom.conf.errors import AuthenticationFailed, PostroomError, Transient
from postroom.conf.parameters import resolve
from postroom.drivers import parameters
from postroom.drivers.contract import Acknowledgement, Action, Comparison, Listing, Outcome, Retrieved, Surroundings
from postroom.drivers.pop3_source import Pop3Source
from postroom.drivers.suspects import Suspects
from servers.scripted import Break
from servers.scripted_pop3 import ScriptedPop3

DECLARED = (*parameters.POP3, *parameters.RETRIEVING, *parameters.ENCRYPTION)


class World:
    def __init__(self, folder: Path) -> None:
        self.server = ScriptedPop3()
        self.folder = folder
        self.listings: list[Listing] = []
        self.seen: set[str] = set()
        self.outcomes: list[Outcome] = []

    def source(self, **more: object) -> Pop3Source:
        said: dict[str, object] = {
            "POP3Server": "127.0.0.1",
            "POP3Port": self.server.port,
            "POP3AccountName": self.server.account,
            "POP3Password": self.server.password,
            "POP3Encryption": "none",
            "POP3Timeout": 2,
        }
        return Pop3Source(resolve(DECLARED, said, more), Surroundings("support", self.folder), Suspects())

    async def compare(self, listing: Listing) -> Comparison:
        self.listings.append(listing)
        return Comparison([text for text in listing.source_ids if text not in self.seen])

    async def round(self, source: Pop3Source, action: Action | None = None) -> list[list[Retrieved]]:
        found = []
        async for batch in source.fetch_new(self.compare):
            found.append(batch.messages)
            ids = [message.identity.source_id for message in batch.messages]
            assert len(set(ids)) == len(ids)
            assert not self.seen.intersection(ids)
            self.seen.update(ids)
            if action:
                items = [Acknowledgement(message.identity, action) for message in batch.messages]
                self.outcomes += await source.acknowledge(items)
        return found

    @property
    def there(self) -> list[bytes]:
        return [octets for _, octets in self.server.messages]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def play(world: World, test: Callable[[], Any]) -> Any:
    async def bounded() -> Any:
        async with world.server, asyncio.timeout(30):
            return await test()

    return asyncio.run(bounded())


def octets(batches: list[list[Retrieved]]) -> list[bytes]:
    return [message.octets or b"" for batch in batches for message in batch]


@pytest.mark.parametrize("action", ["delete", "leave"])
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_batch_is_a_session(world: World, action: Action, pipelining: bool) -> None:
    async def test() -> None:
        if not pipelining:
            world.server.capabilities.remove("PIPELINING")
        for number in range(25):
            world.server.add(b"%d\r\n" % number)
        batches = await world.round(world.source(POP3BatchSize=10), action)
        assert [len(batch) for batch in batches] == [10, 10, 5]
        assert octets(batches) == [b"%d\r\n" % number for number in range(25)]
        assert world.server.connections == 3
        assert all(outcome.done for outcome in world.outcomes)
        assert len(world.there) == (0 if action == "delete" else 25)

    play(world, test)


@pytest.mark.parametrize("how", ["refused", "disconnected"])
def test_a_deletion_without_quit_is_not_done(world: World, how: str) -> None:
    async def test() -> None:
        world.server.add(b"one\r\n")

        def fault(command: str, answer: bytes) -> bytes:
            if command == "QUIT":
                raise Break(b"-ERR some deleted messages not removed\r\n" if how == "refused" else b"")
            return answer

        world.server.fault = fault
        source = world.source()
        await world.round(source, "delete")
        assert [outcome.done for outcome in world.outcomes] == [False]
        assert world.outcomes[0].reason
        assert world.there == [b"one\r\n"]
        world.server.fault = None
        (outcome,) = await source.acknowledge([Acknowledgement(world.outcomes[0].identity, "delete")])
        assert outcome.done
        assert world.there == []
        await source.close()

    play(world, test)


def test_a_refused_dele_is_told_of_that_message_only(world: World) -> None:
    async def test() -> None:
        world.server.add(b"one\r\n")
        world.server.add(b"two\r\n")
        world.server.fault = lambda command, answer: b"-ERR busy\r\n" if command == "DELE 1" else answer
        await world.round(world.source(), "delete")
        assert [outcome.done for outcome in world.outcomes] == [False, True]
        assert "busy" in world.outcomes[0].reason

    play(world, test)


@pytest.mark.parametrize("action", ["delete", "leave"])
def test_without_uidl_the_octets_say_which_message_it_is(world: World, action: Action) -> None:
    async def test() -> None:
        world.server.capabilities = ["USER"]
        sent = [b"%d\r\n" % number for number in range(25)]
        for one in [*sent, b"same\r\n", b"same\r\n"]:
            world.server.add(one)
        source = world.source(POP3BatchSize=10)
        found = await world.round(source, action)
        assert Counter(octets(found)) == Counter([*sent, b"same\r\n"])
        assert all(message.identity.source_id.startswith("sha256:") for batch in found for message in batch)
        assert not any(listing.complete for listing in world.listings if listing.source_ids)
        world.server.add(b"new\r\n")
        assert octets(await world.round(source, action)) == [b"new\r\n"]
        assert all(outcome.done for outcome in world.outcomes)
        assert len(world.there) == (0 if action == "delete" else 28)

    play(world, test)


def test_messages_that_share_a_uidl_are_told_apart(world: World) -> None:
    async def test() -> None:
        for one in (b"one\r\n", b"two\r\n"):
            world.server.add(one, "shared")
        world.server.add(b"three\r\n", "own")
        source = world.source()
        found = await world.round(source)
        assert Counter(octets(found)) == Counter([b"one\r\n", b"two\r\n", b"three\r\n"])
        ids = [message.identity.source_id for batch in found for message in batch]
        assert sorted(text.split(":")[0] for text in ids) == ["own", "shared sha256", "shared sha256"]
        assert octets(await world.round(source)) == []

    play(world, test)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"-ERR [IN-USE] locked", Transient),
        (b"-ERR [LOGIN-DELAY] wait", Transient),
        (b"-ERR maildrop is locked by another session", Transient),
        (b"-ERR [AUTH] bad", AuthenticationFailed),
        (b"-ERR", AuthenticationFailed),
    ],
)
def test_a_refused_login_is_for_now_or_for_good(world: World, answer: bytes, kind: type[PostroomError]) -> None:
    async def test() -> None:
        world.server.fault = lambda command, said: answer + b"\r\n" if command.startswith("PASS") else said
        with pytest.raises(PostroomError) as failed:
            await world.round(world.source())
        assert type(failed.value) is kind
        assert world.server.password not in str(failed.value)

    play(world, test)


def test_a_refused_message_holds_up_no_other_and_is_told(world: World) -> None:
    async def test() -> None:
        for number in range(15):
            world.server.add(b"%d\r\n" % number)

        def fault(command: str, answer: bytes) -> bytes:
            if command == "RETR 3":
                return b"-ERR [SYS/TEMP] can't be read\r\n"
            return b"-ERR message is expunged\r\n" if command == "RETR 5" else answer

        world.server.fault = fault
        with pytest.raises(Transient, match="can't be read"):
            await world.round(world.source(POP3BatchSize=6))
        assert len(world.seen) == 14

    play(world, test)


def test_a_batch_is_bounded_by_memory(world: World) -> None:
    async def test() -> None:
        for number in range(10):
            world.server.add(b"%d" % number + b"x" * 3_000_000 + b"\r\n")
        batches = await world.round(world.source())
        assert sum(len(batch) for batch in batches) == 10
        for batch in batches:
            assert sum(message.size for message in batch) < 20_000_000

    play(world, test)


def test_a_server_without_capa_and_top_is_understood(world: World) -> None:
    async def test() -> None:
        world.server.capabilities = ["UIDL"]
        world.server.fault = lambda command, answer: b"-ERR what?\r\n" if command in ("CAPA",) else answer
        world.server.add(b"Subject: large\r\n\r\n" + b"x" * 5000 + b"\r\n")
        world.server.add(b"small\r\n")
        (batch,) = await world.round(world.source(MaxMessageSize=1024))
        assert [bool(message.excluded) for message in batch] == [True, False]

    play(world, test)


def test_sasl_plain_is_used_where_there_is_nothing_else(world: World) -> None:
    async def test() -> None:
        world.server.capabilities = ["SASL PLAIN", "UIDL"]
        world.server.fault = lambda command, answer: b"-ERR\r\n" if command.startswith("AUTH") else answer
        with pytest.raises(AuthenticationFailed):
            await world.round(world.source())
        assert any(line.startswith("AUTH PLAIN ") for line in world.server.commands)

    play(world, test)


def test_what_would_be_flagged_is_left_and_what_would_be_moved_is_refused(world: World) -> None:
    async def test() -> None:
        world.server.add(b"one\r\n")
        for action, done in (("flag", True), ("move", False)):
            world.seen.clear()
            await world.round(world.source(), action)  # type: ignore[arg-type]
            assert world.outcomes.pop().done is done
        assert world.there == [b"one\r\n"]

    play(world, test)
