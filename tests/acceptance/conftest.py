"""The fixtures of the stories: an installation with real processes, on each backend or on one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.running import Postroom
from postroom.conf import sealing


def _begin(request: pytest.FixtureRequest, folder: Path, backend: str) -> Iterator[Postroom]:
    (folder / "data").mkdir(parents=True)
    sealing.make_key_file(folder / "data" / "key")
    if backend == "sqlite":
        path = folder / "data" / "postroom.sqlite3"
        shutil.copyfile(request.getfixturevalue("_migrated_sqlite"), path)
        with Postroom(folder, f"sqlite:///{path}") as postroom:
            yield postroom
        return
    template = request.getfixturevalue("_migrated_postgres")
    server = request.getfixturevalue("postgres")
    url = server.fresh_database(template)
    with Postroom(folder, url) as postroom:
        yield postroom
    server.start()
    server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def postroom(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Postroom]:
    """An installation, migrated and empty; the story runs once on each backend."""
    yield from _begin(request, tmp_path / "postroom", request.param)


@pytest.fixture
def postroom_on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Postroom]:
    """The same on SQLite only, for stories in which the database has no part."""
    yield from _begin(request, tmp_path / "on-sqlite", "sqlite")


@pytest.fixture
def postroom_on_postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Postroom]:
    """The same on PostgreSQL only, for stories of several processes."""
    yield from _begin(request, tmp_path / "on-postgresql", "postgresql")


@pytest.fixture
def customer(mailbox: str) -> str:
    """The address of a customer whom no other story knows; mail to it comes into Dovecot's mailbox of that name."""
    return f"ann-{mailbox}@customer.example"


@pytest.fixture
def support(mailbox: str) -> str:
    """An address of ours that no other story uses."""
    return f"support-{mailbox}@test.local"
