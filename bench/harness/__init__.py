"""What the benchmarks share: the corpus, private servers, installations, accounting, references and the report."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))  # the test servers
