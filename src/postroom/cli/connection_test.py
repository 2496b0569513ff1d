"""The connection test of a profile: its driver tries both directions step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from postroom.conf import registry
from postroom.conf.errors import PostroomError
from postroom.conf.settings import settings
from postroom.drivers.contract import Driver, Surroundings, TestStep

if TYPE_CHECKING:
    from postroom.conf.parameters import Values
    from postroom.store.publishing.document import Document, Profile


def steps(document: Document, profile: Profile) -> Iterator[tuple[str, TestStep]]:
    """Each step as it is done, with its direction. Whatever a driver raises is a failed step."""
    from postroom.store.publishing.effective import EffectiveValues

    effective = EffectiveValues(document)
    values, reasons = effective.of_profile(profile)
    row = effective.driver(profile.driver)
    driver: Driver | None = registry.drivers().get(row.kind) if row else None
    if driver is not None and not reasons:
        reasons = list(driver.check(values))
    yield from (("parameters", TestStep("check", False, reason)) for reason in reasons)
    if driver is None or reasons:
        return
    spool = settings().data_dir / "spool"
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    surroundings = Surroundings(profile.name, spool)
    for direction, found in (
        ("incoming", _incoming(driver, values, surroundings)),
        ("outgoing", driver.test_submitter(values, surroundings)),
    ):
        try:
            for step in found:
                yield direction, step
        except PostroomError as error:
            yield direction, TestStep("test", False, error.sentence, error.advice)
        except Exception as error:  # noqa: BLE001 - a driver of others: its defect is told, not shown as ours
            yield direction, TestStep("test", False, f"The driver failed ({type(error).__name__}).")


def _incoming(driver: Driver, values: Values, surroundings: Surroundings) -> Iterator[TestStep]:
    """The steps of the async test, one by one."""
    with asyncio.Runner() as runner:
        found = aiter(driver.test_source(values, surroundings))

        async def following() -> TestStep | None:
            return await anext(found, None)

        while (step := runner.run(following())) is not None:
            yield step
