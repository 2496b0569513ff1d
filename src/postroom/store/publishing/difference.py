"""What differs between two documents, in words; secrets only as "changed"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from postroom.conf import sealing
from postroom.conf.errors import PostroomError
from postroom.conf.parameters import Secret, Value
from postroom.store.publishing.document import SECTIONS, Document, Item, Profile
from postroom.store.publishing.effective import EffectiveValues

MOST_LINES = 1000
_MOST_AFFECTED = 20
_LONGEST = 80


def difference(old: Document, new: Document) -> list[str]:
    """One line for each change, in the document's order; empty if there is none. Bounded."""
    lines: list[str] = []
    for line in _lines(old, new):
        if len(lines) == MOST_LINES:
            return [*lines, "… and more."]
        lines.append(line)
    return lines


def _lines(old: Document, new: Document) -> Iterator[str]:
    affected = _Affected(old, new)
    for section, (_, noun) in SECTIONS.items():
        before, after = _by_name(old, section), _by_name(new, section)
        for key in before:
            if key not in after:
                yield f"{_title(noun, key)}: removed"
        for key, item in after.items():
            title = _title(noun, key)
            if key not in before:
                yield f"{title}: added"
            else:
                for change in _changes(noun, before[key], item):
                    yield f"{title}: {change}"
            if section == "drivers" and key in before:
                yield from affected.by_driver(key[0])


def _by_name(document: Document, section: str) -> dict[tuple[str, str], Item]:
    items: list[Any] = getattr(document, section)
    return {(item.name, getattr(item, "language", "")): item for item in items}


def _title(noun: str, key: tuple[str, str]) -> str:
    name, language = key
    return f"{noun.lower()} {name}" + (f" ({language})" if language else "")


def _changes(noun: str, old: Item, new: Item) -> Iterator[str]:
    for field in type(new).model_fields:
        before, after = getattr(old, field), getattr(new, field)
        if isinstance(before, dict) and isinstance(after, dict):
            owner = f"{noun.lower()}:{getattr(new, 'name', '')}"
            yield from _values(owner, before, after)
        elif before == after:
            continue
        elif field == "steps" or _long(before) or _long(after):
            yield f"{field} changed"
        else:
            yield f"{field} {_shown(before)} → {_shown(after)}"


def _values(owner: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Changes of parameters or input arguments; one that is null is not set."""
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name), new.get(name)
        if sealing.is_sealed(before) or sealing.is_sealed(after):
            if before != after and not _same_secret(before, after, f"{owner}/{name}"):
                yield f"{name} " + ("set" if before is None else "no longer set" if after is None else "changed")
        elif _shown(before) == _shown(after):
            continue
        elif before is None:
            yield f"{name} set to {_shown(after)}"
        elif after is None:
            yield f"{name} no longer set (was {_shown(before)})"
        else:
            yield f"{name} {_shown(before)} → {_shown(after)}"


def _same_secret(before: object, after: object, owner: str) -> bool:
    try:
        return sealing.unseal(str(before), owner) == sealing.unseal(str(after), owner)
    except PostroomError:
        return False


def _long(value: object) -> bool:
    return isinstance(value, str) and (len(value) > _LONGEST or "\n" in value)


def _shown(value: object) -> str:
    """A value in a line: 15, true, nothing, a, b."""
    if value in (None, "", []):
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(_shown(item) for item in value) if isinstance(value, list | tuple) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


class _Affected:
    """Which profiles a changed driver affects, with old and new effective value."""

    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = EffectiveValues(old), EffectiveValues(new)
        self._before = {profile.name: profile for profile in old.profiles}
        self._profiles: dict[str, list[Profile]] = {}
        for profile in new.profiles:
            self._profiles.setdefault(profile.driver, []).append(profile)

    def by_driver(self, name: str) -> Iterator[str]:
        old, new = self._old.driver(name), self._new.driver(name)
        if old is None or new is None or (old.kind, old.parameters) == (new.kind, new.parameters):
            return
        lines = [line for profile in self._profiles.get(name, ()) for line in self._of(profile, name)]
        yield from lines[:_MOST_AFFECTED]
        if len(lines) > _MOST_AFFECTED:
            yield f"  … and {len(lines) - _MOST_AFFECTED} more effective values"

    def _of(self, profile: Profile, driver: str) -> Iterator[str]:
        before = self._before.get(profile.name)
        if before is None or before.driver != driver:
            return
        old, _ = self._old.of_profile(before)
        new, _ = self._new.of_profile(profile)
        for name in new:
            if name not in old or old[name] == new[name]:
                continue
            if "profile" in (old.effective(name).origin, new.effective(name).origin):
                continue  # the profile's own change, or none of the driver's business
            yield f"  affects profile {profile.name}: {name} {_effective(old[name])} → {_effective(new[name])}"


def _effective(value: Value) -> str:
    return "(secret)" if isinstance(value, Secret) else _shown(value)
