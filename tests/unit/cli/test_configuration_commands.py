"""Commands of configuration: apply, export, diff, submit, rollback, profile, driver, user."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from configured_store import SAMPLE
from postroom.cli.main import run


@pytest.fixture
def file(store: Path, sample_driver: object, tmp_path: Path) -> Path:
    path = tmp_path / "postroom.yaml"
    path.write_text(SAMPLE)
    return path


Captured = pytest.CaptureFixture[str]


def test_apply_submit_and_look(file: Path, capsys: Captured) -> None:
    assert run(["apply", str(file), "--dry-run"]) == 0
    assert run(["submissions"]) == 0
    assert "Nothing was submitted yet." in capsys.readouterr().err
    assert run(["apply", str(file)]) == 0
    assert "The draft is saved." in capsys.readouterr().out
    assert run(["diff", "--json"]) == 0
    assert "profile support@example.com: added" in json.loads(capsys.readouterr().out)
    assert run(["submit", "-m", "Begin", "--author", "carol"]) == 0
    assert "Submission 1 is in force." in capsys.readouterr().out
    assert run(["diff"]) == 0
    assert capsys.readouterr().out == "No difference.\n"

    file.write_text(SAMPLE.replace("Interval: 15", "Interval: 5"))
    assert run(["apply", str(file), "--submit", "-m", "Faster"]) == 0
    assert "PollingInterval 15 → 5" in capsys.readouterr().out
    assert run(["apply", str(file), "--submit", "-m", "Again"]) == 0
    assert "Nothing differs from submission 2." in capsys.readouterr().out
    assert run(["rollback", "1"]) == 0
    capsys.readouterr()
    assert run(["submissions", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(row["number"], row["author"], row["reason"]) for row in listed][1:] == [
        (2, listed[0]["author"], "Faster"),
        (1, "carol", "Begin"),
    ]
    assert run(["submissions"]) == 0
    assert "Back to submission 1" in capsys.readouterr().out
    assert run(["submissions", "2"]) == 0
    assert "affects profile support@example.com: PollingInterval 15 → 5" in capsys.readouterr().out
    assert run(["diff", "1", "2"]) == 0
    assert run(["rollback", "77"]) == 2
    assert run(["submit", "-m", "nothing"]) == 2


def test_apply_tells_every_problem_with_its_line_and_changes_nothing(file: Path, capsys: Captured) -> None:
    file.write_text(
        SAMPLE.replace("Server:", "Sever:").replace("driver: Head", "driver: Had").replace("{name: al", "{nam: al")
    )
    assert run(["apply", str(file)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[:4] == [
        f"postroom: {file} can't be the draft; nothing was changed.",
        f'  {file}:4: Driver Head office: sample has no parameter "Sever"; did you mean "Server"?',
        f'  {file}:5: Driver Head office: there is no user "alice".',
        f'  {file}:9: Profile support@example.com: there is no driver "Had office"; did you mean "Head office"?',
    ]
    assert "hunter2" not in said.err
    assert run(["export"]) == 0
    assert "profiles: []" in capsys.readouterr().out
    assert run(["apply", "/nonexistent"]) == 2


def test_what_cannot_be_submitted_may_be_drafted(file: Path, capsys: Captured) -> None:
    file.write_text(
        SAMPLE.replace("Password: hunter2-profile", "")
        .replace("{{ subject }}", "{{ nonsense }}")
        .replace("AcknowledgementTemplate:", "MaxAttemps: 3, AcknowledgementTemplate:")
    )
    assert run(["apply", str(file), "--submit", "-m", "x"]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert run(["apply", str(file), "--dry-run"]) == 1
    capsys.readouterr()
    assert run(["apply", str(file)]) == 0
    said = capsys.readouterr().err
    assert "Before it can be submitted" in said
    for line, words in (
        (7, "Password: the password is missing."),
        (19, 'there is no input argument "MaxAttemps"; did you mean "MaxAttempts"?'),
        (26, "Template Acknowledgement: subject: Line 1: There is no field 'nonsense'."),
    ):
        assert any(words in one and f"yaml:{line}: " in one for one in said.splitlines()), said
    assert run(["submit", "-m", "x"]) == 1
    said = capsys.readouterr().err
    assert "nothing was submitted" in said
    assert said.count("\n") == 4


def test_export_edit_apply_is_a_round_trip_without_secrets(
    file: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2-profile")
    file.write_text(SAMPLE.replace("hunter2-profile", "{env: SECRET}"))
    assert run(["apply", str(file), "--submit", "-m", "x"]) == 0
    out = tmp_path / "out.yaml"
    assert run(["export", str(out)]) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert run(["export", str(out)]) == 2
    assert run(["export", "--submission", "1", str(out), "--force"]) == 0
    assert run(["apply", str(out)]) == 0
    assert run(["profile", "show", "support@example.com"]) == 0
    assert run(["profile", "show", "support@example.com", "--json"]) == 0
    assert run(["driver", "show", "Head office", "--json"]) == 0
    assert run(["diff", "0", "1"]) == 0
    said = capsys.readouterr()
    assert "Nothing differs from the draft." in said.out
    assert "hunter2" not in said.out + said.err + out.read_text()
    assert "sealed:1:" in out.read_text()


def test_profiles_and_drivers_show_values_and_origins(file: Path, capsys: Captured) -> None:
    run(["apply", str(file)])
    capsys.readouterr()
    assert run(["profile", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "support@example.com",
            "address": "support@example.com",
            "driver": "Head office",
            "response_group": "Support",
            "state": "draft",
            "health": "",
        }
    ]
    assert run(["profile", "list", "--submitted"]) == 0
    assert "There are no profiles" in capsys.readouterr().err
    assert run(["profile", "show", "support@example.com"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    for row in (
        ["Server", "mail.example.com", "driver"],
        ["AccountName", "support", "profile"],
        ["Password", "set", "profile"],
        ["PollingInterval", "15", "seconds", "driver"],
        ["Delete", "true", "system"],
        ["Mailboxes", "INBOX", "system"],
    ):
        assert row in rows
    assert run(["profile", "show", "suport@example.com"]) == 2
    assert 'did you mean "support@example.com"?' in capsys.readouterr().err
    assert run(["driver", "list"]) == 0
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == ["NAME", "Head office"]
    assert run(["driver", "list", "--kinds", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["kind"] == "sample"
    assert run(["driver", "show", "sample"]) == 0
    assert "How often." in capsys.readouterr().out
    assert run(["driver", "show", "Head office"]) == 0
    assert run(["driver", "show", "nothing"]) == 2


def test_the_connection_test_says_each_step(file: Path, capsys: Captured) -> None:
    run(["apply", str(file)])
    capsys.readouterr()
    assert run(["profile", "test", "support@example.com"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "✓ incoming: connect: mail.example.com says hello�[31m",
        "✗ incoming: log in: 535 no",
        "    Set the password again.",
        "! outgoing: connect: 250 ready",
        "    Another client is on the mailbox.",
        "",
        "1 of 3 steps failed.",
    ]
    file.write_text(SAMPLE.replace("hunter2-profile", "right"))
    run(["apply", str(file)])
    capsys.readouterr()
    assert run(["profile", "test", "support@example.com", "--json"]) == 0
    assert [step["ok"] for step in json.loads(capsys.readouterr().out)] == [True, True, True]
    assert run(["profile", "test", "support@example.com", "--submitted"]) == 2
    file.write_text(SAMPLE.replace(", Password: hunter2-profile", ""))
    run(["apply", str(file)])
    capsys.readouterr()
    assert run(["profile", "test", "support@example.com"]) == 1
    assert "✗ parameters: check: Password: the password is missing." in capsys.readouterr().out


def test_users(store: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from django.contrib.auth import authenticate

    assert run(["user", "add", "alice", "--email", "a@x.org"]) == 0
    password = capsys.readouterr().out.split()[-1]
    assert authenticate(username="alice", password=password)
    assert run(["user", "add", "alice"]) == 2
    assert run(["user", "add", "a lice"]) == 2
    assert run(["user", "password", "bob"]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert run(["user", "password", "alice", "--password-stdin"]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("long enough words\n"))
    assert run(["user", "password", "alice", "--password-stdin"]) == 0
    assert authenticate(username="alice", password="long enough words")
    capsys.readouterr()
    assert run(["user", "list"]) == 0
    assert "alice" in capsys.readouterr().out
