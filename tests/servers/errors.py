"""Why a test server can't run on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class Unavailable(Exception):
    """A server program is missing or unusable here. The text names it and what to do."""


def program(name: str, *folders: str, package: str) -> str:
    """The path of a program, looked for on PATH and in `folders`. Raises `Unavailable`."""
    found = shutil.which(name) or next(
        (str(Path(folder, name)) for folder in folders if os.access(Path(folder, name), os.X_OK)), None
    )
    if found is None:
        raise Unavailable(f"{name} is not installed: run tests/install-servers.sh (package {package})")
    return found
