"""The driver Internet SMTP/IMAP Server: retrieves by IMAP, submits by SMTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from postroom.conf.parameters import Parameter, Values
from postroom.drivers import parameters
from postroom.drivers.contract import Source, Submitter, Surroundings, TestStep
from postroom.drivers.imap_source import open_imap_source, test_imap_source
from postroom.drivers.smtp_submitter import SmtpSubmitter, test_submitter
from postroom.drivers.suspects import Suspects


class InternetSmtpImap:
    """The contract is `postroom.drivers.contract.Driver`."""

    name = "internet-smtp-imap"
    title = "Internet SMTP/IMAP Server"
    channel = "Email"
    parameters: tuple[Parameter, ...] = (
        *parameters.IMAP,
        *parameters.RETRIEVING,
        parameters.PROCESSED_MAILBOX,
        *parameters.SMTP,
        *parameters.ENCRYPTION,
    )

    def __init__(self) -> None:
        self._suspects = Suspects()

    def check(self, values: Values) -> list[str]:
        return [
            *parameters.check_incoming(values, "IMAP"),
            *parameters.check_outgoing(values),
            *parameters.check_trust(values),
        ]

    async def open_source(self, values: Values, surroundings: Surroundings) -> Source:
        return await open_imap_source(values, surroundings, self._suspects)

    def open_submitter(self, values: Values, surroundings: Surroundings) -> Submitter:
        return SmtpSubmitter(values, surroundings)

    def test_source(self, values: Values, surroundings: Surroundings) -> AsyncIterator[TestStep]:
        return test_imap_source(values, surroundings)

    def test_submitter(self, values: Values, surroundings: Surroundings) -> Iterator[TestStep]:
        return test_submitter(values, surroundings)


driver = InternetSmtpImap()
