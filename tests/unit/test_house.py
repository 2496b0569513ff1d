"""The rules of the house that no other tool checks: small files, a docstring each, Django behind its fence, names."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "postroom"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "__pycache__" not in path.parts)
# Migrations are made by Django; an empty __init__.py only marks a package.
PRODUCT = [path for path in MODULES if "migrations" not in path.parts and path.stat().st_size]
TEST_MODULES = sorted(path for path in (ROOT / "tests").rglob("test_*.py"))

MOST_LINES = 400
LONGER_WITH_REASON: dict[str, str] = {
    # "room/file.py": "why it can't be divided",
    "store/migrations/0001_initial.py": "written by Django; a migration is one step",
}
WITHOUT_DJANGO = ("conf", "mail", "drivers", "workflow")
# A file with such a name answers no question: it collects.
CATCH_ALL = {"utils", "util", "helpers", "helper", "misc", "common", "tools", "stuff", "base", "lib", "functions"}
# Another word for a thing that has a name (architecture: names); the right one is the value.
OTHER_WORDS = {
    "ticket": "conversation or activity",
    "fetcher": "source",
    "poller": "source",
    "mailer": "submitter",
    "sender_worker": "outbound manager",
    "queue_item": "server request",
    "autoreply": "acknowledgement",
    "auto_reply": "acknowledgement",
}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_is_short(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    if name_of(path) in LONGER_WITH_REASON:
        assert lines > MOST_LINES, "it is short now: take it off the list of exceptions"
    else:
        assert lines <= MOST_LINES


def test_exceptions_have_a_reason_and_a_file() -> None:
    assert all(reason.strip() for reason in LONGER_WITH_REASON.values())
    assert set(LONGER_WITH_REASON) <= {name_of(path) for path in MODULES}


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), "the module has no docstring"


@pytest.mark.parametrize("room", WITHOUT_DJANGO)
def test_a_room_knows_nothing_of_django(room: str) -> None:
    """Wherever the import stands, also inside a function or under `if TYPE_CHECKING`."""
    offenders = [
        f"{name_of(path)}:{node.lineno}"
        for path in (SOURCE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if any(module.partition(".")[0] in {"django", "django_stubs"} for module in _imported(node))
    ]
    assert offenders == []


def test_files_are_named_by_what_they_answer() -> None:
    assert [name_of(path) for path in MODULES if path.stem in CATCH_ALL] == []


def test_names_are_the_fields_own() -> None:
    """Modules, classes and functions: one word for one thing."""
    wrong = []
    for path in PRODUCT:
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        named = [node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
        for name in [path.stem, *named]:
            words = "_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_") + "_"
            wrong += [
                f"{name_of(path)}: {name}: say {right}" for word, right in OTHER_WORDS.items() if f"_{word}_" in words
            ]
    assert wrong == []


def test_test_files_have_names_of_their_own() -> None:
    """pytest imports them by path; two of one name can't be told apart in its output."""
    counted = Counter(path.name for path in TEST_MODULES)
    assert [name for name, count in counted.items() if count > 1] == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return []
