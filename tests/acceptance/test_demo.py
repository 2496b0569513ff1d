"""The story of a newcomer: one command shows what Postroom does, and ends with 0 if every message ended rightly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_demo_once_ends_well(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    done = subprocess.run(
        [sys.executable, "-m", "postroom.cli", "demo", "--once", "--keep", str(tmp_path / "kept")],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={**environment, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    lines = done.stdout.strip().splitlines()
    assert lines[-1].endswith("messages ended where they should.")
    count, of = lines[-1].split()[0], lines[-1].split()[2]
    assert count == of
    assert int(count) >= 20
    for told in ("quarantined: junk", "quarantined: loop", "excluded: too large", "follow-up", "automatic mail"):
        assert told in done.stdout
    assert (tmp_path / "kept" / "postroom.sqlite3").is_file()


def test_demo_does_not_touch_a_directory_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "postroom.cli", "demo", "--once", "--keep", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["letter"]
