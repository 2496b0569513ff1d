"""What commands print: tables for people, aligned columns in a pipe, JSON for programs.

Everything passes `clean`, because names, subjects and servers' words may come from mail: no control character, no
reversal of writing direction reaches a terminal.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_BIDI}\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile(f"[\x7f-\x9f\u2028\u2029{_BIDI}\ud800-\udfff]")


def clean_block(text: object) -> str:
    """Text of several lines, fit for a terminal."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(text).replace("\r\n", "\n"))


def clean(text: object) -> str:
    """Text on one line, fit for a terminal."""
    return clean_block(text).translate({9: " ", 10: " "})


def say(text: object = "") -> None:
    """A line or paragraph on standard output."""
    click.echo(clean_block(text))


def warn(text: object) -> None:
    """A remark on standard error, which a program that reads our output does not see."""
    click.echo(clean_block(text), err=True)


def emit_json(data: object) -> None:
    """Data for programs, on standard output."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    click.echo(_UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def json_option(function: Function) -> Function:
    """The option `--json` of a listing, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(function)


def when(ms: int | None) -> str:
    """A moment in milliseconds since 1970 in the local zone; "" for none."""
    if not ms:
        return ""
    try:
        return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(ms)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "Nothing.") -> None:
    """Rows for people. On a terminal they fold to its width; in a pipe each row stays one line, nothing cut."""
    if not rows:
        warn(empty)
        return
    cells = [[clean("" if cell is None else cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, cells)
        return
    from rich.cells import cell_len

    lines = [[column.upper() for column in columns], *cells]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        shown.add_column(Text(column), overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))  # as text: a name may look like markup
    Console().print(shown)


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items, with a progress bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, clean(what), total=total, console=Console(stderr=True), transient=True)
