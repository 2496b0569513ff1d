"""The crash test, small: some kills on each backend. `make crash` runs the large one."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance.running import Postroom
from crash.report import report
from crash.run import fight
from servers.dovecot import Dovecot
from servers.postgres import Postgres


def _fought(postroom: Postroom, dovecot: Dovecot, postgres: Postgres | None) -> None:
    postroom.init()
    kills, verdict = fight(postroom, dovecot, postgres, kills=15, messages=60, seed=7)
    assert not verdict.faults, f"{report(postroom.url, kills, verdict, 0)}\n{postroom.state()}"
    assert kills.total >= 15
    assert verdict.messages == 60


@pytest.mark.timeout(240)
def test_killed_over_and_over_on_sqlite(dovecot: Dovecot, tmp_path: Path) -> None:
    with Postroom(tmp_path, f"sqlite:///{tmp_path / 'data' / 'postroom.sqlite3'}") as postroom:
        _fought(postroom, dovecot, None)


@pytest.mark.timeout(240)
def test_killed_over_and_over_on_postgresql(dovecot: Dovecot, postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.fresh_database()
    with Postroom(tmp_path, url) as postroom:
        _fought(postroom, dovecot, postgres)
    postgres.drop_database(url)
