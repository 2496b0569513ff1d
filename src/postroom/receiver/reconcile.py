"""Compare a mail server with the ledger: every message there has a disposition, and what we removed is gone.

It lists and compares; it retrieves nothing and changes nothing, on the server or in the ledger. A mailbox whose
server allows one session only (POP3) can't be listed while it is being read: that is said, and tried again a little
later.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from postroom.conf import registry
from postroom.conf.errors import Transient
from postroom.conf.settings import settings
from postroom.drivers.contract import Comparison, Listing, Surroundings
from postroom.store import ledger
from postroom.store.publishing.configuration import ProfileConfiguration

MOST_TOLD = 20
TRIES = 3


@dataclass(slots=True)
class Reconciliation:
    """One mailbox compared. Each difference: identities on the server, or entries of the ledger."""

    profile: str
    mailbox: str
    on_server: int = 0
    with_disposition: dict[str, int] = field(default_factory=dict)
    without_disposition: list[str] = field(default_factory=list)
    not_acknowledged: list[str] = field(default_factory=list)
    removed_but_there: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.without_disposition or self.not_acknowledged or self.removed_but_there or self.gone)


async def reconcile(profile: ProfileConfiguration) -> list[Reconciliation]:
    """Each mailbox of a profile compared.

    Raises what the driver raises if the server can't be listed.
    """
    for attempt in range(TRIES):
        try:
            listings = await _listings(profile)
            break
        except Transient:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(1 + attempt)
    return [await asyncio.to_thread(_compare, profile, listing) for listing in listings]


async def _listings(profile: ProfileConfiguration) -> list[Listing]:
    listings: list[Listing] = []

    async def compare(listing: Listing) -> Comparison:
        listings.append(listing)
        return Comparison([])

    driver: Any = registry.drivers()[profile.kind]
    source = await driver.open_source(profile.values, Surroundings(profile.name, settings().data_dir / "spool"))
    try:
        async for _ in source.fetch_new(compare):
            await source.acknowledge([])
    finally:
        await source.close()
    return [listing for listing in listings if listing.complete]


def _compare(profile: ProfileConfiguration, listing: Listing) -> Reconciliation:
    found = Reconciliation(profile.name, listing.mailbox, on_server=len(listing.source_ids))
    entries = ledger.entries(profile.id, listing.mailbox, listing.epoch, list(listing.source_ids))
    for source_id in listing.source_ids:
        entry = entries.pop(source_id, None)
        if entry is None:
            found.without_disposition.append(source_id)
            continue
        count = found.with_disposition.get(entry.disposition, 0)
        found.with_disposition[entry.disposition] = count + 1
        if entry.removed:
            found.removed_but_there.append(source_id)
        elif not entry.acknowledged:
            found.not_acknowledged.append(f"{source_id}: {entry.reason}" if entry.reason else source_id)
    found.gone = ledger.unacknowledged_elsewhere(profile.id, listing.mailbox, listing.epoch, set(listing.source_ids))
    return found
