"""The small parts of retrieving: gathering octets, dates in headers, suspects, words that may be shown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.conf.errors import Transient
from postroom.drivers.protocols.dialogue import Dialogue
from postroom.drivers.protocols.header_date import received_ms
from postroom.drivers.protocols.spool import Gathering, header_of
from postroom.drivers.suspects import Suspects

PLACE = ("support", "INBOX", 1)


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_small_octets_stay_in_memory(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    gathering = Gathering(Path("/nowhere"), 1000, 1000)
    for part in parts:
        gathering.write(part)
    assert gathering.finish() == (b"".join(parts), None)


def test_many_octets_go_to_a_file(tmp_path: Path) -> None:
    gathering = Gathering(tmp_path / "spool", 1000, 10)
    for _ in range(10):
        gathering.write(b"A: b\r\n\r\n")
    assert gathering.header() == b"A: b\r\n"
    gathering.write(b"end")
    octets, path = gathering.finish()
    assert octets is None
    assert path is not None
    assert path.read_bytes() == b"A: b\r\n\r\n" * 10 + b"end"
    assert path.stat().st_mode & 0o077 == 0


def test_what_passes_the_limit_is_counted_and_not_kept(tmp_path: Path) -> None:
    gathering = Gathering(tmp_path, 100, 10)
    for _ in range(1000):
        gathering.write(b"x" * 60)
    assert gathering.overflow
    assert gathering.size == 60_000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 120
    gathering.discard()
    gathering.discard()
    assert not list(tmp_path.iterdir())


def test_a_spool_that_cannot_be_written_is_transient(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Transient, match="spool"):
        Gathering(tmp_path / "file", 100, 1).write(b"two")


@pytest.mark.parametrize(
    ("octets", "header"),
    [(b"A: b\r\n\r\nx\n\ny", b"A: b\r\n"), (b"A: b\n\nx\r\n\r\n", b"A: b\n"), (b"A: b", b"A: b"), (b"", b"")],
)
def test_the_header_ends_at_the_first_empty_line(octets: bytes, header: bytes) -> None:
    assert header_of(octets) == header


def test_the_topmost_received_says_when() -> None:
    header = (
        b"Received: from a by b;\r\n\tTue, 3 Feb 2026 10:00:00 +0100\r\n"
        b"Received: from c by d; Mon, 5 Jan 2026 10:00:00 +0000\r\nDate: Thu, 1 Jan 1998 00:00:00 +0000\r\n"
    )
    assert received_ms(header) == 1770109200000
    assert received_ms(b"Received: nonsense\r\nDate: Thu, 1 Jan 1998 00:00:00 +0000\r\n") == 883612800000
    assert received_ms(b"Subject: none\r\n") is None


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=80).map(lambda text: b"Date: " + text)))
def test_any_header_has_a_date_or_none(header: bytes) -> None:
    received_ms(header)


def test_suspects_go_last_and_the_worst_at_the_end() -> None:
    suspects = Suspects()
    suspects.accuse(PLACE, ["1", "2", "3"])
    suspects.accuse(PLACE, ["1"])
    assert suspects.split(PLACE, ["0", "1", "2", "3", "4"]) == (["0", "4"], ["2", "3", "1"])
    suspects.acquit(PLACE, ["1", "2", "3"])
    assert suspects.split(PLACE, ["0", "1"]) == (["0", "1"], [])


def test_suspects_are_bounded() -> None:
    suspects = Suspects()
    suspects.accuse(PLACE, map(str, range(30_000)))
    assert len(suspects.split(PLACE, [str(n) for n in range(30_000)])[1]) == 10_000


def test_secrets_are_never_shown() -> None:
    lines: list[str] = []
    dialogue = Dialogue(lines.append)
    dialogue.hide("s3cret", "")
    dialogue.sent(b"LOGIN a s3cret")
    dialogue.received(b"NO s3cret " + base64.b64encode(b"s3cret") + b" \x00\x1b[31m\r\n")
    assert "s3cret" not in "".join(lines)
    assert base64.b64encode(b"s3cret").decode() not in "".join(lines)
    assert all(line.isprintable() for line in lines)
    assert len(dialogue.words(b"x" * 10_000)) < 400
