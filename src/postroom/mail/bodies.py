"""The text of a message out of its text parts: what each holds, and which of them a reader should see.

Plain text goes before HTML where both say the same (multipart/alternative); HTML that nobody says in plain text is
made text. Guarantees `TEXT_LIMIT` for text and for HTML. Never raises, never sanitises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from postroom.mail.charsets import decode
from postroom.mail.flowed import unflow
from postroom.mail.html_text import HTML_LIMIT, html_to_text
from postroom.mail.structure import Part
from postroom.mail.transfer import IDENTITY, EncodedOctets, looks_plain
from postroom.mail.uuencode import take_uuencoded

TEXT_LIMIT = 10_485_760
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,300}?charset\s{0,5}=\s{0,5}[\"']?\s{0,5}([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE
)
_META_WITHIN = 4_096
_KNOWN_ENCODINGS = (*IDENTITY, "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue")
_SAME_WORDS = 0.8


@dataclass(slots=True)
class Bodies:
    """Take the text parts in order, then `compose`."""

    defects: list[str] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    protection: str = ""
    _items: list[tuple[str, bool, Part | None]] = field(default_factory=list)
    _room: dict[bool, int] = field(default_factory=lambda: {False: TEXT_LIMIT, True: TEXT_LIMIT})

    def __bool__(self) -> bool:
        return any(text and not text.isspace() for text, _, _ in self._items)

    def take(self, octets: bytes, part: Part) -> None:
        """Reads one text part."""
        is_html = part.type == "text/html"
        room = self._room[is_html]
        if room <= 0:
            return
        raw = self._undone(octets, part, room)
        declared = part.parameters.get("charset")
        if is_html and not declared and (meta := _META_CHARSET.search(raw[:_META_WITHIN])):
            declared = meta[1].decode("ascii")
        text = decode(raw, declared)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not is_html:
            text = self._plain(text, part)
        self._room[is_html] = room - len(raw)
        self._items.append((text, is_html, part.alternative))

    def add(self, text: str, *, is_html: bool) -> None:
        """A text that was no part of its own (out of a TNEF part)."""
        text = text[: max(0, self._room[is_html])].replace("\r\n", "\n").replace("\r", "\n")
        self._room[is_html] -= len(text)
        self._items.append((text, is_html, None))

    def compose(self) -> tuple[str, str]:
        """(text, html)."""
        if len(self._items) == 1 and not self._items[0][1]:
            return self._items[0][0], ""
        html = "\n".join(text for text, is_html, _ in self._items if is_html)
        plain = [(text, group) for text, is_html, group in self._items if not is_html and text and not text.isspace()]
        said = {id(group) for _, group in plain if group is not None}
        words: set[str] | None = None
        room = HTML_LIMIT
        pieces: list[str] = []
        for text, is_html, group in self._items:
            if not is_html:
                pieces.append(text)
                continue
            if group is not None and id(group) in said:
                continue
            if len(text) > room:
                self.defects.append("Only the first 2 MiB of the HTML were made text.")
            made = html_to_text(text[:room])
            room -= min(room, len(text))
            if plain and made:
                words = words if words is not None else {word for each, _ in plain for word in each.split()}
                own = set(made.split())
                if len(own & words) >= _SAME_WORDS * len(own):
                    continue
            pieces.append(made)
        return "\n".join(piece for piece in pieces if piece and not piece.isspace())[:TEXT_LIMIT], html

    def _undone(self, octets: bytes, part: Part, room: int) -> bytes:
        encoding = part.encoding
        if part.stray:
            encoding = ""
        elif encoding not in _KNOWN_ENCODINGS:
            self.defects.append(f"The transfer encoding {encoding!r} is unknown: the text is as it came.")
        elif encoding == "base64" and looks_plain(octets[part.start : min(part.end, part.start + 4_096)]):
            self.defects.append("A text said to be base64 is not: it is as it came.")
            encoding = ""
        raw = EncodedOctets(octets, part.start, part.end, encoding).decode(room + 1)
        if len(raw) > room:
            self.defects.append(f"A text is longer than {TEXT_LIMIT >> 20} MiB: the rest was not read.")
            return raw[:room]
        return raw

    def _plain(self, text: str, part: Part) -> str:
        if part.parameters.get("format", "").lower() == "flowed":
            text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        if "begin " in text:
            text, files = take_uuencoded(text)
            self.files += files
            if files:
                self.defects.append("Files were uuencoded into the text: taken out as attachments.")
        if "=ybegin " in text:
            self.defects.append("The text holds a yEnc file, which is not read.")
        if "-----BEGIN PGP " in text and not self.protection:
            if "-----BEGIN PGP MESSAGE-----" in text:
                self.protection = "pgp-encrypted"
            elif "-----BEGIN PGP SIGNED MESSAGE-----" in text:
                self.protection = "pgp-signed"
        return text
