"""A log holds no secret: not in a value, not in the local variables of a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import structlog
from postroom.conf import logs

logs.configure()

def log_in(password):
    copy_of_the_password = password * 2
    raise RuntimeError("it broke")

try:
    log_in("hunter" + "2")
except RuntimeError as error:
    structlog.get_logger().error("unexpected error", exc_info=error)
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_shows_no_local_variables(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={"POSTROOM_LOG_FORMAT": form}, check=True
    )
    assert "RuntimeError" in done.stderr
    assert "it broke" in done.stderr
    assert "hunter2" not in done.stderr
