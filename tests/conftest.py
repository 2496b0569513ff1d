"""The fixtures that every kind of test shares: real mail servers, a recording SMTP server, and databases.

Servers live as long as the session (one set for each xdist worker) on free ports; a test that stopped one finds it
running again in the next. Mailboxes are separate by name: take `mailbox`, or any name nobody else uses.

Where a server program is missing, its tests are skipped and named in red at the end; with CI=true they fail.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

import installation as installation_module
from installation import Installation
from servers.certificates import ServerCertificate, issue
from servers.dovecot import Dovecot
from servers.errors import Unavailable
from servers.oauth import TokenServer
from servers.postfix import Postfix
from servers.postgres import Postgres
from servers.processes import private_folder, remove_folder
from servers.smtp_sink import SMTPSink

_NOT_HERE = "not run on this machine: "
_Server = TypeVar("_Server")
_numbers = itertools.count(1)


# --- mail servers ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate() -> Iterator[ServerCertificate]:
    """The servers' certificate for localhost and 127.0.0.1, and the authority that clients trust."""
    folder = private_folder("certificate")
    yield issue(folder)
    remove_folder(folder)


@pytest.fixture(scope="session")
def token_server() -> Iterator[TokenServer]:
    """The OAuth2 server that Dovecot asks; also where a profile under test fetches its tokens."""
    server = TokenServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _dovecot_of_session(certificate: ServerCertificate, token_server: TokenServer) -> Iterator[Dovecot]:
    server = _build(lambda: Dovecot(certificate, token_server))
    yield server
    server.close()


@pytest.fixture
def dovecot(_dovecot_of_session: Dovecot) -> Dovecot:
    """A running Dovecot; the test may stop, kill and restart it."""
    _dovecot_of_session.start()
    return _dovecot_of_session


@pytest.fixture(scope="session")
def _postfix_of_session(_dovecot_of_session: Dovecot) -> Iterator[Postfix]:
    server = _build(lambda: Postfix(_dovecot_of_session))
    yield server
    server.close()


@pytest.fixture
def postfix(_postfix_of_session: Postfix, dovecot: Dovecot) -> Postfix:
    """A running Postfix that delivers to `dovecot`."""
    _postfix_of_session.start()
    return _postfix_of_session


@pytest.fixture
def mailbox() -> str:
    """A user name that no other test uses: its mailbox in Dovecot is empty."""
    return f"box{os.getpid()}n{next(_numbers)}"


@pytest.fixture
def smtp_sink() -> Iterator[SMTPSink]:
    """A recording submission server, plain, without AUTH. With TLS or AUTH: `with SMTPSink(...) as sink`."""
    with SMTPSink() as sink:
        yield sink


# --- databases -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _postgres_of_session() -> Iterator[Postgres]:
    server = _build(lambda: Postgres(fsync=False))
    yield server
    server.close()


@pytest.fixture
def postgres(_postgres_of_session: Postgres) -> Postgres:
    """A running PostgreSQL without fsync; the test may stop, kill and restart it."""
    _postgres_of_session.start()
    return _postgres_of_session


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty PostgreSQL database of the test's own."""
    url = postgres.fresh_database()
    yield url
    postgres.start()
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the test's own; the test runs once on each backend."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'postroom.sqlite3'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    installation_module.migrated_sqlite(path)
    return path


@pytest.fixture(scope="session")
def _migrated_postgres(_postgres_of_session: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    _postgres_of_session.start()
    folder = tmp_path_factory.mktemp("template-postgres")
    return _postgres_of_session.make_template("migrated", lambda url: installation_module.migrate_url(url, folder))


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """A migrated installation of the test's own, on each backend; this process's Django points at it."""
    folder = tmp_path / "data"
    folder.mkdir()
    server: Postgres | None = None
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("_migrated_sqlite"), folder / "postroom.sqlite3")
        url = f"sqlite:///{folder / 'postroom.sqlite3'}"
    else:
        template = request.getfixturevalue("_migrated_postgres")
        server = request.getfixturevalue("postgres")
        url = server.fresh_database(template)
    for name in Installation(url, folder).environment:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
    yield installation_module.use(url, folder)
    installation_module.close()
    if server is not None:
        server.start()
        server.drop_database(url)


# --- what could not be run -------------------------------------------------------------------------------------------


def _build(make: Callable[[], _Server]) -> _Server:
    try:
        return make()
    except Unavailable as reason:
        _not_here(str(reason))


def _not_here(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(f"{_NOT_HERE}{reason} (CI=true: nothing may be left out)", pytrace=False)
    pytest.skip(_NOT_HERE + reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every test that a missing server kept from running: it must not pass unseen."""
    stories: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if _NOT_HERE in reason:
            stories.setdefault(reason.partition(_NOT_HERE)[2], []).append(report.nodeid)
    for reason, names in stories.items():
        terminalreporter.section(f"{len(names)} TESTS WERE NOT RUN", red=True, bold=True)
        terminalreporter.line(reason, red=True)
        for name in names:
            terminalreporter.line(f"  {name}", red=True)
