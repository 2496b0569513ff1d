"""What a condition may say: checked on its text, before it is ever asked.

Refuses unknown names and functions with the likely one, and what could be slow on somebody's mail: a macro inside
another, a pattern that is not written out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import cel

from postroom.workflow.condition_names import FUNCTIONS, VARIABLES

_ROOTS = frozenset(variable.name.partition(".")[0] for variable in VARIABLES)
_KNOWN = frozenset(variable.name for variable in VARIABLES)
_STRUCTURED = frozenset({"message", "facts", "arguments"})

_RAW = r"""[bB]?[rR][bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')"""
_TEXT = r"""[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
_LITERAL = re.compile(rf"//[^\n]*|{_RAW}|{_TEXT}", re.DOTALL)
_PATH = re.compile(r"(?<![\w.)\]])([A-Za-z_]\w*)(?:\s*\.\s*([A-Za-z_]\w*))?")
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_PATTERN = re.compile(r"\bmatches\b(?!\s*\(\s*§(\d+)§\s*\))")


def without_literals(source: str) -> tuple[str, list[str]]:
    """The expression with each text replaced by §number§, comments gone; and the texts."""
    literals: list[str] = []

    def take(match: re.Match[str]) -> str:
        if match[0].startswith("//"):
            return " "
        literals.append(match[0])
        return f" §{len(literals) - 1}§ "

    return _LITERAL.sub(take, source), literals


def names_used(bare: str) -> frozenset[str]:
    """The variables that an expression without its texts reads, such as "message.subject" and "profile"."""
    used = (f"{root}.{attribute}" if root in _STRUCTURED else root for root, attribute in _PATH.findall(bare))
    return frozenset(used) & _KNOWN


def unknown_names(bare: str, variables: Iterable[str]) -> list[str]:
    """What is no name here, and what a macro must not call its own; `variables` is the library's list."""
    bound = set(_MACRO.findall(bare))
    problems = [
        f"{name!r} names a value already; call the macro's variable otherwise." for name in sorted(bound & _ROOTS)
    ]
    problems += [
        f"There is no {name!r}.{_did_you_mean(name, _KNOWN)}" for name in variables if name not in bound | _ROOTS
    ]
    for root, attribute in sorted(set(_PATH.findall(bare))):
        if root in _STRUCTURED and not attribute:
            problems.append(f"{root!r} alone has no value; write {root}.NAME.")
        elif root in _STRUCTURED and f"{root}.{attribute}" not in _KNOWN:
            problems.append(f"There is no {f'{root}.{attribute}'!r}.{_did_you_mean(f'{root}.{attribute}', _KNOWN)}")
    return problems


def unknown_functions(functions: Iterable[str]) -> list[str]:
    """What is no function here; `functions` is the library's list, operators among them."""
    return [
        f"There is no function {name!r}.{_did_you_mean(name, FUNCTIONS)}"
        for name in functions
        if name.isidentifier() and not name.startswith("_") and name not in FUNCTIONS
    ]


def slow(bare: str) -> list[str]:
    """What could take long on somebody's mail."""
    problems = ["The pattern of matches must be one text, written out."] if _PATTERN.search(bare) else []
    if "`" in bare:
        problems.append("Names in backticks are not known here.")
    ends: list[int] = []
    for macro in _MACRO.finditer(bare):
        if any(macro.start() < end for end in ends):
            problems.append("A macro such as exists must not stand inside another.")
            break
        ends.append(_closing(bare, bare.index("(", macro.start())))
    return problems


def _closing(bare: str, opening: int) -> int:
    depth = 0
    for index in range(opening, len(bare)):
        depth += (bare[index] == "(") - (bare[index] == ")")
        if depth == 0:
            return index
    return len(bare)


def bad_patterns(bare: str, literals: list[str]) -> list[str]:
    """Patterns of `matches` that are no regular expressions."""
    problems = []
    for number in re.findall(r"\bmatches\s*\(\s*§(\d+)§", bare):
        try:
            cel.evaluate(f"''.matches({literals[int(number)]})")
        except Exception as error:  # noqa: BLE001 - a pattern that can't be compiled, said in the library's words
            problems.append(first_line(f"The pattern {literals[int(number)]} can't be read", error))
    return problems


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def first_line(what: str, error: BaseException) -> str:
    """The library's words on one line, without its drawing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" |^.")]
    return f"{what}: {' '.join(lines[:4])[:300] or type(error).__name__}."
