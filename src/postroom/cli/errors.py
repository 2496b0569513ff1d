"""Errors on the command line: what happened, to what, what to do. A traceback goes to a file, never to the screen."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click

from postroom.cli.output import clean, clean_block
from postroom.conf.errors import PostroomError, UsageError

WRONG = 1
USAGE = 2


def explain(error: Exception) -> int:
    """Tell a person on standard error; returns the exit status."""
    if os.environ.get("POSTROOM_TRACEBACK"):
        traceback.print_exception(error)
    if isinstance(error, PostroomError):
        say_error(error.sentence, error.advice)
        problems(getattr(error, "problems", ()))
        return USAGE if isinstance(error, UsageError) else WRONG
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
        say_error(what)
        return WRONG
    if type(error).__module__.split(".")[:2] == ["django", "db"]:
        say_error(f"The database refused: {str(error).strip().splitlines()[0] if str(error).strip() else 'no reason'}.")
        return WRONG
    path = _keep(error)
    say_error(
        f"Something unexpected happened ({type(error).__name__}). It is written down in {path}.",
        "Please report it. POSTROOM_TRACEBACK=1 shows it here.",
    )
    return WRONG


def say_error(sentence: str, advice: str = "") -> None:
    """An error, and what to do about it, on standard error."""
    click.echo(f"postroom: {clean_block(sentence)}", err=True)
    if advice:
        click.echo(f"  {clean_block(advice)}", err=True)


def problems(found: Iterable[object], file: str = "") -> None:
    """One line for each problem, on standard error: FILE:LINE: sentence."""
    for problem in found:
        line, sentence = getattr(problem, "line", 0), getattr(problem, "sentence", problem)
        where = f"{file}:{line}: " if file and line else ""
        click.echo(f"  {clean(where + str(sentence))}", err=True)


def _keep(error: Exception) -> Path:
    """Append the traceback to a file that only we can read; returns its path."""
    folder = Path(tempfile.gettempdir())
    try:
        from postroom.conf.settings import settings

        if settings().data_dir.is_dir():
            folder = settings().data_dir
    except PostroomError:
        pass  # it is the temporary folder then
    path = folder / f"postroom-errors-{os.geteuid()}.log"
    text = f"{datetime.now().astimezone().isoformat()}\n{''.join(traceback.format_exception(error))}\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path
