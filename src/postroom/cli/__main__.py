"""`python -m postroom.cli`, where the program `postroom` is not on the path."""

from __future__ import annotations

from postroom.cli.main import main

main()
