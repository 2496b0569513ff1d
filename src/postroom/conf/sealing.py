"""Sealing of secrets at rest: AES-256-GCM with a key that stands outside the database.

A sealed value is the text `sealed:1:KEYID:BASE64`. It is bound to where it belongs (`owner`, such as
"profile:support@example.com/IMAPPassword") as additional authenticated data, so that it can't be moved to another
row. The key file holds one key a line, the first one seals, all of them open (rotation). Never logs a value.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postroom.conf.errors import Permanent
from postroom.conf.parameters import Secret
from postroom.conf.settings import key_path

MARK = "sealed:1:"


class Key:
    """A 256-bit key; `id` names it in sealed values and says nothing about it."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.id = hashlib.sha256(b"postroom key id" + octets).hexdigest()[:8]


def make_key_file(path: Path) -> None:
    """A new key file, readable by its owner only. Does nothing if there is one."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())


@cache
def _keys(path: Path, _mtime: int) -> tuple[Key, ...]:
    try:
        lines = path.read_text(encoding="ascii").split()
        keys = tuple(Key(base64.b64decode(line, validate=True)) for line in lines)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise Permanent(f"The key file {path} can't be read: {type(error).__name__}.") from None
    if not keys or any(len(key.octets) != 32 for key in keys):
        raise Permanent(f"The key file {path} holds no valid key (32 octets in base64 each line).")
    return keys


def keys() -> tuple[Key, ...]:
    """The keys of this installation, the sealing one first.

    Raises `Permanent` if the key file is missing or damaged.
    """
    path = key_path()
    try:
        mtime = path.stat().st_mtime_ns
    except OSError:
        raise Permanent(
            f"The key file {path} is missing.", advice="Restore it from a backup, or run `postroom init`."
        ) from None
    return _keys(path, mtime)


def seal(secret: Secret, owner: str) -> str:
    """The sealed text of a secret, bound to its owner."""
    key = keys()[0]
    nonce = secrets.token_bytes(12)
    box = AESGCM(key.octets).encrypt(nonce, secret.reveal().encode(), owner.encode())
    return f"{MARK}{key.id}:{base64.b64encode(nonce + box).decode()}"


def is_sealed(value: object) -> bool:
    return isinstance(value, str) and value.startswith(MARK)


def unseal(text: str, owner: str) -> Secret:
    """The secret of a sealed text.

    Raises `Permanent` if it is damaged, belongs elsewhere, or its key is not in the key file.
    """
    try:
        key_id, box = text.removeprefix(MARK).split(":", 1)
        octets = base64.b64decode(box, validate=True)
    except (ValueError, binascii.Error):
        raise Permanent(f"The sealed value of {owner} is damaged.", advice="Set it again.") from None
    key = next((key for key in keys() if key.id == key_id), None)
    if key is None:
        raise Permanent(f"The key {key_id} that sealed {owner} is not in the key file.", advice="Restore the key file.")
    try:
        return Secret(AESGCM(key.octets).decrypt(octets[:12], octets[12:], owner.encode()).decode())
    except (InvalidTag, ValueError):
        raise Permanent(f"The sealed value of {owner} was made for another place.", advice="Set it again.") from None


def signing_key() -> bytes:
    """The key of thread tags and of the loop signature: derived, so that neither reveals the sealing key.

    Derived from the oldest key, so that rotation leaves the tags in customers' mailboxes valid.
    """
    return hmac.digest(keys()[-1].octets, b"postroom signing", "sha256")
