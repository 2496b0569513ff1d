"""Raw content: the exact octets of a message, by SHA-256, compressed with Zstandard.

Small contents stand in the database and are committed with the event; larger ones are files of the data folder,
written and fsynced (file and folder) before the commit that names them. Nothing here ever changes or deletes octets.
A file that no row names (a crash in between) is harmless and is used again when the same octets come back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from postroom.conf.errors import Permanent
from postroom.conf.settings import settings
from postroom.store.database import chunks, marks, now_ms, reading

LEVEL = 3
_WINDOW = 1 << 20


@dataclass(frozen=True, slots=True)
class Packed:
    """Octets ready to be committed."""

    sha256: bytes
    size: int
    codec: str
    octets: bytes | None
    path: str | None


def folder() -> Path:
    return settings().data_dir / "contents"


def pack(octets: bytes) -> Packed:
    """Compress and digest. Contents too large for the database are on the disk, safe, when this returns."""
    digest = hashlib.sha256(octets).digest()
    compressed = zstandard.ZstdCompressor(level=LEVEL).compress(octets)
    if len(compressed) <= settings().inline_content_octets:
        return Packed(digest, len(octets), "zstd", compressed, None)
    path = _path_of(digest)
    target = folder() / path
    if not target.exists():
        with _Durable(target) as file:
            file.write(compressed)
    return Packed(digest, len(octets), "zstd", None, path)


def pack_file(spooled: Path) -> Packed:
    """The same for a message in a spool file, in windows; the spool file is left to the caller."""
    digest = hashlib.sha256()
    size = 0
    holding = folder() / "incoming" / secrets.token_hex(16)
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    try:
        with (
            spooled.open("rb") as source,
            _Durable(holding) as file,
            compressor.stream_writer(file, closefd=False) as out,
        ):
            while window := source.read(_WINDOW):
                digest.update(window)
                size += len(window)
                out.write(window)
        if holding.stat().st_size <= settings().inline_content_octets:
            return Packed(digest.digest(), size, "zstd", holding.read_bytes(), None)
        path = _path_of(digest.digest())
        target = folder() / path
        target.parent.mkdir(parents=True, exist_ok=True)
        holding.replace(target)
        _sync_folder(target.parent)
        return Packed(digest.digest(), size, "zstd", None, path)
    finally:
        holding.unlink(missing_ok=True)


def insert(cursor: Any, packed: Sequence[Packed]) -> None:
    """Commit contents with the caller's transaction; those that are there already stay as they are."""
    now = now_ms()
    rows = sorted({p.sha256: (p.sha256, p.size, p.codec, p.octets, p.path, now) for p in packed}.values())
    cursor.executemany(
        "INSERT INTO postroom_content (sha256, size, codec, octets, path, created_ms) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (sha256) DO NOTHING",
        rows,
    )


def get_many(digests: Sequence[bytes]) -> dict[bytes, bytes]:
    """The octets by digest.

    Raises `Permanent` if a file is missing or damaged.
    """
    found: dict[bytes, bytes] = {}
    for some in chunks(list(dict.fromkeys(digests))):
        with reading() as cursor:
            cursor.execute(
                f"SELECT sha256, codec, octets, path, size FROM postroom_content WHERE sha256 IN ({marks(some)})",  # noqa: S608
                some,
            )
            for sha256, codec, octets, path, size in cursor.fetchall():
                found[bytes(sha256)] = _unpack(codec, None if octets is None else bytes(octets), path, size)
    return found


def get(digest: bytes) -> bytes:
    """The octets of one content.

    Raises `Permanent` if there are none.
    """
    try:
        return get_many([bytes(digest)])[bytes(digest)]
    except KeyError:
        raise Permanent(f"The raw content {bytes(digest).hex()} is not in the store.") from None


def _unpack(codec: str, octets: bytes | None, path: str | None, size: int) -> bytes:
    if octets is None:
        try:
            octets = (folder() / (path or "")).read_bytes()
        except OSError as error:
            raise Permanent(
                f"The content file {path} can't be read: {error.strerror}.", advice="Restore it from a backup."
            ) from None
    if codec != "zstd":
        raise Permanent(f"Unknown codec {codec!r} of a raw content.", advice="Use the version that wrote it, or newer.")
    try:
        # The size we stored bounds the output, so a damaged frame can't ask for more.
        return zstandard.ZstdDecompressor().decompress(octets, max_output_size=max(size, 1))
    except zstandard.ZstdError as error:
        raise Permanent(f"A raw content is damaged: {error}.", advice="Restore it from a backup.") from None


def _path_of(digest: bytes) -> str:
    name = digest.hex()
    return f"{name[:2]}/{name[2:4]}/{name}.zst"


class _Durable:
    """A file that has its name only when its octets are on the disk."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.holding = target.with_name(f".{target.name}.{secrets.token_hex(8)}")

    def __enter__(self) -> Any:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.holding.open("xb")
        return self.file

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                self.file.flush()
                os.fsync(self.file.fileno())
                self.file.close()
                self.holding.replace(self.target)
                _sync_folder(self.target.parent)
        finally:
            self.file.close()
            self.holding.unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    for folder_path in (path, path.parent):
        with contextlib.suppress(OSError):
            handle = os.open(folder_path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
