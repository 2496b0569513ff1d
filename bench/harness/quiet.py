"""Wait for a quiet machine: a figure that was measured beside other work says little."""

from __future__ import annotations

import time

from harness.accounting import Machine
from harness.report import console


def wait_until_quiet(busy: float = 0.15, patience: float = 20.0) -> float:
    """Until less than `busy` processors were used for one second; at most `patience` seconds. Returns how many are."""
    end = time.monotonic() + patience
    told = False
    while True:
        machine = Machine()
        time.sleep(1.0)
        others = machine.others(0.0)
        if others < busy or time.monotonic() > end:
            return others
        if not told:
            told = True
            console.print(f"  waiting for a quiet machine: {others:.2f} processors are busy", style="dim")
