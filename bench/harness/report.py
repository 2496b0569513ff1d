"""The result of a benchmark: a table for people, and JSON in bench/results (which is not committed)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parents[1] / "results"
console = Console(width=None if os.isatty(1) else 150, highlight=False)


@dataclass
class Figure:
    """One figure against its goal. `ratio` is what counts; `least`: at least the goal, else under it."""

    name: str
    ratio: float
    goal: float
    least: bool = True
    unit: str = ""
    note: str = ""

    @property
    def reached(self) -> bool:
        return self.ratio >= self.goal if self.least else self.ratio < self.goal


@dataclass
class Report:
    """Rows are shown as they come; `finish` prints the figures and writes the JSON.

    The goals are of the full size. A small run only shows that a benchmark works: what is fixed (a start, the memory of
    Python itself) weighs too much in it, so its figures are not held against the goals.
    """

    name: str
    small: bool = False
    figures: list[Figure] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, **values: Any) -> None:
        self.rows.append(values)
        console.print("  " + "  ".join(f"{key} {_short(value)}" for key, value in values.items()), style="dim")

    def note(self, text: str) -> None:
        self.notes.append(text)

    def figure(
        self, name: str, ratio: float, goal: float, *, least: bool = True, unit: str = "", note: str = ""
    ) -> None:
        self.figures.append(Figure(name, ratio, goal, least, unit, note))

    def finish(self) -> int:
        """Exit status: 0, or 1 if a goal was missed in full size."""
        _show(f"{self.name}: every run", self.rows)
        table = Table(title=f"{self.name}: figures", title_justify="left")
        for column in ("figure", "seen", "goal", "", "note"):
            table.add_column(column, justify="right" if column in ("seen", "goal") else "left")
        for figure in self.figures:
            sign = "≥" if figure.least else "<"
            table.add_row(
                figure.name, f"{_short(figure.ratio)}{figure.unit}", f"{sign} {_short(figure.goal)}{figure.unit}",
                self._judged(figure), figure.note,
            )  # fmt: skip
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}")
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
        figures = [{**asdict(figure), "reached": figure.reached} for figure in self.figures]
        path.write_text(
            json.dumps(
                {"machine": machine(), "small": self.small, "figures": figures, "runs": self.rows, "notes": self.notes},
                indent=1,
            )
        )
        console.print(f"  {path}")
        return 0 if self.small or all(figure.reached for figure in self.figures) else 1

    def _judged(self, figure: Figure) -> str:
        if self.small:
            return "[dim]small: not judged[/]"
        return "reached" if figure.reached else "[bold red]MISSED[/]"


def _show(title: str, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        table.add_column(column, justify="left" if isinstance(rows[0].get(column), str) else "right")
    for row in rows:
        table.add_row(*(_short(row.get(column, "")) for column in columns))
    console.print(table)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def machine() -> dict[str, Any]:
    """What it was measured on."""
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "")
    memory = next((int(line.split()[1]) // 1024 for line in _lines("/proc/meminfo") if "MemTotal" in line), 0)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=RESULTS.parent
    ).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %z"), "cpu": model, "cores": os.cpu_count(), "memory_mib": memory,
        "kernel": platform.release(), "python": platform.python_version(), "commit": commit,
        "load": os.getloadavg()[0],
    }  # fmt: skip


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
