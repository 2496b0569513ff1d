"""What is wrong with a configuration: where, in words, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from postroom.conf.errors import Permanent

Path = tuple[str | int, ...]
"""Where in the document: ("profiles", 2, "overrides", "IMAPPort")."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` is that of the file (from 1), 0 where there is none. Never holds a secret."""

    path: Path
    sentence: str
    line: int = 0

    @property
    def place(self) -> str:
        """The path for people: profiles[2].overrides.IMAPPort."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else f"{self.place}: " if self.path else ""
        return where + self.sentence


class Refused(Permanent):
    """A configuration that can't work. `problems` are all the reasons."""

    def __init__(self, sentence: str, problems: Sequence[Problem], *, advice: str = "") -> None:
        super().__init__(sentence, code="5.3.5", advice=advice)
        self.problems = tuple(problems)


def with_lines(problems: Iterable[Problem], lines: Mapping[Path, int]) -> list[Problem]:
    """The problems with the lines of their places (or of the nearest place around them), in the file's order."""

    def line(path: Path) -> int:
        return next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), 0)

    placed = [problem if problem.line else replace(problem, line=line(problem.path)) for problem in problems]
    return sorted(placed, key=lambda problem: problem.line)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean "X"?` if a known name is close, else a full stop."""
    by_fold = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name[:200].casefold(), by_fold, n=1, cutoff=0.7)
    return f'; did you mean "{by_fold[close[0]]}"?' if close else "."
