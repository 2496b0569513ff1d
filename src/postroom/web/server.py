"""Serve the web role with uvicorn, in the caller's event loop."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
import uvicorn
from django.core.asgi import get_asgi_application

from postroom.conf import liveness
from postroom.conf.errors import UsageError
from postroom.conf.settings import settings


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Signals are the process's, not the web role's."""
        yield


async def serve() -> None:
    """Answer on `web_bind` until cancelled.

    Raises `UsageError` if the address is taken or wrong.
    """
    host, _, port = settings().web_bind.rpartition(":")
    if not port.isdigit():
        raise UsageError(f"POSTROOM_WEB_BIND must be ADDRESS:PORT, not {settings().web_bind!r}.")
    server = _Server(
        uvicorn.Config(
            get_asgi_application(), host=host.strip("[]"), port=int(port), log_level="warning", lifespan="off",
            access_log=False,
        )
    )  # fmt: skip
    task = asyncio.create_task(_run(server))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.02)  # uvicorn has no event to wait for
        if task.done():
            raise UsageError(f"The web role can't listen on {settings().web_bind}.", advice="Set POSTROOM_WEB_BIND.")
        structlog.get_logger().info("the web role answers", url=f"http://{settings().web_bind}/")
        while not task.done():
            liveness.beat("web")
            await asyncio.sleep(1)
    finally:
        server.should_exit = True
        await task


async def _run(server: uvicorn.Server) -> None:
    # uvicorn ends the interpreter when it can't bind; here that is an error like another.
    with contextlib.suppress(SystemExit):
        await server.serve()
