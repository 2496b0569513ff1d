"""What the demo's IMAP and POP3 servers share: bounded reading from a client that may be hostile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

LONGEST_LINE = 64 * 1024
LARGEST_LITERAL = 32 * 1024 * 1024
IDLE_SECONDS = 30 * 60.0


class Closed(Exception):
    """The client went away, was silent for too long, or sent what no server takes."""


class Connection:
    """One client. `write` buffers; `flush` waits until the client takes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def line(self) -> bytes:
        """The next line with its line end. Raises `Closed`."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError) as error:
            raise Closed from error
        return line

    async def octets(self, count: int) -> bytes:
        """Exactly so many. Raises `Closed`."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                return await self._reader.readexactly(count)
        except (asyncio.IncompleteReadError, TimeoutError, OSError) as error:
            raise Closed from error

    def write(self, octets: bytes) -> None:
        self._writer.write(octets)

    async def flush(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._writer.drain()
        except (TimeoutError, OSError) as error:
            raise Closed from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), 2)


async def listen(serve: Callable[[Connection], Awaitable[None]], port: int) -> asyncio.Server:
    """A server on 127.0.0.1 that gives every client to `serve` and then closes the connection."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        try:
            await serve(connection)
        except Closed:
            pass
        finally:
            await connection.close()

    return await asyncio.start_server(on_client, "127.0.0.1", port, limit=LONGEST_LINE)
