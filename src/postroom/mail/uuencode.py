"""Files that a sender uuencoded into the text, as before MIME.

Guarantees time in proportion to the text and at most `FILES_LIMIT` files; what is no whole, readable file stays in
the text. Never raises.
"""

from __future__ import annotations

import re

from postroom.mail.transfer import uu_line

FILES_LIMIT = 100

_BEGIN = re.compile(r"^begin [0-7]{3,4} (\S[^\n]{0,500})\n", re.MULTILINE)
_END = re.compile(r"^end[ \t]*$", re.MULTILINE)


def take_uuencoded(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text without the files, and the files: (name as written, octets)."""
    files: list[tuple[str, bytes]] = []
    kept: list[str] = []
    position = 0
    misread = 0
    while len(files) < FILES_LIMIT and misread < FILES_LIMIT and (begin := _BEGIN.search(text, position)) is not None:
        end = _END.search(text, begin.end())
        if end is None:
            break
        octets = _decoded(text[begin.end() : end.start()])
        if octets is None:
            kept.append(text[position : end.start()])
            position = end.start()
            misread += 1
            continue
        kept.append(text[position : begin.start()])
        files.append((begin[1].strip(), octets))
        position = end.end() + 1
    kept.append(text[position:])
    return "".join(kept), files


def _decoded(body: str) -> bytes | None:
    if not body.isascii():
        return None
    decoded = [uu_line(line.encode("ascii")) for line in body.split("\n") if line.strip() not in ("", "`")]
    return b"".join(line for line in decoded if line) if decoded and None not in decoded else None
