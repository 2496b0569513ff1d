"""Which document a command looks at, and its parts by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from postroom.conf.errors import UsageError

if TYPE_CHECKING:
    from postroom.conf.parameters import Values
    from postroom.store.publishing.document import Document

Function = TypeVar("Function", bound=Callable[..., Any])
Named = TypeVar("Named")


def submitted_option(function: Function) -> Function:
    """The option `--submitted`: what runs instead of the draft."""
    return click.option("--submitted", is_flag=True, help="Look at what was submitted, not at the draft.")(function)


def chosen(submitted: bool) -> Document:
    """The draft, or the submitted document. Opens the store."""
    from postroom.cli.store import open_store

    open_store()
    from postroom.store.publishing import draft

    return draft.submitted()[1] if submitted else draft.get().document


def find(items: Sequence[Named], noun: str, name: str) -> Named:
    """The item of that name.

    Raises `UsageError` with the nearest name.
    """
    from postroom.store.publishing.problems import suggestion

    by_name = {str(getattr(item, "name", "")): item for item in items}
    if name not in by_name:
        raise UsageError(f'There is no {noun} "{name}"{suggestion(name, by_name)}')
    return by_name[name]


def values_rows(values: Values) -> list[tuple[str, str, str]]:
    """Name, value and origin of every parameter; a secret only as "set"."""
    return [(name, shown(values, name), values.effective(name).origin) for name in values]


def values_json(values: Values) -> list[dict[str, object]]:
    """The same for programs."""
    return [
        {
            "name": name,
            "value": ("set" if values[name] else None) if _secret(values, name) else values[name],
            "origin": values.effective(name).origin,
        }
        for name in values
    ]


def shown(values: Values, name: str) -> str:
    """A value for people, with its unit."""
    parameter, value = values.effective(name).parameter, values[name]
    if value is None or value in ("", ()):
        return ""
    if _secret(values, name):
        return "set"
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return f"{text} {parameter.unit}".rstrip()


def _secret(values: Values, name: str) -> bool:
    return values.effective(name).parameter.type == "secret"
