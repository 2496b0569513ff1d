"""What the tests of publishing and of the command line configure: a store, a driver, a document."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from installation import Installation
from postroom.conf import registry
from postroom.conf.parameters import Parameter, Values
from postroom.drivers.contract import Surroundings, TestStep

_templates = itertools.count(1)  # the fixtures stand in several conftest files, each with its own template


@pytest.fixture
def store(installation: Installation) -> Path:
    """An empty store with a key, on each backend; gives the data directory."""
    return installation.folder


class SampleDriver:
    """A driver that talks to nobody."""

    name = "sample"
    title = "Sample Server"
    channel = "Email"
    parameters = (
        Parameter("Server", "text", "Host name.", required=True),
        Parameter("AccountName", "text", "Account."),
        Parameter("Password", "secret", "Password.", required=True),
        Parameter("PollingInterval", "number", "How often.", 30, "in", unit="seconds", minimum=1, maximum=86_400),
        Parameter("Encryption", "choice", "How.", "tls", choices=("none", "starttls", "tls")),
        Parameter("Delete", "boolean", "Whether.", True),
        Parameter("Mailboxes", "list", "Which.", ("INBOX",)),
    )

    def check(self, values: Values) -> list[str]:
        problems = [] if values.text("Server") else ["Server: the server is missing."]
        return problems if values.secret("Password") else [*problems, "Password: the password is missing."]

    async def test_source(self, values: Values, surroundings: Surroundings) -> AsyncIterator[TestStep]:
        password = values.secret("Password")
        yield TestStep("connect", True, f"{values.text('Server')} says hello\x1b[31m")
        good = password is not None and password.reveal() == "right"
        yield TestStep("log in", good, "" if good else "535 no", "" if good else "Set the password again.")

    def test_submitter(self, values: Values, surroundings: Surroundings) -> Iterator[TestStep]:
        yield TestStep("connect", True, "250 ready", "Another client is on the mailbox.", warning=True)


@pytest.fixture
def sample_driver(monkeypatch: pytest.MonkeyPatch) -> SampleDriver:
    """The only driver that is installed."""
    driver = SampleDriver()
    monkeypatch.setattr(registry, "drivers", lambda: {"sample": driver})
    return driver


SAMPLE = """\
drivers:
  - name: Head office
    kind: sample
    parameters: {Server: mail.example.com, PollingInterval: 15}
    maintainers: [alice]
profiles:
  - name: support@example.com
    address: support@example.com
    driver: Head office
    overrides: {AccountName: support, Password: hunter2-profile}
    response_group: Support
    responsibilities: [Support agents]
    signature: |
      Regards,
        the team
response_groups:
  - name: Support
    real_time: false
    input_arguments: {ProcessName: Process Message, AcknowledgementTemplate: Acknowledgement}
    administrator: ops@example.com
responsibilities:
  - {name: Support agents, members: [alice]}
users:
  - {name: alice, email: alice@example.com}
templates:
  - {name: Acknowledgement, subject: "Re: {{ subject }}", text: "We have your message."}
"""


class Nothing:
    """Validators that find nothing wrong."""

    def workflow_problems(self, document: object) -> list[tuple[tuple[str | int, ...], str]]:
        return []

    argument_problems = template_problems = workflow_problems

    def ready_made(self) -> set[str]:
        return {"Process Message"}


def put(text: str, validators: object = None) -> object:
    """Make a YAML text the draft; returns the prepared document."""
    from postroom.store.publishing import draft, secrets, yaml_file

    reading = yaml_file.read(text.encode())
    prepared = draft.prepare(
        reading.document, reading.problems, validators or Nothing(), secrets.from_process(Path.cwd())
    )
    draft.replace_draft(prepared, "tester", draft.get().revision)
    return prepared


def publish(text: str, reason: str = "test") -> object:
    """Submit a YAML text."""
    from postroom.store.publishing.submit import submit

    put(text)
    return submit("tester", reason, Nothing())
