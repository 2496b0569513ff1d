"""Telling an IMAP server that messages are safe here: delete, move or flag them, by UID and by no other means.

Guarantees: nothing but the messages named is removed: UID EXPUNGE (UIDPLUS, RFC 4315), or EXPUNGE only while no other
message is marked \\Deleted; MOVE is RFC 6851, and where it is missing COPY comes before \\Deleted. A message that is
gone already is done. An answer of NO or BAD is an outcome with the server's words, not an error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from postroom.conf.errors import PostroomError, Transient
from postroom.drivers.contract import Acknowledgement, Outcome
from postroom.drivers.protocols.imap_client import ImapClient
from postroom.drivers.protocols.imap_connection import Mailbox
from postroom.drivers.protocols.imap_parser import Status
from postroom.drivers.protocols.imap_syntax import mailbox_name, uid_sets

KEYWORD = "$PostroomProcessed"

Kind = tuple[str, int, str, str]  # mailbox, UIDVALIDITY, action, target
Select = Callable[[str], Awaitable[Mailbox]]


async def acknowledge(client: ImapClient, select: Select, items: Sequence[Acknowledgement]) -> list[Outcome]:
    """One outcome for each item, in order. `select` opens a mailbox if it is not the open one.

    Raises `PostroomError` if the connection is lost; what was done then is asked again, and is done.
    """
    work: dict[Kind, list[int]] = {}
    reasons: dict[Acknowledgement, str] = {}
    for item in items:
        if item.action == "leave":
            reasons[item] = ""
        elif not (item.identity.source_id.isdigit() and len(item.identity.source_id) <= 10):
            reasons[item] = f"{item.identity.source_id!r} is no UID."
        else:
            work.setdefault(_kind(item), []).append(int(item.identity.source_id))
    said: dict[Kind, dict[int, str]] = {}
    for key, uids in work.items():
        said[key] = await _one_kind(client, select, key, uids)
    for item in items:
        if item not in reasons:
            reasons[item] = said[_kind(item)][int(item.identity.source_id)]
    return [Outcome(item.identity, not reasons[item], reasons[item]) for item in items]


def _kind(item: Acknowledgement) -> Kind:
    return item.identity.mailbox, item.identity.epoch, item.action, item.target


async def _one_kind(client: ImapClient, select: Select, key: Kind, uids: list[int]) -> dict[int, str]:
    """What went wrong by UID, "" where nothing did."""
    name, epoch, action, target = key
    try:
        mailbox = await select(name)
    except PostroomError as error:
        if not client.alive:
            raise
        return dict.fromkeys(uids, error.sentence)
    if mailbox.epoch != epoch:
        return dict.fromkeys(uids, f"{name} has been renumbered since (UIDVALIDITY {mailbox.epoch}, not {epoch}).")
    if mailbox.read_only:
        return dict.fromkeys(uids, f"{name} can only be read with this account.")
    reasons: dict[int, str] = {}
    for uid_set in uid_sets(uids):
        match action:
            case "delete":
                reason = await _delete(client, uid_set, uids)
            case "move":
                reason = await _move(client, uid_set, uids, target)
            case "flag":
                reason = await _flag(client, mailbox, uid_set)
            case _:
                raise Transient(f"{action} is no action of IMAP.")
        reasons.update(dict.fromkeys(_members(uid_set, uids), reason))
    return reasons


def _members(uid_set: bytes, uids: list[int]) -> list[int]:
    ranges = [part.partition(b":") for part in uid_set.split(b",")]
    spans = [(int(low), int(high or low)) for low, _, high in ranges]
    if len(spans) == 1:
        return [uid for uid in uids if spans[0][0] <= uid <= spans[0][1]]
    within = {uid for low, high in spans for uid in range(low, high + 1)}
    return [uid for uid in uids if uid in within]


async def _delete(client: ImapClient, uid_set: bytes, ours: list[int]) -> str:
    answer = await client.run("UID STORE", uid_set, b"+FLAGS.SILENT", b"(\\Deleted)")
    if not answer.ok:
        return _said(client, answer)
    if "UIDPLUS" in client.capabilities or "IMAP4REV2" in client.capabilities:
        return _said(client, await client.run("UID EXPUNGE", uid_set))
    others = set(await client.search(b"DELETED")) - set(ours)
    if others:
        return (
            "Marked as deleted, but not removed: the server can only remove all marked messages, "
            f"and {len(others)} of them are not ours."
        )
    return _said(client, await client.run("EXPUNGE"))


async def _move(client: ImapClient, uid_set: bytes, ours: list[int], target: str) -> str:
    if not target:
        return "There is no mailbox to move to."
    movable = "MOVE" in client.capabilities or "IMAP4REV2" in client.capabilities
    command = "UID MOVE" if movable else "UID COPY"
    answer = await client.run(command, uid_set, mailbox_name(target))
    if not answer.ok and answer.code in ("TRYCREATE", "NONEXISTENT"):
        await client.run("CREATE", mailbox_name(target))
        answer = await client.run(command, uid_set, mailbox_name(target))
    if not answer.ok or movable:
        return _said(client, answer)
    return await _delete(client, uid_set, ours)


async def _flag(client: ImapClient, mailbox: Mailbox, uid_set: bytes) -> str:
    """The keyword says to people and other clients what we have; the ledger does not depend on it."""
    if "\\*" not in mailbox.flags and KEYWORD not in mailbox.flags:
        return ""
    return _said(client, await client.run("UID STORE", uid_set, b"+FLAGS.SILENT", b"(%s)" % KEYWORD.encode()))


def _said(client: ImapClient, answer: Status) -> str:
    return "" if answer.ok else f"{answer.name}: {client.words(answer)}"
