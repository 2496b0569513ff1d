"""All benchmarks, small ones by default: `python bench/run.py [--full]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ALL = (
    ["intake.py"],
    ["intake.py", "--growth"],
    ["latency.py"],
    ["memory.py"],
    ["submit.py"],
    ["peers/django_helpdesk.py"],
)


def main() -> int:
    if unknown := set(sys.argv[1:]) - {"--full"}:
        print(f"{__doc__}\nunknown: {' '.join(unknown)}")
        return 2
    small = [] if "--full" in sys.argv else ["--small"]
    missed = []
    for name, *arguments in ALL:
        print(f"\n== {name} {' '.join(arguments)}", flush=True)
        if subprocess.run([sys.executable, str(HERE / name), *arguments, *small], check=False).returncode:
            missed.append(name)
    good = "Every benchmark ran; --full holds them against their goals." if small else "Every goal was reached."
    print(f"\nNot reached or not run: {', '.join(missed)}" if missed else f"\n{good}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
