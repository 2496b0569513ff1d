"""What can't work is told at once, each at its line; secrets are sealed and never told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from configured_store import SAMPLE, Nothing
from postroom.conf import sealing
from postroom.conf.errors import Permanent
from postroom.store.publishing import yaml_file
from postroom.store.publishing.check import consistency
from postroom.store.publishing.problems import with_lines
from postroom.store.publishing.secrets import from_process

WRONG = """\
drivers:
  - name: A
    kind: sampel
  - name: B
    kind: sample
    parameters:
      Server: s
      PollingIntervall: 3
      PollingInterval: 0
      Encryption: maybe
      Server2: {env: X}
      Mailboxes: {env: X}
profiles:
  - name: one
    address: same@example.com
    driver: B
    overrides:
      Password: {env: POSTROOM_TEST_UNSET}
  - name: two
    address: SAME@example.com
    driver: C
    response_group: Supprt
    responsibilities: [agents]
  - name: three
    address: three@example.com
    driver: B
    overrides: {Password: {file: nowhere.txt}, PollingInterval: hunter2}
  - name: four
    address: four@example.com
    driver: B
    overrides: {Password: [hunter2]}
  - name: five
    address: five@example.com
    driver: B
    overrides: {Password: "sealed:1:abcd:hunter2"}
response_groups:
  - name: Support
  - name: Support
    input_arguments: {ProcessName: Prozess, ErrorTemplate: Eror}
responsibilities:
  - name: Agents
    members: [alice, bob]
templates:
  - name: Error
"""


def prepared(text: str, folder: Path = Path("/nonexistent"), validators: object = None) -> tuple[object, list]:
    from postroom.store.publishing import draft

    reading = yaml_file.read(text.encode())
    done = draft.prepare(reading.document, reading.problems, validators or Nothing(), from_process(folder))
    return done, [(p.line, p.sentence) for p in with_lines(done.problems, reading.lines)]


def test_every_problem_is_told_at_its_line_without_a_secret(store: Path, sample_driver: object) -> None:
    _, found = prepared(WRONG)
    words = {
        (3, 'Driver A: there is no kind of driver "sampel"; did you mean "sample"?'),
        (8, 'Driver B: sample has no parameter "PollingIntervall"; did you mean "PollingInterval"?'),
        (9, "Driver B: PollingInterval: must be at least 1, not 0."),
        (10, "Driver B: Encryption: must be one of none, starttls, tls, not 'maybe'."),
        (11, 'Driver B: sample has no parameter "Server2"; did you mean "Server"?'),
        (12, "Driver B: Mailboxes: only a secret can be {env: NAME} or {file: PATH}."),
        (18, "Profile one: Password: the environment variable POSTROOM_TEST_UNSET is not set."),
        (20, "Profile two: the address SAME@example.com belongs to profile one."),
        (21, 'Profile two: there is no driver "C".'),
        (22, 'Profile two: there is no response group "Supprt"; did you mean "Support"?'),
        (23, 'Profile two: there is no responsibility "agents"; did you mean "Agents"?'),
        (27, "Profile three: Password: the file /nonexistent/nowhere.txt can't be read: No such file or directory."),
        (27, "Profile three: PollingInterval: must be a whole number of seconds."),
        (31, "Profile four: Password: must be a text, {env: NAME} or {file: PATH}."),
        (35, "Profile five: Password: The sealed value of profile:five/Password is damaged. Set it again."),
        (38, "Response group Support is there twice, as number 1 and 2."),
        (39, 'Response group Support: ProcessName: there is no workflow "Prozess".'),
        (39, 'Response group Support: ErrorTemplate: there is no template "Eror"; did you mean "Error"?'),
        (42, 'Responsibility Agents: there is no user "alice".'),
        (42, 'Responsibility Agents: there is no user "bob".'),
    }
    assert set(found) == words
    assert "hunter2" not in str(found)


def test_what_only_keeps_from_submitting_is_told_apart(store: Path, sample_driver: object) -> None:
    text = SAMPLE.replace("Password: hunter2-profile", "").replace("Server: mail.example.com, ", "")
    text = text.replace("Process Message", "Proces Message").replace("Template: Ack", "Template: Akc")
    done, found = prepared(text)
    assert done.refusals == ()
    assert found == [
        (7, "Profile support@example.com: Server: the server is missing."),
        (7, "Profile support@example.com: Password: the password is missing."),
        (
            19,
            'Response group Support: ProcessName: there is no workflow "Proces Message"; '
            'did you mean "Process Message"?',
        ),
        (
            19,
            'Response group Support: AcknowledgementTemplate: there is no template "Akcnowledgement"; '
            'did you mean "Acknowledgement"?',
        ),
    ]


def test_secrets_come_from_variables_files_texts_and_exports(
    store: Path, sample_driver: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPPORT_PASSWORD", "from-env")
    (tmp_path / "password").write_text("from-file\n")
    for given, secret in (
        ("{env: SUPPORT_PASSWORD}", "from-env"),
        ("{file: password}", "from-file"),
        (f"{{file: {tmp_path / 'password'}}}", "from-file"),
        ("literal", "literal"),
        ("123456", "123456"),
    ):
        done, found = prepared(SAMPLE.replace("hunter2-profile", given), tmp_path)
        sealed = done.document.profiles[0].overrides["Password"]
        assert found == []
        assert sealing.is_sealed(sealed)
        assert sealing.unseal(sealed, "profile:support@example.com/Password").reveal() == secret
        again, found = prepared(SAMPLE.replace("hunter2-profile", sealed), tmp_path)
        assert found == []
        assert again.document.profiles[0].overrides["Password"] == sealed
        moved, found = prepared(
            SAMPLE.replace("hunter2-profile", sealed).replace("name: support@", "name: sales@"), tmp_path
        )
        assert "made for another place" in found[0][1]
        assert secret not in str(moved)


def test_a_file_that_never_ends_or_is_a_pipe_does_not_hold_us(
    store: Path, sample_driver: object, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    (tmp_path / "empty").write_bytes(b"\n")
    for name, words in (
        ("/dev/zero", "is not a file"),
        ("pipe", "is not a file"),
        ("large", "larger than 65536"),
        ("empty", "is empty"),
        (".", "can't be read"),
    ):
        _, found = prepared(SAMPLE.replace("hunter2-profile", f"{{file: {name}}}"), tmp_path)
        assert words in found[0][1], found


def test_only_the_command_line_reads_variables_and_files(store: Path, sample_driver: object) -> None:
    from postroom.store.publishing import draft

    reading = yaml_file.read(SAMPLE.replace("hunter2-profile", "{file: /etc/passwd}").encode())
    done = draft.prepare(reading.document, reading.problems, Nothing())
    assert "only in a file for `postroom apply`" in done.refusals[0].sentence
    assert "Password" not in done.document.profiles[0].overrides


def test_a_secret_without_a_key_is_refused_once(store: Path, sample_driver: object) -> None:
    (store / "key").unlink()
    with pytest.raises(Permanent, match=r"key file .* is missing"):
        prepared(SAMPLE)


def test_a_driver_that_breaks_in_its_check_is_a_problem_of_its_profile(
    store: Path, sample_driver: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(values: object) -> list[str]:
        raise RuntimeError("hunter2-profile")

    monkeypatch.setattr(sample_driver, "check", check)
    _, found = prepared(SAMPLE)
    assert [sentence for _, sentence in found] == [
        "Profile support@example.com: the driver failed to check its values (RuntimeError)."
    ]


def test_accounts_that_are_there_count_as_users(store: Path, sample_driver: object) -> None:
    document = yaml_file.read(SAMPLE.replace("users:", "users: []\nx:").encode()).document
    document.profiles[0].overrides.clear()
    assert [p.sentence for p in consistency(document, {"alice"})] == []
    assert len(consistency(document, set())) == 2
