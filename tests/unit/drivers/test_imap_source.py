"""What only IMAP has: mailboxes, UIDVALIDITY, IDLE, the ways to remove a message, and the misbehaviours of servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postroom.conf.errors import AuthenticationFailed, Permanent, PostroomError, Transient
from postroom.conf.parameters import resolve
from postroom.drivers import parameters
from postroom.drivers.contract import Acknowledgement, Comparison, Identity, Listing, Retrieved, Surroundings
from postroom.drivers.imap_acknowledge import KEYWORD
from postroom.drivers.imap_source import ImapSource, open_imap_source
from postroom.drivers.suspects import Suspects
from servers.scripted import Break, Stall
from servers.scripted_imap import Mailbox, ScriptedImap

DECLARED = (*parameters.IMAP, *parameters.RETRIEVING, parameters.PROCESSED_MAILBOX, *parameters.ENCRYPTION)
BODY = b"From: a@example.com\r\nSubject: x\r\n\r\n" + b"hello\r\n" * 100


class World:
    """A server with one mailbox, and a source of it."""

    def __init__(self, folder: Path) -> None:
        self.server = ScriptedImap()
        self.inbox = self.server.mailboxes["INBOX"]
        self.folder = folder
        self.listings: list[Listing] = []
        self.seen: set[tuple[str, int, str]] = set()

    async def source(self, **more: object) -> ImapSource:
        said: dict[str, object] = {
            "IMAPServer": "127.0.0.1",
            "IMAPPort": self.server.port,
            "IMAPAccountName": self.server.account,
            "IMAPPassword": self.server.password,
            "IMAPEncryption": "none",
            "IMAPTimeout": 2,
        }
        return await open_imap_source(resolve(DECLARED, said, more), Surroundings("support", self.folder), Suspects())

    async def compare(self, listing: Listing) -> Comparison:
        self.listings.append(listing)
        return Comparison(
            [text for text in listing.source_ids if (listing.mailbox, listing.epoch, text) not in self.seen]
        )

    async def round(self, source: ImapSource) -> list[Retrieved]:
        found: list[Retrieved] = []
        async for batch in source.fetch_new(self.compare):
            for message in batch.messages:
                identity = message.identity
                self.seen.add((identity.mailbox, identity.epoch, identity.source_id))
            found += batch.messages
        return found

    def identity(self, uid: int, mailbox: str = "INBOX") -> Identity:
        return Identity(mailbox, self.inbox.epoch, str(uid))

    def said(self, text: str) -> list[str]:
        return [line for line in self.server.commands if text in line]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def play(world: World, test: Callable[[], Any]) -> Any:
    async def bounded() -> Any:
        async with world.server, asyncio.timeout(30):
            return await test()

    return asyncio.run(bounded())


def answer_fetch(world: World, replace: Callable[[bytes], bytes]) -> None:
    """Rewrite every answer to a FETCH of bodies in a batch."""

    def fault(command: str, answer: bytes) -> bytes:
        return replace(answer) if "BODY.PEEK[])" in command else answer

    world.server.fault = fault


def literal(body: bytes) -> bytes:
    return b"{%d}\r\n" % len(body) + body


WELL = {
    "ten thousand flags": lambda a: (
        b"".join(b"* %d FETCH (UID %d FLAGS ())\r\n" % (n, n) for n in range(1, 10_000)) + a
    ),
    "unsolicited": lambda a: b"* 7 FETCH (FLAGS (\\Seen))\r\n* 12 EXISTS\r\n* 3 EXPUNGE\r\n" + a,
    "quoted body": lambda a: a.replace(literal(BODY), b'"short"'),
    "UID after": lambda a: a.replace(b"UID 1 ", b"").replace(literal(BODY) + b")", literal(BODY) + b" UID 1)"),
    "bare LF": lambda a: a.replace(b")\r\n", b")\n").replace(b"done\r\n", b"done\n"),
    "garbage": lambda a: b"\x00\xff\xfe garbage\r\n" + a,
    "alert": lambda a: b"* OK [ALERT] braces {5}\r\n" + a,
    "another's body": lambda a: b"* 9 FETCH (UID 999 BODY[] {3}\r\nabc)\r\n" + a,
    "no text": lambda a: a.replace(b" OK done", b" OK"),
}


@pytest.mark.parametrize("name", WELL)
def test_what_servers_may_do_is_understood(world: World, name: str) -> None:
    async def test() -> None:
        world.inbox.add(BODY)
        answer_fetch(world, WELL[name])
        source = await world.source()
        (message,) = await world.round(source)
        assert message.octets == (b"short" if name == "quoted body" else BODY)
        world.server.fault = None
        world.inbox.add(b"next")
        assert [message.octets for message in await world.round(source)] == [b"next"], "the session goes on"
        await source.close()

    play(world, test)


@pytest.mark.parametrize("body", [b"X\r\nP5 OK fake\r\n* BYE fake\r\n", b"", b"\x00\xff" * 50])
def test_content_is_never_taken_for_protocol(world: World, body: bytes) -> None:
    async def test() -> None:
        world.inbox.add(body)
        source = await world.source()
        (message,) = await world.round(source)
        assert (message.octets, message.size) == (body, len(body))
        await source.close()

    play(world, test)


ILL = {
    "disconnect": lambda a: (_ for _ in ()).throw(Break(a[:60])),
    "bye": lambda a: (_ for _ in ()).throw(Break(b"* BYE shutting down\r\n")),
    "stall": lambda a: (_ for _ in ()).throw(Stall(a[:60])),
    "huge literal": lambda a: b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n" + b"x" * 1000,
    "line without end": lambda a: b"* " + b"x" * 200_000,
    "only garbage": lambda a: b"\x00 garbage\r\n" * 500,
}


@pytest.mark.parametrize("name", ILL)
def test_what_servers_must_not_do_is_a_clear_error(world: World, name: str) -> None:
    async def test() -> None:
        world.inbox.add(BODY)
        answer_fetch(world, ILL[name])
        source = await world.source()
        with pytest.raises(Transient) as failed:
            await world.round(source)
        if name == "bye":
            assert "shutting down" in str(failed.value)
        await source.close()
        assert world.inbox.messages[1].octets == BODY

    play(world, test)


@pytest.mark.parametrize("nil", [True, False])
def test_a_message_that_is_gone_meanwhile_has_vanished(world: World, nil: bool) -> None:
    async def test() -> None:
        uids = [world.inbox.add(b"%d" % number) for number in range(3)]

        def without(answer: bytes) -> bytes:
            world.inbox.messages.pop(uids[1], None)
            gone = b"* 2 FETCH (UID %d BODY[] " % uids[1]
            return answer.replace(gone + literal(b"1") + b")\r\n", gone + b"NIL)\r\n" if nil else b"")

        answer_fetch(world, without)
        source = await world.source()
        found = {message.identity.source_id: message for message in await world.round(source)}
        assert [found[str(uid)].vanished for uid in uids] == [False, True, False]
        await source.close()

    play(world, test)


def test_a_message_without_content_is_excluded_not_lost(world: World) -> None:
    async def test() -> None:
        world.inbox.add(BODY)

        def fault(command: str, answer: bytes) -> bytes:
            if "BODY.PEEK[]" in command:
                return answer.replace(literal(BODY), b"NIL")
            return answer

        world.server.fault = fault
        source = await world.source()
        (message,) = await world.round(source)
        assert "does not give its content" in (message.excluded or "")
        assert message.header.startswith(b"From: a@example.com")
        await source.close()

    play(world, test)


def test_a_refused_message_holds_up_no_other_and_is_told(world: World) -> None:
    async def test() -> None:
        for number in range(4):
            world.inbox.add(b"%d" % number)

        def fault(command: str, answer: bytes) -> bytes:
            tag = command.partition(" ")[0]
            if "BODY.PEEK[])" in command:
                return tag.encode() + b" NO a message is broken\r\n"
            if "FETCH 2 " in command and "BODY" in command:
                return tag.encode() + b" NO can't be converted\r\n"
            return answer

        world.server.fault = fault
        source = await world.source()
        with pytest.raises(Transient, match="can't be converted"):
            await world.round(source)
        assert {text for _, _, text in world.seen} == {"1", "3", "4"}
        world.server.fault = None
        assert [message.octets for message in await world.round(source)] == [b"1"]
        await source.close()

    play(world, test)


def test_listings_are_complete_once_then_only_what_is_new(world: World) -> None:
    async def test() -> None:
        for number in range(5):
            world.inbox.add(b"%d" % number)
        source = await world.source()
        await world.round(source)
        await world.round(source)
        world.inbox.add(b"new")
        await world.round(source)
        assert [(listing.complete, len(listing.source_ids)) for listing in world.listings] == [
            (True, 5),
            (False, 0),  # 6:* names the last message, 5
            (False, 1),
        ]
        await source.close()

    play(world, test)


def test_a_changed_uidvalidity_is_a_new_epoch(world: World) -> None:
    async def test() -> None:
        world.inbox.add(b"one")
        world.server.mailboxes["Other"] = Mailbox()
        source = await world.source(IMAPMailbox=["INBOX", "Other"])
        await world.round(source)
        world.inbox.epoch = 77
        (message,) = await world.round(source)
        assert message.identity == Identity("INBOX", 77, "1")
        assert world.listings[-2].complete
        (outcome,) = await source.acknowledge([Acknowledgement(Identity("INBOX", 1, "1"), "delete")])
        assert not outcome.done
        assert "UIDVALIDITY" in outcome.reason
        assert world.inbox.messages
        await source.close()

    play(world, test)


def test_a_missing_mailbox_holds_up_no_other(world: World) -> None:
    async def test() -> None:
        world.server.mailboxes["Verkauf &APw-ber"] = box = Mailbox()
        box.add(b"sales")
        world.inbox.add(b"inbox")
        source = await world.source(IMAPMailbox=["INBOX", "Nowhere", "Verkauf über"])
        with pytest.raises(Permanent, match="Nowhere"):
            await world.round(source)
        assert {mailbox for mailbox, _, _ in world.seen} == {"INBOX", "Verkauf über"}
        await source.close()

    play(world, test)


def test_idle_tells_of_new_mail_and_ends_in_time(world: World) -> None:
    async def test() -> None:
        source = await world.source()
        await world.round(source)
        waiting = asyncio.create_task(source.wait(20))
        await world.server.heard("IDLE")
        world.inbox.add(b"new")
        began = time.monotonic()
        await waiting
        assert time.monotonic() - began < 5
        assert [message.octets for message in await world.round(source)] == [b"new"]
        await source.wait(0.1)
        assert world.said("DONE")
        assert await world.round(source) == []
        await source.close()

    play(world, test)


def test_mail_between_listing_and_idle_is_not_missed(world: World) -> None:
    """Exchange sends EXISTS before the continuation."""

    async def test() -> None:
        source = await world.source()
        await world.round(source)
        world.inbox.add(b"new")
        began = time.monotonic()
        await source.wait(20)
        assert time.monotonic() - began < 5
        assert len(await world.round(source)) == 1
        await source.close()

    play(world, test)


def test_a_cancelled_idle_leaves_the_session_usable(world: World) -> None:
    async def test() -> None:
        source = await world.source()
        await world.round(source)
        waiting = asyncio.create_task(source.wait(20))
        await world.server.heard("IDLE")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        world.inbox.add(b"new")
        assert len(await world.round(source)) == 1
        assert world.server.connections == 1
        await source.close()

    play(world, test)


@pytest.mark.parametrize("idle", [True, False])
def test_a_connection_lost_while_waiting_is_told_at_once(world: World, idle: bool) -> None:
    async def test() -> None:
        def fault(command: str, answer: bytes) -> bytes:
            if command in ("IDLE", "idling"):
                raise Break(b"+ idling\r\n* BYE restarting\r\n")
            return answer

        source = await world.source(IMAPIdle=idle)
        await world.round(source)
        world.server.fault = fault
        if not idle:
            asyncio.get_running_loop().call_later(0.1, lambda: [task.cancel() for task in world.server._tasks])
        began = time.monotonic()
        with pytest.raises(Transient):
            await source.wait(20)
        assert time.monotonic() - began < 5
        await source.close()

    play(world, test)


def test_without_uidplus_only_our_own_are_expunged(world: World) -> None:
    async def test() -> None:
        world.server.capabilities = "IMAP4rev1"
        ours, theirs = world.inbox.add(b"ours"), world.inbox.add(b"theirs")
        source = await world.source()
        await world.round(source)
        world.inbox.messages[theirs].flags.add("\\Deleted")
        item = Acknowledgement(world.identity(ours), "delete")
        (outcome,) = await source.acknowledge([item])
        assert not outcome.done
        assert "not ours" in outcome.reason
        assert set(world.inbox.messages) == {ours, theirs}
        world.inbox.messages[theirs].flags.clear()
        (outcome,) = await source.acknowledge([item])
        assert outcome.done
        assert set(world.inbox.messages) == {theirs}
        await source.close()

    play(world, test)


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 UIDPLUS MOVE", "IMAP4rev1 UIDPLUS", "IMAP4rev1"])
def test_messages_are_moved_to_a_mailbox_that_is_made(world: World, capabilities: str) -> None:
    async def test() -> None:
        world.server.capabilities = capabilities
        uids = [world.inbox.add(b"%d" % number) for number in range(3)]
        source = await world.source()
        await world.round(source)
        items = [Acknowledgement(world.identity(uid), "move", "Processed") for uid in uids[:2]]
        assert [outcome.done for outcome in await source.acknowledge(items)] == [True, True]
        assert list(world.inbox.messages) == [uids[2]]
        moved = world.server.mailboxes["Processed"].messages.values()
        assert [message.octets for message in moved] == [b"0", b"1"]
        await source.close()

    play(world, test)


@pytest.mark.parametrize(("flags", "flagged"), [("\\Seen \\*", True), (f"\\Seen {KEYWORD}", True), ("\\Seen", False)])
def test_messages_are_flagged_where_keywords_are_allowed(world: World, flags: str, flagged: bool) -> None:
    async def test() -> None:
        world.server.flags = flags
        uid = world.inbox.add(b"one")
        source = await world.source()
        await world.round(source)
        (outcome,) = await source.acknowledge([Acknowledgement(world.identity(uid), "flag")])
        assert outcome.done
        assert world.inbox.messages[uid].flags == ({KEYWORD} if flagged else set())
        await source.close()

    play(world, test)


def test_a_refused_acknowledgement_is_an_outcome_with_the_servers_words(world: World) -> None:
    async def test() -> None:
        uid = world.inbox.add(b"one")
        source = await world.source()
        await world.round(source)

        def fault(command: str, answer: bytes) -> bytes:
            return command.split()[0].encode() + b" NO [NOPERM] not yours\r\n" if "STORE" in command else answer

        world.server.fault = fault
        (outcome,) = await source.acknowledge([Acknowledgement(world.identity(uid), "delete")])
        assert not outcome.done
        assert "not yours" in outcome.reason
        await source.close()

    play(world, test)


def test_a_mailbox_that_can_only_be_read_is_told(world: World) -> None:
    async def test() -> None:
        world.server.read_only = True
        uid = world.inbox.add(b"one")
        source = await world.source()
        await world.round(source)
        (outcome,) = await source.acknowledge([Acknowledgement(world.identity(uid), "delete")])
        assert not outcome.done
        assert world.inbox.messages
        await source.close()

    play(world, test)


def test_one_batch_is_asked_for_ahead_and_no_more(world: World) -> None:
    async def test() -> None:
        for number in range(1000):
            world.inbox.add(b"%d" % number)
        source = await world.source()
        batches = source.fetch_new(world.compare)
        first = await anext(batches)
        await asyncio.sleep(0.2)
        assert len(world.said("BODY.PEEK[])")) == 2
        items = [Acknowledgement(message.identity, "delete") for message in first.messages]
        assert all(outcome.done for outcome in await source.acknowledge(items))
        rest = [message async for batch in batches for message in batch.messages]
        assert len(first.messages) + len(rest) == 1000
        await source.close()

    play(world, test)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"NO [AUTHENTICATIONFAILED] bad", AuthenticationFailed),
        (b"NO [ALERT] Too many simultaneous connections. (Failure)", Transient),
        (b"NO [UNAVAILABLE] later", Transient),
        (b"NO LOGIN failed", AuthenticationFailed),
        (b"NO", AuthenticationFailed),
    ],
)
def test_a_refused_login_is_for_now_or_for_good(world: World, answer: bytes, kind: type[PostroomError]) -> None:
    async def test() -> None:
        def fault(command: str, said: bytes) -> bytes:
            return command.split()[0].encode() + b" " + answer + b"\r\n" if "LOGIN" in command else said

        world.server.fault = fault
        with pytest.raises(PostroomError) as failed:
            await world.source()
        assert type(failed.value) is kind
        assert world.server.password not in str(failed.value)

    play(world, test)


@pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 LOGINDISABLED AUTH=PLAIN",
                                          "IMAP4rev1 LOGINDISABLED AUTH=PLAIN SASL-IR"])  # fmt: skip
@pytest.mark.parametrize("password", ['with "quotes" and \\', "naïve Straße"])
def test_every_way_to_log_in_carries_any_password(world: World, capabilities: str, password: str) -> None:
    async def test() -> None:
        world.server.capabilities, world.server.password = capabilities, password
        world.inbox.add(b"one")
        source = await world.source()
        assert len(await world.round(source)) == 1
        await source.close()

    play(world, test)


@pytest.mark.parametrize("answer", [b"* SEARCH 1:4294967295", b"* ESEARCH (TAG \"x\") UID ALL 1:4294967295",
                                    b"* SEARCH " + b"9" * 30])  # fmt: skip
def test_a_listing_beyond_reason_is_refused(world: World, answer: bytes) -> None:
    async def test() -> None:
        def fault(command: str, said: bytes) -> bytes:
            return answer + b"\r\n" + said.rpartition(b"\r\n")[0][-20:] if "UID SEARCH" in command else said

        source = await world.source()
        world.server.fault = fault
        with pytest.raises(Transient):
            await world.round(source)
        await source.close()

    play(world, test)


def test_a_long_search_answer_is_read(world: World) -> None:
    async def test() -> None:
        world.server.capabilities = "IMAP4rev1 UIDPLUS"
        source = await world.source()
        for _ in range(30_000):
            world.inbox.add(b"")
        world.inbox.next_uid = 1
        world.seen = {("INBOX", 1, str(uid)) for uid in range(1, 30_000)}
        assert len(await world.round(source)) == 1
        assert len(world.listings[0].source_ids) == 30_000
        await source.close()

    play(world, test)


def test_preauth_before_tls_is_refused(world: World) -> None:
    async def test() -> None:
        world.server.fault = lambda command, answer: answer if command else b"* PREAUTH welcome\r\n"
        with pytest.raises(Permanent, match="STARTTLS"):
            await world.source(IMAPEncryption="starttls")
        source = await world.source()
        assert await world.round(source) == []
        await source.close()

    play(world, test)
