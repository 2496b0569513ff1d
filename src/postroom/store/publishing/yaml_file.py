"""The configuration as a YAML file: read with every problem at its line, written so that it can be read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

from postroom.conf.errors import UsageError
from postroom.store.publishing.document import SECTIONS, Document, parse
from postroom.store.publishing.problems import Path, Problem
from postroom.store.publishing.yaml_reader import MAX_OCTETS, load


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: the document (only of use for further checks if there are problems), lines, problems."""

    document: Document
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...]


def read(octets: bytes) -> Reading:
    """The document in YAML text. Raises nothing."""
    loaded = load(octets)
    if loaded.problems and not isinstance(loaded.data, dict):
        return Reading(Document(), loaded.lines, tuple(loaded.problems))
    document, problems = parse(loaded.data)
    return Reading(document, loaded.lines, (*loaded.problems, *problems))


def read_file(path: FilePath) -> bytes:
    """The octets of a file, at most a little more than a document may have.

    Raises `UsageError`.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.") from None


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, lists indented, nothing shared."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def write(document: Document, origin: str) -> str:
    """The document as YAML: sections and keys in a fixed order, what is default left out, secrets sealed.

    `origin` says in the first line what it is, such as "submission 4".
    """
    raw = document.model_dump(mode="json", exclude_defaults=True)
    head = [
        f"# Postroom configuration: {' '.join(origin.split())}.",
        "# `postroom apply FILE` makes this document the draft, in place of the whole draft that was;",
        "# `postroom submit -m WHY` publishes the draft.",
        "# A secret stands here sealed, and opens only with this installation's key and in its place.",
        "# To set another, write it as {env: NAME} or {file: PATH}.",
    ]
    parts = []
    for section in SECTIONS:
        items = raw.get(section, [])
        body = yaml.dump({section: items}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
        parts.append(body if items else f"{section}: []\n")
    return "\n".join(head) + "\n\n" + "\n".join(parts)
