"""An installation inside the test's process: a data folder, a key, a migrated database, Django pointing at it.

`use(url, folder)` points Django's default connection at another database; the fixture `installation` (in
`tests/conftest.py`) makes one for a test, copied from a migrated template, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from postroom.conf import sealing
from postroom.conf import settings as settings_module
from postroom.store import backends


@dataclass(frozen=True)
class Installation:
    """Where it is, and the environment that processes of it need."""

    url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "POSTROOM_DATABASE_URL": self.url,
            "POSTROOM_DATA_DIR": str(self.folder),
            "POSTROOM_WEB_BIND": "127.0.0.1:0",
        }


def use(url: str, folder: Path) -> Installation:
    """Point this process at a database and a data folder."""
    installation = Installation(url, folder)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(installation.environment)
    settings_module.reset()
    sealing.make_key_file(settings_module.key_path())
    from postroom.store.setup import setup

    setup()
    from django.db import connections

    backends.backend.cache_clear()
    connections["default"].close()
    options = connections["default"].settings_dict
    connections.databases["default"] = {**options, **backends.database_options(settings_module.settings())}
    del connections["default"]
    from postroom.store.publishing import configuration

    configuration._cached = (None, configuration.Configuration())
    return installation


def migrated_sqlite(path: Path) -> None:
    """Make a migrated SQLite database at `path`."""
    use(f"sqlite:///{path}", path.parent / "making")
    from django.db import connections

    from postroom.store.setup import migrate

    migrate()
    connections["default"].cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connections["default"].close()


def migrate_url(url: str, folder: Path) -> None:
    """Migrate the database of a URL, and leave no connection to it."""
    use(url, folder)
    from django.db import connections

    from postroom.store.setup import migrate

    migrate()
    connections["default"].close()


def close() -> None:
    """Close this thread's connection, and read the settings anew when they are asked for next."""
    from django.db import connections

    connections["default"].close()
    settings_module.reset()


def submit(document: str) -> None:
    """Submit a configuration, as `postroom apply --submit` does.

    Raises what it is refused for.
    """
    from postroom.processor.validation import Validation
    from postroom.store.publishing import draft, yaml_file
    from postroom.store.publishing.submit import submit as publish

    reading = yaml_file.read(document.encode())
    state = draft.get()
    prepared = draft.prepare(reading.document, reading.problems, Validation())
    assert not prepared.problems, [p.sentence for p in prepared.problems]
    draft.replace_draft(prepared, "test", state.revision)
    publish("test", "a test", Validation())


def deliver(*messages: bytes, profile: str, source_ids: tuple[str, ...] = ()) -> list[int]:
    """Enter messages as if they had just been retrieved by receiver "r1"; returns the ids of their events."""
    from postroom.store import content, ledger
    from postroom.store.database import transaction
    from postroom.store.publishing import configuration

    conf = configuration.current()
    chosen = conf.profiles[profile]
    group = conf.groups[chosen.group or ""]
    ids = source_ids or tuple(f"{hash(m) & 0xFFFFFFFF}-{n}" for n, m in enumerate(messages))
    arrivals = [ledger.Arrival("", 0, id_, len(m), content.pack(m)) for id_, m in zip(ids, messages, strict=True)]
    with transaction("accept") as cursor:
        content.insert(cursor, [a.packed for a in arrivals if a.packed])
        entered = ledger.enter(cursor, ledger.Target(chosen.id, group.id, group.real_time, "r1"), arrivals)
    return [a.event for a in entered if a.event]
