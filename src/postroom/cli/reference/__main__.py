"""`python -m postroom.cli.reference FOLDER`: write the pages of the reference into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from postroom.cli.reference import pages
from postroom.store.setup import setup


def main(arguments: list[str]) -> int:
    """Write what has changed, and say what."""
    if len(arguments) != 1 or not (folder := Path(arguments[0])).is_dir():
        sys.stderr.write("usage: python -m postroom.cli.reference FOLDER\n")
        return 2
    setup()
    for name, text in pages().items():
        file = folder / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {file}\n")
    return 0


sys.exit(main(sys.argv[1:]))
