"""The connection test of the incoming direction: step by step, in words for people, never raising.

Shared by both drivers: resolve, connect and TLS, capabilities, login; then each says what it finds in its mailboxes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Protocol

from postroom.conf.errors import PostroomError
from postroom.conf.parameters import Values
from postroom.drivers.contract import TestStep
from postroom.drivers.parameters import start_from_ms
from postroom.drivers.protocols.tls import certificate_facts, days_left, is_loopback
from postroom.drivers.protocols.transport import Endpoint, resolve

_EXPIRES_SOON = 14  # days


class Client(Protocol):
    """What both clients offer the test."""

    endpoint: Endpoint
    greeting: str

    @property
    def certificate(self) -> bytes | None: ...

    async def connect(self) -> None: ...

    async def secure(self) -> None: ...

    async def close(self) -> None: ...


async def try_incoming(
    client: Client,
    offered: Callable[[], str],
    log_in: Callable[[], Awaitable[None]],
    look: Callable[[], AsyncIterator[TestStep]],
) -> AsyncGenerator[TestStep, None]:
    """The steps of a connection test; it ends with the first that fails. `look` yields those about the mailboxes."""
    doing = "Resolve"
    try:
        addresses = [str(address[0]) for _, address in await resolve(client.endpoint)]
        yield TestStep(doing, True, f"{client.endpoint.host} is {', '.join(dict.fromkeys(addresses))}.")
        doing = "Connect"
        await client.connect()
        yield TestStep(doing, True, f"{client.endpoint}: {client.greeting}")
        doing = "Encrypt"
        await client.secure()
        yield _encrypted(client)
        doing = "Log in"
        await log_in()
        yield TestStep(doing, True, "The account and its password are accepted.")
        doing = "Capabilities"
        yield TestStep(doing, True, offered())
        doing = "Look"
        async for step in look():
            yield step
    except PostroomError as error:
        yield TestStep(doing, False, error.sentence, error.advice)
    except Exception as error:  # noqa: BLE001 - a test says what happened, whatever happened
        yield TestStep(doing, False, f"It failed unexpectedly: {type(error).__name__}.")
    finally:
        await client.close()


def _encrypted(client: Client) -> TestStep:
    certificate = client.certificate
    if certificate is None:
        local = is_loopback(client.endpoint.host)
        advice = "" if local else "Set the encryption to tls or starttls."
        return TestStep("Encrypt", True, "The connection is not encrypted.", advice, warning=not local)
    left = days_left(certificate)
    soon = left is not None and left < _EXPIRES_SOON
    advice = f"The certificate ends in {left} days." if soon else ""
    return TestStep("Encrypt", True, certificate_facts(certificate), advice, warning=soon)


def start_from_step(values: Values, count: int) -> TestStep:
    """What StartFrom would do with the messages that are there.

    Raises `PostroomError` if StartFrom can't be read.
    """
    now_ms = 1 << 62
    start = start_from_ms(values, now_ms)
    if start is None:
        detail = f"All of the {count} messages that are there will be retrieved."
    elif start == now_ms:
        detail = f"The {count} messages that are there will be left alone; what comes from now on is retrieved."
    else:
        detail = (
            f"Of the {count} messages that are there, those received since {values.text('StartFrom')} are retrieved."
        )
    return TestStep("StartFrom", True, detail)
