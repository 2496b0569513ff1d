"""Structured logs on standard error, as text for people or JSON for machines. Profile, event and request are bound.

No secret reaches a log: values of class `Secret` print as `Secret(…)`, and drivers remove them from conversations.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from postroom.conf.settings import settings

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str | None = None) -> None:
    """Set logging up for this process: ours, and that of the libraries from *warning* on."""
    least = _LEVELS[level or settings().log_level]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings().log_format == "json":
        shared += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # The formatter that structlog prefers shows the values of local variables: mail, and passwords.
        plain = structlog.dev.plain_traceback
        colors = sys.stderr.isatty()
        shared.append(structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, exception_formatter=plain))
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(least, logging.WARNING), format="%(asctime)s %(levelname)s %(name)s %(message)s")
