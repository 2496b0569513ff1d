"""The little Markdown that the reference needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Cells are Markdown on one line; `text` and `code` make them."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def text(value: object) -> str:
    """Words for a cell: nothing in them is taken for Markdown or HTML, but `code`."""
    line = " ".join(str(value).split())
    parts = re.split("(`[^`]*`)", line)
    parts[::2] = [re.sub(r"([<>*_\[\]])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts).replace("|", r"\|")


def code(value: object) -> str:
    """A name or value for a cell; nothing for nothing."""
    line = " ".join(str(value).split()).replace("|", r"\|")
    return f"`{line}`" if line else ""


def block(lines: str, language: str = "") -> str:
    """Lines as they are."""
    return f"```{language}\n{lines}\n```\n"


def sentence(words: str) -> str:
    """Words as a sentence: a capital first (but not of a name such as pgp-signed), a full stop last."""
    words = " ".join(words.split())
    first = words.partition(" ")[0].rstrip(",:")
    return (words[:1].upper() + words[1:] if first.isalpha() else words) + (
        "" if words.endswith((".", "?", "!")) else "."
    )
