"""One TCP connection to a mail server: connect, TLS at once or by upgrade, and waits that always end.

A `Wire` hands what arrives to a parser as it arrives, without a stream in between: that is what makes twenty
thousand messages a second possible. Guarantees: a wait ends when the server has been silent for the timeout, or after
twenty times that whatever it says; when the connection ends, whoever waits learns it at once; an exception in a parser
ends the connection, never the process.

Memory: asyncio's `SSLProtocol.max_size` is a receive buffer of 256 KiB that every TLS connection allocates. A
receiver holds thousands of idle connections, so it is set to 64 KiB for the process; a TLS record is 16 KiB at most.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from postroom.conf.errors import Permanent, PostroomError, Transient
from postroom.conf.parameters import Values
from postroom.drivers.parameters import Service, port
from postroom.drivers.protocols.tls import check_peer, client_context, connection_error

T = TypeVar("T")
Address = tuple[Any, ...]

_OVERALL = 20  # times the timeout: a server that drips octets is given up as well
asyncio.sslproto.SSLProtocol.max_size = 64 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is and how it is reached. `timeout` in seconds."""

    host: str
    port: int
    encryption: str
    timeout: float
    values: Values

    @classmethod
    def of(cls, values: Values, service: Service) -> Endpoint:
        return cls(
            values.text(f"{service}Server").strip().strip("[]"),
            port(values, service),
            values.text(f"{service}Encryption"),
            float(values.number(f"{service}Timeout")),
            values,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Wire(asyncio.Protocol):
    """An open connection. `feed` gets the octets; `lost` is called once, with the reason, when it has ended."""

    __slots__ = ("_feed", "_loop", "_lost", "_transport", "closed", "endpoint", "error", "last")

    def __init__(
        self, endpoint: Endpoint, feed: Callable[[bytes], None], lost: Callable[[PostroomError], None]
    ) -> None:
        self.endpoint = endpoint
        self.error: PostroomError | None = None
        self.closed = False
        self._feed = feed
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.last = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.error:
            return
        self.last = self._loop.time()
        try:
            self._feed(data)
        except PostroomError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - what a parser did not foresee ends this connection only
            self.fail(Transient(f"{self.endpoint} sent what can't be read ({type(error).__name__}).", code="4.5.0"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(connection_error(exc or EOFError(), self.endpoint.host, self.endpoint.port))

    def fail(self, error: PostroomError) -> None:
        """End the connection for this reason, at once; only the first reason counts."""
        if self.error is None:
            self.error = error
            if self._transport:
                self._transport.abort()
            self._lost(error)

    def send(self, octets: bytes) -> None:
        """Raises the error that ended the connection, if one did."""
        if self.error:
            raise self.error
        assert self._transport is not None
        self.last = self._loop.time()
        self._transport.write(octets)

    async def until(self, future: asyncio.Future[T], timeout: float | None = None) -> T:  # noqa: ASYNC109 - of silence
        """The future's result, if the server keeps talking.

        Raises `Transient` and ends the connection after `timeout` seconds of silence (the endpoint's by default).
        """
        patience = timeout or self.endpoint.timeout
        overall = self._loop.time() + _OVERALL * patience
        while not future.done():
            if self.error:
                raise self.error
            rest = min(self.last + patience, overall) - self._loop.time()
            if rest <= 0:
                self.fail(Transient(f"{self.endpoint} did not answer within {patience:g} seconds.", code="4.4.2"))
                break
            await asyncio.wait((future,), timeout=rest)
        if not future.done() and self.error:
            raise self.error
        return future.result()

    async def start_tls(self) -> None:
        """Upgrade the connection (STARTTLS, STLS) and check the peer.

        Raises `Transient` or `Permanent`, and the connection has ended then.
        """
        assert self._transport is not None
        try:
            context = client_context(self.endpoint.values)
            async with asyncio.timeout(self.endpoint.timeout):
                transport = await self._loop.start_tls(
                    self._transport, self, context, server_hostname=self.endpoint.host
                )
            if transport is None:
                raise ConnectionResetError
            self._transport = transport
            check_peer(self.ssl_object, self.endpoint.values)
        except (OSError, UnicodeError, EOFError, PostroomError) as error:
            reason = connection_error(error, self.endpoint.host, self.endpoint.port, self.endpoint.encryption)
            self.fail(reason)
            raise reason from error
        self.last = self._loop.time()

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        return self._transport.get_extra_info("ssl_object") if self._transport else None

    @property
    def certificate(self) -> bytes | None:
        """The peer's certificate (DER), if the connection is encrypted."""
        return self.ssl_object.getpeercert(binary_form=True) if self.ssl_object else None

    def close(self) -> None:
        """End the connection now; never raises."""
        self.closed = self.error is None or self.closed
        self.fail(Transient(f"The connection to {self.endpoint} was closed.", code="4.4.2"))


async def resolve(endpoint: Endpoint) -> list[tuple[int, Address]]:
    """The address families and addresses of the host, in the order to try.

    Raises `Transient` or `Permanent`.
    """
    if not endpoint.host:
        raise Permanent("No server is named.", code="5.4.4")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(endpoint.timeout):
            found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise connection_error(error, endpoint.host, endpoint.port) from error
    return [(family, address) for family, _, _, _, address in found]


async def connect(endpoint: Endpoint, feed: Callable[[bytes], None], lost: Callable[[PostroomError], None]) -> Wire:
    """A connection, encrypted and its peer checked where the endpoint's encryption is "tls".

    Raises `Transient` or `Permanent` with a sentence that names the server.
    """
    addresses = await resolve(endpoint)
    wire = Wire(endpoint, feed, lost)
    loop = asyncio.get_running_loop()
    try:
        context = client_context(endpoint.values) if endpoint.encryption == "tls" else None
        async with asyncio.timeout(endpoint.timeout):
            sock = await _dial(addresses, endpoint)
            try:
                await loop.create_connection(
                    lambda: wire, sock=sock, ssl=context, server_hostname=endpoint.host if context else None
                )
            except BaseException:
                sock.close()
                raise
        if context:
            check_peer(wire.ssl_object, endpoint.values)
    except (OSError, UnicodeError, EOFError, PostroomError) as error:
        reason = connection_error(error, endpoint.host, endpoint.port, endpoint.encryption)
        wire.fail(reason)
        raise reason from error
    return wire


async def _dial(addresses: list[tuple[int, Address]], endpoint: Endpoint) -> socket.socket:
    """The first address that answers; none may use up the time of those after it."""
    loop = asyncio.get_running_loop()
    failure: OSError = ConnectionRefusedError()
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(endpoint.timeout / len(addresses)):
                await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure
