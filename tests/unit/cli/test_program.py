"""The program as a person starts it: help at once, errors in words, exit statuses, a data directory made."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from postroom.cli import main


def postroom(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    return subprocess.run(
        [sys.executable, "-m", "postroom.cli", *arguments],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_every_command_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from postroom.cli.main import run; status = run(['--help']); "
        "heavy = {'django', 'pydantic', 'rich', 'yaml', 'cryptography', 'asyncio'} & set(sys.modules); "
        "print(status, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    for name, line in main.commands().items():
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)
        assert line
    assert done.stdout.endswith("0 []\n")


@pytest.mark.parametrize("name", sorted(main.commands()))
def test_every_command_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = main.postroom.get_command(None, name)
    leaves = [[name, leaf] for leaf in getattr(command, "commands", {})] or [[name]]
    for words in leaves:
        assert main.run([*words, "--help"]) == 0
        assert f"postroom {' '.join(words)}" in capsys.readouterr().out.partition("Example")[2], words


def test_wrong_usage_ends_with_2(tmp_path: Path) -> None:
    for words, said in (
        (["applly", "x"], "Did you mean `postroom apply`?"),
        (["frobnicate"], "`postroom --help` lists them"),
        (["apply"], "Missing argument 'FILE'"),
        (["submit"], "Missing option '-m'"),
        (["apply", "x", "--submit"], "needs a reason"),
        (["profile", "list"], "There is no data directory postroom-data"),
    ):
        done = postroom(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert said in done.stderr
    assert postroom("--version", cwd=tmp_path).stdout.startswith("postroom ")


def test_bad_settings_are_told(tmp_path: Path) -> None:
    done = postroom("profile", "list", cwd=tmp_path, POSTROOM_BATCH_MESSAGES="many")
    assert done.returncode == 2
    assert "POSTROOM_BATCH_MESSAGES" in done.stderr
    done = postroom("init", cwd=tmp_path, POSTROOM_DATABASE_URL="mysql://x")
    assert done.returncode == 2
    assert "sqlite:///" in done.stderr


def test_init_makes_a_private_directory_once(tmp_path: Path) -> None:
    done = postroom("init", "here", "--admin", "root", "--email", "root@example.com", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "here"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    [password] = re.findall(r"Administrator root, password (\S+)", done.stdout)
    assert len(password) >= 16
    assert f"POSTROOM_DATA_DIR={folder}" in done.stdout
    key = (folder / "key").read_bytes()

    again = postroom("init", "here", cwd=tmp_path)
    assert again.returncode == 0
    assert "administrator already" in again.stdout
    assert "password" not in again.stdout
    assert (folder / "key").read_bytes() == key

    # Both ways to say where it is.
    listed = postroom("user", "list", "--json", cwd=tmp_path, POSTROOM_DATA_DIR=str(folder))
    inside = postroom("user", "list", "--json", cwd=folder)
    assert listed.stdout == inside.stdout
    [user] = json.loads(inside.stdout)
    assert (user["name"], user["email"], user["administrator"]) == ("root", "root@example.com", True)


def test_init_keeps_out_of_other_peoples_directories(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir(mode=0o755)
    (tmp_path / "photos" / "cat.jpg").touch()
    done = postroom("init", "photos", cwd=tmp_path)
    assert done.returncode == 2
    assert "holds other files" in done.stderr
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    (tmp_path / "photos" / "key").write_text("of C major\n")
    assert postroom("init", ".", cwd=tmp_path / "photos").returncode == 2
    assert stat.S_IMODE((tmp_path / "photos").stat().st_mode) == 0o755
    assert postroom("init", "x", "--admin", "a b", cwd=tmp_path).returncode == 2
    assert not (tmp_path / "x").exists()
    (tmp_path / "file").touch()
    assert postroom("init", "file", cwd=tmp_path).returncode == 2


def test_a_database_that_is_away_old_or_new_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "postroom-data"
    assert postroom("init", cwd=tmp_path).returncode == 0
    done = postroom("user", "list", cwd=tmp_path, POSTROOM_DATABASE_URL="postgresql://u:geheim@127.0.0.1:1/x")
    assert done.returncode == 1
    assert "can't be reached" in done.stderr
    assert "geheim" not in done.stderr
    done = postroom("init", cwd=tmp_path, POSTROOM_DATABASE_URL="postgresql://u:geheim@127.0.0.1:1/x")
    assert done.returncode == 1
    assert "can't be prepared" in done.stderr
    database = folder / "postroom.sqlite3"
    kept = database.read_bytes()
    database.write_bytes(b"not a database at all" * 100)
    done = postroom("user", "list", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    database.write_bytes(b"")
    done = postroom("user", "list", cwd=tmp_path)
    assert done.returncode == 2
    assert "holds no Postroom yet" in done.stderr
    database.write_bytes(kept)
    import sqlite3

    with sqlite3.connect(database) as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('postroom', '9999_x', '2030-01-01')"
        )
    done = postroom("user", "list", cwd=tmp_path)
    assert done.returncode == 1
    assert "newer Postroom" in done.stderr


def test_the_unexpected_goes_to_a_file_not_to_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from postroom.cli import store
    from postroom.conf.settings import reset

    def fail() -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(store, "open_store", fail)
    monkeypatch.setenv("POSTROOM_DATA_DIR", str(tmp_path))
    reset()
    assert main.run(["user", "list"]) == 1
    said = capsys.readouterr().err
    path = tmp_path / f"postroom-errors-{os.geteuid()}.log"
    assert str(path) in said
    assert "Traceback" not in said
    assert "a defect" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("POSTROOM_TRACEBACK", "1")
    assert main.run(["user", "list"]) == 1
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.undo()
    reset()


def test_a_reader_that_goes_away_is_not_complained_of(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m postroom.cli --help | true"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stderr == ""
