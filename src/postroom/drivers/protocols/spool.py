"""Where the octets of one message gather while they arrive: in memory while it is small, in a file from then on.

Guarantees: never more than `memory` octets in memory, never more than `limit` octets kept; a file that is not handed
over is removed. The file is the receiver's from `finish` on; it is not synced here.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from postroom.conf.errors import Transient

MEMORY = 4 * 1024 * 1024
_HEADER_LIMIT = 256 * 1024


class Gathering:
    """`size` counts every octet that came, `overflow` says that it passed `limit`, and the rest was not kept."""

    __slots__ = ("_chunks", "_file", "_folder", "_limit", "_memory", "_path", "size")

    def __init__(self, folder: Path, limit: int, memory: int = MEMORY) -> None:
        self._folder, self._limit, self._memory = folder, limit, memory
        self._chunks: list[bytes] = []
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self.size = 0

    @property
    def overflow(self) -> bool:
        return self.size > self._limit

    @property
    def in_memory(self) -> int:
        return 0 if self._file else min(self.size, self._memory)

    def write(self, octets: bytes) -> None:
        """Raises `Transient` if the spool folder can't take it."""
        already_over = self.overflow
        self.size += len(octets)
        if already_over:
            return
        try:
            if self._file is None and self.size > self._memory:
                self._open()
            if self._file is None:
                self._chunks.append(octets)
            else:
                self._file.write(octets)
        except OSError as error:
            self.discard()
            raise Transient(
                f"The spool folder {self._folder} can't be written: {error.strerror}.", code="4.3.1"
            ) from error

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="retrieved-", suffix=".eml", dir=self._folder)
        self._path = Path(name)
        self._file = os.fdopen(handle, "w+b")
        for chunk in self._chunks:
            self._file.write(chunk)
        self._chunks = []

    def header(self) -> bytes:
        """The header as far as it is known, at most 256 KiB."""
        if self._file is None:
            return header_of(b"".join(self._chunks))
        self._file.flush()
        self._file.seek(0)
        start = self._file.read(_HEADER_LIMIT)
        self._file.seek(0, os.SEEK_END)
        return header_of(start)

    def finish(self) -> tuple[bytes | None, Path | None]:
        """The octets or the file. Call it once.

        Raises `Transient` if the spool folder can't take it.
        """
        if self._file is None:
            return (self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)), None
        try:
            self._file.close()
        except OSError as error:
            self.discard()
            raise Transient(
                f"The spool folder {self._folder} can't be written: {error.strerror}.", code="4.3.1"
            ) from error
        return None, self._path

    def discard(self) -> None:
        """Forget the octets and remove the file; never raises."""
        self._chunks = []
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                assert self._path is not None
                self._path.unlink(missing_ok=True)


def header_of(octets: bytes) -> bytes:
    """What stands before the first empty line, with its last line end; at most 256 KiB."""
    start = octets[:_HEADER_LIMIT]
    ends = [end + len(mark) // 2 for mark in (b"\r\n\r\n", b"\n\n") if (end := start.find(mark)) >= 0]
    return start[: min(ends)] if ends else start
