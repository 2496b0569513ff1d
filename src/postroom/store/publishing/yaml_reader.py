"""YAML read safely, with the line of everything.

Built from the parser's events, so that nesting, size and aliases are bounded before anything is built. Values follow
YAML 1.2's core, not 1.1: `no`, `on`, a date and `1.50` are texts; `true`, `false`, `null` and whole numbers are not.
Tags are refused; a key that stands twice is a problem, not a silent loss.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from postroom.store.publishing.document import MAX_DEPTH, MAX_NODES
from postroom.store.publishing.problems import Path, Problem

MAX_OCTETS = 16 * 1024 * 1024
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times quicker, and not always there
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")


@dataclass(slots=True)
class Loaded:
    """Plain data, the line of each place, and what was wrong."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being filled. `key`: whose value comes next."""

    value: Any
    path: Path
    anchor: str | None
    counted: int
    key: str | None = None


class _Stop(Exception):
    """Reading can't go on; the problem is noted."""


def load(octets: bytes) -> Loaded:
    """Read a YAML document.

    Raises nothing: whatever is wrong is in `problems`, with its line.
    """
    loaded = Loaded()
    if len(octets) > MAX_OCTETS:
        loaded.problems.append(Problem((), f"The document is larger than {MAX_OCTETS // 1024 // 1024} MiB."))
        return loaded
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        loaded.problems.append(Problem((), "The document is not UTF-8 text.", line))
        return loaded
    builder = _Builder(loaded)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except _Stop:
        pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        loaded.problems.append(Problem((), f"This is not valid YAML: {said}.", mark.line + 1 if mark else 0))
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0) or 0
        line = octets.count(b"\n", 0, position) + 1
        loaded.problems.append(Problem((), "The document holds characters that YAML does not allow.", line))
    except (ValueError, OverflowError, RecursionError):
        loaded.problems.append(Problem((), "This is not valid YAML.", builder.line))
    return loaded


class _Builder:
    """Plain data from events."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}  # the value, and how many values it holds
        self.count = 0
        self.documents = 0
        self.line = 0

    def take(self, event: Any) -> None:
        if event.start_mark is not None:
            self.line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self.stop("The file must hold one document; a second one begins here.")
            case yaml.ScalarEvent():
                self.scalar(event)
            case yaml.AliasEvent():
                self.alias(event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                if event.tag not in (None, "!"):
                    self.problem("Tags are not understood here.")
                if len(self.open) >= MAX_DEPTH:
                    self.stop(f"The document is nested over {MAX_DEPTH} deep.")
                path = self.place()
                value: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
                self.open.append(_Open(value, path, event.anchor, self.count))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = self.open.pop()
                if done.anchor:
                    self.anchors[done.anchor] = (done.value, self.count - done.counted + 1)
                self.put(done.value)

    def scalar(self, event: Any) -> None:
        if event.tag not in _TEXT_TAGS:
            self.problem("Tags are not understood here.")
        value = _plain(event.value) if event.tag is None and not event.style else event.value
        if self.awaits_key():
            self.key(event.value)
            return
        self.place()
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self.put(value)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            self.stop(f"The alias *{event.anchor} refers to nothing that is complete before it.")
        value, size = self.anchors[event.anchor]
        if self.awaits_key():
            self.stop("A key can't be an alias.")
        self.place()
        self.count += size
        self.put(value)

    def awaits_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].value, dict) and self.open[-1].key is None

    def key(self, key: str) -> None:
        parent = self.open[-1]
        parent.key, path = key, (*parent.path, key)
        if key in parent.value:
            first = self.loaded.lines.get(path, 0)
            self.problem(f'"{key[:100]}" stands twice; the first time in line {first}.', path)
        else:
            self.loaded.lines[path] = self.line

    def place(self) -> Path:
        """Where the value that begins now belongs; its line is noted."""
        self.count += 1
        if self.count > MAX_NODES:
            self.stop(f"The document holds over {MAX_NODES} values (aliases count each time).")
        if not self.open:
            return ()
        parent = self.open[-1]
        if isinstance(parent.value, list):
            path: Path = (*parent.path, len(parent.value))
            self.loaded.lines[path] = self.line
            return path
        if parent.key is None:
            self.stop("A key must be a text.")
        return (*parent.path, str(parent.key))

    def put(self, value: Any) -> None:
        if self.count > MAX_NODES:
            self.stop(f"The document holds over {MAX_NODES} values (aliases count each time).")
        if not self.open:
            self.loaded.data = value
            return
        parent = self.open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        else:
            parent.value.setdefault(parent.key, value)
            parent.key = None

    def problem(self, sentence: str, path: Path = ()) -> None:
        if len(self.loaded.problems) < 1000:
            self.loaded.problems.append(Problem(path, sentence, self.line))

    def stop(self, sentence: str) -> None:
        self.problem(sentence)
        raise _Stop


def _plain(text: str) -> str | int | bool | None:
    """The value of a scalar without quotes."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    return int(text) if _NUMBER.fullmatch(text) else text
