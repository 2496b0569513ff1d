"""The driver Internet SMTP/POP3 Server: retrieves by POP3, submits by SMTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from postroom.conf.parameters import Parameter, Values
from postroom.drivers import parameters
from postroom.drivers.contract import Source, Submitter, Surroundings, TestStep
from postroom.drivers.pop3_source import Pop3Source, test_pop3_source
from postroom.drivers.smtp_submitter import SmtpSubmitter, test_submitter
from postroom.drivers.suspects import Suspects


class InternetSmtpPop3:
    """The contract is `postroom.drivers.contract.Driver`."""

    name = "internet-smtp-pop3"
    title = "Internet SMTP/POP3 Server"
    channel = "Email"
    parameters: tuple[Parameter, ...] = (
        *parameters.POP3,
        *parameters.RETRIEVING,
        *parameters.SMTP,
        *parameters.ENCRYPTION,
    )

    def __init__(self) -> None:
        self._suspects = Suspects()

    def check(self, values: Values) -> list[str]:
        return [
            *parameters.check_incoming(values, "POP3"),
            *parameters.check_outgoing(values),
            *parameters.check_trust(values),
        ]

    async def open_source(self, values: Values, surroundings: Surroundings) -> Source:
        return Pop3Source(values, surroundings, self._suspects)

    def open_submitter(self, values: Values, surroundings: Surroundings) -> Submitter:
        return SmtpSubmitter(values, surroundings)

    def test_source(self, values: Values, surroundings: Surroundings) -> AsyncIterator[TestStep]:
        return test_pop3_source(values, surroundings)

    def test_submitter(self, values: Values, surroundings: Surroundings) -> Iterator[TestStep]:
        return test_submitter(values, surroundings)


driver = InternetSmtpPop3()
