"""The plug-in registry: drivers and workflow steps by entry point. A duplicate name is fatal at start.

Groups: `postroom.drivers` and `postroom.steps`. An entry point names an object with the attribute `name`; what else
it must have is the contract of its room (`drivers/contract.py`, `workflow/contract.py`). The built-in ones come
through the same entry points as anybody's.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from postroom.conf.errors import Permanent


def load(group: str) -> dict[str, Any]:
    """The plug-ins of a group by name, sorted.

    Raises `Permanent` if two claim one name or one can't be loaded, naming the package.
    """
    found: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        owner = point.dist.name if point.dist else point.value
        try:
            plugin = point.load()
        except Exception as error:
            raise Permanent(f"The plug-in {point.name!r} of {owner} can't be loaded: {error}") from error
        name = getattr(plugin, "name", point.name)
        if name in found and owners[name] != point.value:
            raise Permanent(f"Two plug-ins are called {name!r} in {group}: {owners[name]} and {point.value}.")
        found[name], owners[name] = plugin, point.value
    return found


@cache
def drivers() -> dict[str, Any]:
    """The communications drivers by name."""
    return load("postroom.drivers")


@cache
def steps() -> dict[str, Any]:
    """The workflow steps by name."""
    return load("postroom.steps")
