"""Helpers of the parser's tests: sample messages and small builders."""

from __future__ import annotations

import struct
from pathlib import Path

from postroom.mail.message import Message
from postroom.mail.parse import parse

FOLDER = Path(__file__).parents[2] / "data" / "messages"


def sample(name: str) -> Message:
    return parse((FOLDER / name).read_bytes())


def sample_crlf(name: str) -> Message:
    return parse((FOLDER / name).read_bytes().replace(b"\n", b"\r\n"))


def multipart(*parts: bytes, kind: bytes = b"mixed", head: bytes = b"") -> bytes:
    """A message with these parts (header, empty line, body each)."""
    body = b"".join(b"--=b=\r\n" + part + b"\r\n" for part in parts)
    start = b"From: a@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\n" + head
    return start + b"Content-Type: multipart/" + kind + b'; boundary="=b="\r\n\r\n' + body + b"--=b=--\r\n"


def tnef(*objects: tuple[int, bytes]) -> bytes:
    """A TNEF stream of attributes (number, content)."""
    stream = b"\x78\x9f\x3e\x22\x01\x00"
    for number, content in objects:
        stream += struct.pack("<BHHI", 2, number, 6, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)
    return stream


def mapi(*properties: tuple[int, int, bytes]) -> bytes:
    """A MAPI property list of variable-length properties (type, number, value)."""
    listed = struct.pack("<I", len(properties))
    for kind, number, value in properties:
        listed += struct.pack("<HHII", kind, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return listed
