"""What the scripted servers share: a line server on loopback whose every answer a test may rewrite, break or hold.

`fault(command, answer)` gets the client's command line and the octets that would be sent; it returns what is sent
instead, or raises `Break(octets)` to end the connection after sending those, or `Stall(octets)` to fall silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any


class Break(Exception):
    def __init__(self, octets: bytes = b"") -> None:
        self.octets = octets


class Stall(Break):
    pass


class LineServer:
    """`commands` are the lines of all clients. Subclasses answer in `handle`."""

    def __init__(self, tls: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        self.tls, self.implicit = tls, implicit
        self.commands: list[str] = []
        self.fault: Callable[[str, bytes], bytes] | None = None
        self.port = 0
        self._spoken = asyncio.Event()
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Any:
        context = self.tls if self.implicit else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self.handle(Session(self, reader, writer))
        except Break as end:
            with contextlib.suppress(Exception):
                writer.write(end.octets)
                await writer.drain()
                if isinstance(end, Stall):
                    await asyncio.sleep(3600)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def hears(self, line: str) -> None:
        self.commands.append(line)
        self._spoken.set()

    async def heard(self, text: str) -> None:
        """Wait until a client has said it."""
        while not any(text in line for line in self.commands):
            self._spoken.clear()
            await self._spoken.wait()

    async def handle(self, session: Session) -> None:
        raise NotImplementedError


class Session:
    """One client."""

    def __init__(self, server: LineServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer

    async def line(self) -> str:
        octets = await self.reader.readline()
        if not octets.endswith(b"\n"):
            raise ConnectionResetError
        text = octets.decode("utf-8", "surrogateescape").rstrip("\r\n")
        self.server.hears(text)
        return text

    async def send(self, command: str, answer: bytes) -> None:
        if self.server.fault:
            answer = self.server.fault(command, answer)
        self.writer.write(answer)
        await self.writer.drain()

    async def upgrade(self) -> None:
        assert self.server.tls is not None
        await self.writer.start_tls(self.server.tls)
