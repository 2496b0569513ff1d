"""What is printed is fit for a terminal, whatever came by mail."""

from __future__ import annotations

import json
import re

import pytest
from rich.cells import cell_len

from postroom.cli import output

HOSTILE = "a\x1b[31mred\r\n\tb\x9bc\u202edcba\x00\ud800é漢"


def test_nothing_that_steers_a_terminal_passes(capsys: pytest.CaptureFixture[str]) -> None:
    line = output.clean(HOSTILE)
    assert line == "a�[31mred  b�c�dcba��é漢"
    assert output.clean_block("a\r\n\tb\x1b") == "a\n\tb�"
    output.emit_json({HOSTILE: HOSTILE})
    said = capsys.readouterr().out
    assert json.loads(said) == {HOSTILE: HOSTILE}
    assert not {"\x1b", "\x9b", "\u202e", "\ud800"} & set(said)
    assert "é漢" in said


def test_a_table_in_a_pipe_is_aligned_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "what"), [("漢字", "x" * 300), ("a\nb", None), ("[red]", 3)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("x" * 300)
    assert lines[3].split() == ["[red]", "3"]
    assert {cell_len(line[: line.index(end)]) for line, end in zip(lines, ("W", "xx"), strict=False)} == {7}


def test_a_table_on_a_narrow_terminal_folds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    output.table(("name", "what"), [("[red]x", "y" * 80)])
    said = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    assert said.count("y") == 80
    assert "[red]x" in said
    assert max(len(line) for line in said.splitlines()) <= 30


def test_moments_are_local_and_never_fail() -> None:
    assert output.when(None) == output.when(0) == ""
    assert len(output.when(1_700_000_000_000)) == 19
    assert output.when(10**30) == str(10**30)
