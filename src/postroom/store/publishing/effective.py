"""Effective values of a document's profiles and drivers, secrets opened: system default < driver < profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from postroom.conf import sealing
from postroom.conf.errors import PostroomError
from postroom.conf.parameters import Parameter, ParameterError, Values, resolve
from postroom.store.publishing.document import Document, Driver, Profile
from postroom.store.publishing.secrets import declared, owner_of_driver, owner_of_profile

_Opened = tuple[dict[str, object], dict[str, str]]


class EffectiveValues:
    """Resolves the profiles of one document; each driver's part is opened once."""

    def __init__(self, document: Document) -> None:
        self._drivers = {driver.name: driver for driver in document.drivers}
        self._cache: dict[str, _Opened] = {}

    def driver(self, name: str) -> Driver | None:
        """The document's driver of that name."""
        return self._drivers.get(name)

    def of_profile(self, profile: Profile) -> tuple[Values, list[str]]:
        """The profile's effective values, and why they can't be used (then they are incomplete)."""
        driver = self._drivers.get(profile.driver)
        parameters = declared(driver.kind) if driver else None
        if driver is None or parameters is None:
            what = f'the kind "{driver.kind}" of its driver' if driver else f'its driver "{profile.driver}"'
            return Values({}), [f"There is no such thing as {what}."]
        defaults, problems = self._of_driver(driver, parameters)
        overrides, more = _opened(profile.overrides, parameters, partial(owner_of_profile, profile.name))
        # A secret of the driver that can't be opened does not matter where the profile has its own.
        reasons = [reason for name, reason in problems.items() if name not in overrides] + list(more.values())
        try:
            return resolve(parameters, defaults, overrides), reasons
        except ParameterError as error:
            return resolve(parameters), [*reasons, str(error)]

    def of_driver(self, driver: Driver) -> tuple[Values, list[str]]:
        """The driver's effective values: system defaults and its own."""
        parameters = declared(driver.kind)
        if parameters is None:
            return Values({}), [f'There is no kind of driver "{driver.kind}".']
        defaults, problems = self._of_driver(driver, parameters)
        try:
            return resolve(parameters, defaults), list(problems.values())
        except ParameterError as error:
            return resolve(parameters), [*problems.values(), str(error)]

    def _of_driver(self, driver: Driver, parameters: tuple[Parameter, ...]) -> _Opened:
        if driver.name not in self._cache:
            self._cache[driver.name] = _opened(driver.parameters, parameters, partial(owner_of_driver, driver.name))
        return self._cache[driver.name]


def _opened(values: Mapping[str, Any], parameters: tuple[Parameter, ...], owner: Callable[[str], str]) -> _Opened:
    """The values with their secrets opened, and by parameter why one could not be."""
    opened: dict[str, object] = {}
    problems: dict[str, str] = {}
    for parameter in parameters:
        value = values.get(parameter.name)
        if parameter.type == "secret" and sealing.is_sealed(value):
            try:
                value = sealing.unseal(str(value), owner(parameter.name))
            except PostroomError as error:
                problems[parameter.name] = f"{parameter.name}: {error}"
                continue
        opened[parameter.name] = value
    return opened, problems
