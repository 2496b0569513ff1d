"""Raw contents come back octet for octet, from the database and from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from installation import Installation
from postroom.conf.errors import Permanent


@pytest.mark.parametrize("octets", [b"", b"From: a\r\n\r\nhello\r\n", bytes(range(256)) * 10])
def test_small_contents_stand_in_the_database(installation: Installation, octets: bytes) -> None:
    from postroom.store import content
    from postroom.store.database import transaction

    packed = content.pack(octets)
    with transaction("accept") as cursor:
        content.insert(cursor, [packed, packed])
        content.insert(cursor, [packed])
    assert packed.path is None
    assert content.get(packed.sha256) == octets


def test_large_contents_are_files(installation: Installation, tmp_path: Path) -> None:
    import random

    from postroom.store import content
    from postroom.store.database import transaction

    octets = random.Random(7).randbytes(1_000_000)
    spooled = tmp_path / "spooled"
    spooled.write_bytes(octets)
    packed, again = content.pack(octets), content.pack_file(spooled)
    assert packed == again
    assert packed.path
    with transaction("accept") as cursor:
        content.insert(cursor, [packed])
    assert content.get(packed.sha256) == octets
    assert [p.name for p in content.folder().rglob("*") if p.is_file()] == [Path(packed.path).name]
    (content.folder() / packed.path).write_bytes(b"damaged")
    with pytest.raises(Permanent, match="damaged"):
        content.get(packed.sha256)
    (content.folder() / packed.path).unlink()
    with pytest.raises(Permanent, match="can't be read"):
        content.get(packed.sha256)


def test_an_unknown_content_is_a_clear_error(installation: Installation) -> None:
    from postroom.store import content

    with pytest.raises(Permanent, match="not in the store"):
        content.get(b"\0" * 32)
