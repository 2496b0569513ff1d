"""What every source promises (postroom/drivers/contract.py): each built-in driver against a server that can fail."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from postroom.conf.errors import AuthenticationFailed, Permanent, PostroomError, Transient
from postroom.conf.parameters import Values, resolve
from postroom.drivers.contract import Acknowledgement, Batch, Comparison, Listing, Retrieved, Surroundings
from postroom.drivers.internet_smtp_imap import InternetSmtpImap
from postroom.drivers.internet_smtp_pop3 import InternetSmtpPop3
from servers.certificates import ServerCertificate
from servers.scripted import Break, LineServer, Stall
from servers.scripted_imap import ScriptedImap
from servers.scripted_pop3 import ScriptedPop3

SMALL = (
    b"From: a@example.com\r\nSubject: %d\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\n.one dot\r\n..two\r\nend\r\n"
)


def run(test: Callable[[], Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await test()

    return asyncio.run(bounded())


@dataclass
class World:
    """One kind of driver with its server; the ledger is a set."""

    service: str
    folder: Path
    certificate: ServerCertificate
    encryption: str = "none"
    seen: set[tuple[str, int, str]] = field(default_factory=set)
    listings: list[Listing] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    not_before_ms: int | None = None
    server: Any = None
    stalled: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.driver: Any = InternetSmtpImap() if self.service == "IMAP" else InternetSmtpPop3()
        kind: type[LineServer] = ScriptedImap if self.service == "IMAP" else ScriptedPop3
        tls = None if self.encryption == "none" else self.certificate.server_context()
        self.server = kind(tls, self.encryption == "tls")

    def values(self, **more: object) -> Values:
        said: dict[str, object] = {
            f"{self.service}Server": "127.0.0.1",
            f"{self.service}Port": self.server.port,
            f"{self.service}AccountName": self.server.account,
            f"{self.service}Password": self.server.password,
            f"{self.service}Timeout": 5,
            f"{self.service}Encryption": self.encryption,
            "SMTPServer": "127.0.0.1",
        }
        if self.encryption != "none":
            said["CertificateAuthority"] = str(self.certificate.authority)
        return resolve(self.driver.parameters, said, more)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings("support@example.com", self.folder / "spool", self.log.append)

    def add(self, octets: bytes) -> str:
        if self.service == "IMAP":
            return str(self.server.mailboxes["INBOX"].add(octets))
        return str(self.server.add(octets))

    def there(self) -> list[bytes]:
        if self.service == "IMAP":
            box = self.server.mailboxes["INBOX"]
            assert not any("\\Seen" in message.flags for message in box.messages.values())
            return [message.octets for message in box.messages.values()]
        return [octets for _, octets in self.server.messages]

    def lie(self, source_id: str, size: int) -> None:
        self.server.sizes[int(source_id) if self.service == "IMAP" else source_id] = size

    async def compare(self, listing: Listing) -> Comparison:
        self.listings.append(listing)
        new = [text for text in listing.source_ids if (listing.mailbox, listing.epoch, text) not in self.seen]
        return Comparison(new, self.not_before_ms)

    async def source(self, **more: object) -> Any:
        return await self.driver.open_source(self.values(**more), self.surroundings)

    async def round(self, source: Any, action: Any = None) -> list[Retrieved]:
        """A round as the receiver does it: commit, then acknowledge."""
        found = []
        async for batch in source.fetch_new(self.compare):
            found += self.commit(batch)
            if action:
                items = [Acknowledgement(message.identity, action) for message in batch.messages]
                outcomes = await source.acknowledge(items)
                assert [outcome.identity for outcome in outcomes] == [item.identity for item in items]
                assert all(outcome.done for outcome in outcomes), outcomes
        return found

    def commit(self, batch: Batch) -> list[Retrieved]:
        for message in batch.messages:
            identity = message.identity
            key = (identity.mailbox, identity.epoch, identity.source_id)
            assert key not in self.seen, "one identity in two batches"
            self.seen.add(key)
            said = (message.octets is not None, bool(message.spooled), message.excluded is not None, message.vanished)
            assert sum(said) == 1, "exactly one of octets, spooled, excluded, vanished"
        return batch.messages

    def fail_at(self, number: int, end: Break) -> None:
        """Break when the body of that message is asked for, after its first octets."""

        def fault(command: str, answer: bytes) -> bytes:
            words = command.upper().split()
            if self.service == "IMAP" and "FETCH" in words and "BODY.PEEK[]" in command.upper():
                mark = answer.find(b"FETCH (UID %d " % number)
                if mark >= 0:
                    self.stalled.set()
                    raise type(end)(answer[: mark + 60])
            if self.service == "POP3" and words == ["RETR", str(number)]:
                self.stalled.set()
                raise type(end)(answer[:60])
            return answer

        self.server.fault = fault


@pytest.fixture(params=["IMAP", "POP3"])
def world(request: pytest.FixtureRequest, tmp_path: Path, certificate: ServerCertificate) -> World:
    return World(request.param, tmp_path, certificate)


def bodies(messages: list[Retrieved]) -> list[bytes]:
    return [message.octets or b"" for message in messages]


def test_every_message_comes_once_to_the_octet(world: World) -> None:
    async def test() -> None:
        async with world.server:
            sent = [SMALL % number for number in range(250)]
            sent += [b"", b".\r\n", b"..\r\n\r\n.", b"no header\r\n", b"Subject: bare\n\nline\n.\nfeeds\n.more\r\n"]
            sent[-3] += b"\r\n"
            for octets in sent:
                world.add(octets)
            source = await world.source()
            found = await world.round(source)
            assert Counter(bodies(found)) == Counter(sent)
            assert [message.size for message in found] == [len(octets) for octets in bodies(found)]
            assert await world.round(source) == []
            world.add(SMALL % 999)
            assert bodies(await world.round(source)) == [SMALL % 999]
            assert world.there() == [*sent, SMALL % 999], "the server is as it was"
            await source.close()

    run(test)


def test_an_empty_mailbox_gives_one_empty_batch(world: World) -> None:
    async def test() -> None:
        async with world.server:
            source = await world.source()
            batches = [batch async for batch in source.fetch_new(world.compare)]
            assert [batch.messages for batch in batches] == [[]]
            assert world.listings[0].complete
            await source.close()

    run(test)


def test_what_is_acknowledged_is_deleted_and_nothing_else(world: World) -> None:
    async def test() -> None:
        async with world.server:
            for number in range(230):
                world.add(SMALL % number)
            source = await world.source()
            assert len(await world.round(source, "delete")) == 230
            assert world.there() == []
            keep, remove = world.add(SMALL % 1), world.add(SMALL % 2)
            async for batch in source.fetch_new(world.compare):
                taken = [m for m in world.commit(batch) if m.identity.source_id == remove]
                outcomes = await source.acknowledge([Acknowledgement(m.identity, "delete") for m in taken])
                assert all(outcome.done for outcome in outcomes)
            assert world.there() == [SMALL % 1]
            again = [Acknowledgement(m.identity, "delete") for m in taken]
            assert [outcome.done for outcome in await source.acknowledge(again)] == [True], "gone is done"
            assert keep in {text for _, _, text in world.seen}
            await source.close()

    run(test)


def test_leaving_needs_no_word_to_the_server(world: World) -> None:
    async def test() -> None:
        async with world.server:
            world.add(SMALL % 1)
            source = await world.source()
            await world.round(source, "leave")
            assert world.there() == [SMALL % 1]
            assert not any("STORE" in line or "DELE" in line for line in world.server.commands)
            await source.close()

    run(test)


def test_an_abandoned_round_leaves_everything_and_is_repeated(world: World) -> None:
    async def test() -> None:
        async with world.server:
            sent = [SMALL % number for number in range(450)]
            for octets in sent:
                world.add(octets)
            source = await world.source()
            rounds = source.fetch_new(world.compare)
            first = await anext(rounds)
            assert 0 < len(first.messages) < 450
            await rounds.aclose()
            assert Counter(bodies(await world.round(source))) == Counter(sent)
            assert world.there() == sent
            await source.close()

    run(test)


def test_a_large_message_comes_as_a_file(world: World) -> None:
    async def test() -> None:
        async with world.server:
            large = b"Subject: large\r\n\r\n" + b".0123456789abcdef\r\n" * 300_000
            world.add(SMALL % 1)
            liar = world.add(large)
            world.add(SMALL % 2)
            world.lie(liar, 100)  # its announced size says nothing
            source = await world.source()
            found = await world.round(source)
            assert sorted(octets for octets in bodies(found) if octets) == [SMALL % 1, SMALL % 2]
            (spooled,) = [message for message in found if message.spooled]
            assert spooled.spooled is not None
            assert spooled.spooled.read_bytes() == large
            assert spooled.size == len(large)
            await source.close()
            assert list((world.folder / "spool").iterdir()) == [spooled.spooled]

    run(test)


@pytest.mark.parametrize("announced", [None, 10])
def test_too_large_is_excluded_with_its_header(world: World, announced: int | None) -> None:
    async def test() -> None:
        async with world.server:
            header = b"From: a@example.com\r\nSubject: too large"
            source_id = world.add(header + b"\r\n\r\n" + b"x" * 70 * 1000)
            if announced is not None:
                world.lie(source_id, announced)
            world.add(SMALL % 1)
            source = await world.source(MaxMessageSize=60_000)
            found = await world.round(source)
            (excluded,) = [message for message in found if message.excluded]
            assert "MaxMessageSize" in (excluded.excluded or "")
            assert excluded.header.strip() == header
            assert len(world.there()) == 2
            await source.close()
            assert not list((world.folder / "spool").glob("*"))

    run(test)


def test_mail_from_before_the_start_is_excluded(world: World) -> None:
    async def test() -> None:
        async with world.server:
            received = "Received: from a by b; {}\r\n".format
            world.add(received("Mon, 5 Jan 2026 10:00:00 +0000").encode() + SMALL % 1)
            world.add(received("Tue, 3 Feb 2026 10:00:00 +0000").encode() + SMALL % 2)
            if world.service == "IMAP":
                world.server.mailboxes["INBOX"].messages[1].received = 1767607200
                world.server.mailboxes["INBOX"].messages[2].received = 1770112800
            world.not_before_ms = 1769904000_000
            source = await world.source()
            found = await world.round(source)
            assert [bool(message.excluded) for message in found] == [True, False]
            await source.close()

    run(test)


@pytest.mark.parametrize("end", [Break(), Stall()], ids=["disconnected", "stalled"])
def test_a_message_that_breaks_the_connection_holds_up_no_other(world: World, end: Break) -> None:
    async def test() -> None:
        async with world.server:
            sent = [SMALL % number for number in range(12)]
            for octets in sent:
                world.add(octets)
            world.fail_at(3, end)
            for _ in range(16):
                source = await world.source(**{f"{world.service}Timeout": 1})
                with pytest.raises(Transient):
                    await world.round(source)
                await source.close()
                if len(world.seen) == 11:
                    break
            assert len(world.seen) == 11
            assert world.there() == sent
            world.server.fault = None
            source = await world.source()
            assert bodies(await world.round(source)) == [sent[2]]
            await source.close()

    run(test)


def test_a_cancelled_round_leaves_the_server_as_it_was(world: World) -> None:
    async def test() -> None:
        async with world.server:
            world.add(SMALL % 1)
            world.fail_at(1, Stall())
            source = await world.source()
            task = asyncio.create_task(world.round(source))
            await world.stalled.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await source.close()
            assert world.there() == [SMALL % 1]

    run(test)


def test_a_refused_password_is_told_with_the_servers_words_and_without_it(world: World) -> None:
    async def test() -> None:
        async with world.server:
            secret = "Wr0ng-secret"
            with pytest.raises(AuthenticationFailed) as failed:
                await world.round(await world.source(**{f"{world.service}Password": secret}))
            assert "not with" in str(failed.value)
            assert secret not in str(failed.value)
            assert secret not in "\n".join(world.log)
            assert world.log

    run(test)


def test_the_debug_log_holds_no_password_and_no_content(world: World) -> None:
    async def test() -> None:
        async with world.server:
            world.add(SMALL % 1)
            source = await world.source()
            await world.round(source, "delete")
            await source.close()
            text = "\n".join(world.log)
            assert "C: " in text
            assert "S: " in text
            assert world.server.password not in text
            assert "one dot" not in text

    run(test)


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_encryption_is_verified(encryption: str, world: World) -> None:
    world = World(world.service, world.folder, world.certificate, encryption)

    async def test() -> None:
        async with world.server:
            world.add(SMALL % 1)
            for trust in (
                {},
                {"CertificateAuthority": "", "CertificateFingerprint": world.certificate.fingerprint.upper()},
                {"TLSMinimumVersion": "1.3"},
            ):
                world.seen.clear()
                source = await world.source(**trust)
                assert bodies(await world.round(source)) == [SMALL % 1]
                await source.close()
            before = len(world.server.commands)
            for trust in ({"CertificateAuthority": ""}, {"CertificateFingerprint": "0" * 64}):
                with pytest.raises(Permanent, match=r"trusted|fingerprint"):
                    await world.round(await world.source(**trust))
            said = " ".join(world.server.commands[before:])
            assert world.server.password not in said
            assert world.server.account not in said

    run(test)


def test_starttls_is_not_given_up_when_the_server_has_none(world: World) -> None:
    async def test() -> None:
        async with world.server:
            with pytest.raises(Permanent):
                await world.round(await world.source(**{f"{world.service}Encryption": "starttls"}))
            assert world.server.account not in " ".join(world.server.commands)

    run(test)


def test_what_is_said_between_starttls_and_tls_counts_for_nothing(world: World) -> None:
    world = World(world.service, world.folder, world.certificate, "starttls")

    async def test() -> None:
        async with world.server:

            def fault(command: str, answer: bytes) -> bytes:
                injected = b"* OK injected\r\n" if world.service == "IMAP" else b"+OK injected\r\n"
                return answer + injected if command.upper().endswith(("STARTTLS", "STLS")) else answer

            world.server.fault = fault
            with pytest.raises(Transient):
                await world.round(await world.source())
            assert world.server.account not in " ".join(world.server.commands)

    run(test)


def test_a_password_does_not_go_unencrypted_to_another_host(world: World) -> None:
    world.server.port = 1
    values = world.values(**{f"{world.service}Server": "mail.example.com"})
    assert any("unencrypted" in problem for problem in world.driver.check(values))
    allowed = world.values(**{f"{world.service}Server": "mail.example.com", "AllowPlaintextPassword": True})
    assert world.driver.check(allowed) == []


def test_the_check_names_everything_at_once(world: World) -> None:
    values = resolve(world.driver.parameters, {"StartFrom": "soon", "CertificateAuthority": "/nowhere/ca.pem"})
    problems = "\n".join(world.driver.check(values))
    for name in ("Server", "AccountName", "Password"):
        assert f"{world.service}{name}: " in problems
    assert "SMTPServer" in problems
    assert "StartFrom" in problems
    assert "/nowhere/ca.pem" in problems


def test_the_connection_test_tells_each_step(world: World) -> None:
    async def test() -> None:
        async with world.server:
            world.add(SMALL % 1)
            steps = [step async for step in world.driver.test_source(world.values(), world.surroundings)]
            assert all(step.ok for step in steps), steps
            assert len(steps) >= 6
            assert any("1 messages" in step.detail for step in steps)
            assert world.there() == [SMALL % 1]

    run(test)


@pytest.mark.parametrize(
    "wrong", [{"Port": 1}, {"Server": "no-such-host.invalid"}, {"Password": "Wr0ng-secret"}, {"Encryption": "tls"}]
)
def test_the_connection_test_ends_with_the_step_that_fails(world: World, wrong: dict[str, object]) -> None:
    async def test() -> None:
        async with world.server:
            more = {f"{world.service}{name}": value for name, value in wrong.items()}
            steps = [step async for step in world.driver.test_source(world.values(**more), world.surroundings)]
            assert [step.ok for step in steps].count(False) == 1
            assert not steps[-1].ok
            assert steps[-1].detail
            assert "Wr0ng-secret" not in repr(steps)

    run(test)


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff\r\n" * 300, b"* BYE full\r\n"])
def test_a_server_of_another_kind_is_a_clear_error(world: World, words: bytes) -> None:
    async def test() -> None:
        async with world.server:

            def fault(command: str, answer: bytes) -> bytes:
                raise Break(words)

            world.server.fault = fault
            with pytest.raises(PostroomError):
                await world.round(await world.source())

    run(test)


def test_waiting_ends_in_time(world: World) -> None:
    async def test() -> None:
        async with world.server:
            source = await world.source()
            await world.round(source)
            began = time.monotonic()
            await source.wait(0.2)
            assert time.monotonic() - began >= 0.15
            await source.close()
            await source.close()

    run(test)


def test_files_of_a_failed_round_are_removed(world: World) -> None:
    async def test() -> None:
        async with world.server:
            for _ in range(2):
                world.add(b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 300_000)
            counter = itertools.count()

            def fault(command: str, answer: bytes) -> bytes:
                if len(answer) > 500_000 and next(counter) == 1:
                    raise Break(answer[: len(answer) // 2])
                return answer

            world.server.fault = fault
            source = await world.source()
            with pytest.raises(Transient):
                await world.round(source)
            await source.close()
            kept = [path for path in (world.folder / "spool").glob("*") if path.stat().st_size]
            assert len(kept) == len(world.seen)

    run(test)
