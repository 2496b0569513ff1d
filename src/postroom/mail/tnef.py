"""Files and text inside a TNEF part ("winmail.dat", MS-OXTNEF): read with own bounds.

Guarantees no exception, time in proportion to the octets, at most `FILES_LIMIT` files and `SIZE_LIMIT` octets opened.
Reads the attributes that hold files, names, the body and the code page; passes over all else. (tnefparse, which reads
more, believes the counts that a sender writes: 33 octets make it fill 2 GB.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from postroom.mail.charsets import decode

SIZE_LIMIT = 16_777_216
FILES_LIMIT = 200
_OBJECTS_LIMIT = 5_000
_PROPERTIES_LIMIT = 5_000

_SIGNATURE = b"\x78\x9f\x3e\x22"
_OBJECT = struct.Struct("<BHHI")
_UINT = struct.Struct("<I")
_PROPERTY = struct.Struct("<HH")

_TITLE, _DATA, _RENDERING, _PROPERTIES = 0x8010, 0x800F, 0x9002, 0x9005
_BODY, _CODE_PAGE, _MESSAGE_PROPERTIES = 0x800C, 0x9007, 0x9003
_P_BODY, _P_HTML = 0x1000, 0x1013
_P_DATA, _P_NAME, _P_LONG_NAME, _P_TYPE, _P_CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = (0x0D, 0x1E, 0x1F, 0x102)
_OBJECT_TYPE, _UNICODE_TYPE = 0x0D, 0x1F
_OBJECT_ID = 16  # an embedded object starts with its interface's id


@dataclass(slots=True)
class TnefFile:
    name: str = ""
    content_type: str = ""
    content_id: str = ""
    octets: bytes = b""


@dataclass(slots=True)
class Tnef:
    files: list[TnefFile] = field(default_factory=list)
    text: str = ""
    html: str = ""


def open_tnef(octets: bytes) -> Tnef | None:
    """What is inside, or None where it is no TNEF or too large."""
    if len(octets) > SIZE_LIMIT or not octets.startswith(_SIGNATURE):
        return None
    found = Tnef()
    code_page = "cp1252"
    for number, content in _objects(octets):
        if number == _CODE_PAGE and len(content) >= 4:
            code_page = f"cp{_UINT.unpack_from(content)[0]}"
        elif number == _RENDERING:
            if len(found.files) == FILES_LIMIT:
                break
            found.files.append(TnefFile())
        elif number == _BODY:
            found.text = found.text or decode(content, code_page).rstrip("\0")
        elif number == _MESSAGE_PROPERTIES:
            _read_message(found, content, code_page)
        elif found.files:
            _read_file(found.files[-1], number, content, code_page)
    found.files = [each for each in found.files if each.octets or each.name]
    return found


def _objects(octets: bytes) -> Iterator[tuple[int, bytes]]:
    position = 6
    for _ in range(_OBJECTS_LIMIT):
        if position + _OBJECT.size > len(octets):
            return
        _, number, _, length = _OBJECT.unpack_from(octets, position)
        position += _OBJECT.size
        yield number, octets[position : position + length]
        position += length + 2  # a checksum that nobody heeds


def _read_message(found: Tnef, content: bytes, code_page: str) -> None:
    for number, kind, value in _properties(content):
        if number == _P_BODY:
            found.text = _text(kind, value, code_page)
        elif number == _P_HTML:
            found.html = _text(kind, value, "")


def _read_file(file: TnefFile, number: int, content: bytes, code_page: str) -> None:
    if number == _TITLE:
        file.name = file.name or _text(0, content, code_page)
    elif number == _DATA:
        file.octets = content
    elif number == _PROPERTIES:
        for name, kind, value in _properties(content):
            if name == _P_LONG_NAME or (name == _P_NAME and not file.name):
                file.name = _text(kind, value, code_page)
            elif name == _P_TYPE:
                file.content_type = _text(kind, value, code_page).lower()
            elif name == _P_CONTENT_ID:
                file.content_id = _text(kind, value, code_page)
            elif name == _P_DATA and not file.octets:
                file.octets = value[_OBJECT_ID:] if kind == _OBJECT_TYPE else value


def _text(kind: int, value: bytes, code_page: str) -> str:
    text = value.decode("utf-16-le", "replace") if kind == _UNICODE_TYPE else decode(value, code_page)
    return text.replace("\0", "")


def _properties(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(number, type, value) of a MAPI property list; ends quietly where the list is not what it says."""
    try:
        yield from _read_properties(content)
    except struct.error:
        return


def _read_properties(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    position = 4
    for _ in range(min(_UINT.unpack_from(content)[0], _PROPERTIES_LIMIT)):
        kind, number = _PROPERTY.unpack_from(content, position)
        position += 4
        if number >= 0x8000:  # named: a GUID, then a number or a name
            named = _UINT.unpack_from(content, position + 16)[0]
            position += 24
            if named:
                length = _UINT.unpack_from(content, position - 4)[0]
                position += length + -length % 4
        many, kind = bool(kind & 0x1000), kind & 0xEFFF
        count = 1
        if many or kind in _VARIABLE:
            count = _UINT.unpack_from(content, position)[0]
            position += 4
        if kind in _FIXED:
            width = _FIXED[kind]
            yield number, kind, content[position : position + width]
            position += count * width
        elif kind in _VARIABLE:
            for index in range(min(count, _PROPERTIES_LIMIT)):
                length = _UINT.unpack_from(content, position)[0]
                position += 4
                if index == 0:
                    yield number, kind, content[position : position + length]
                position += length + -length % 4
        else:
            return
