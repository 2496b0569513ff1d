"""Addresses as senders write them (RFC 5322 section 3.4, 6531), leniently: names, comments, groups, routes, quotes.

`parse_addresses` guarantees at most `ADDRESSES_LIMIT` addresses from at most `VALUE_LIMIT` characters in linear time,
and never raises. Give it the raw field value: display names are decoded (RFC 2047) only after the commas are read,
so an encoded comma can't make a second address.
"""

from __future__ import annotations

import re

from postroom.mail.header_text import VALUE_LIMIT, header_text
from postroom.mail.message import Address

ADDRESSES_LIMIT = 1_000
ADDRESS_LIMIT = 320  # RFC 5321: 64 + @ + 255
_NAME_LIMIT = 998

_ENCODED = r"=\?[^?\s]{1,64}\?[bBqQ]\?[^?]*\?="
_TOKEN = re.compile(
    r'"((?:[^"\\]++|\\.)*+)(?:"|\\?$)|(<)|(>)|([,;])|(:)|(\()'
    rf'|({_ENCODED})|((?:[^"<>,;:(=]++|=(?!{_ENCODED[1:]}))++)',
    re.DOTALL,
)
# One mailbox in ASCII, with or without a plain name: what nearly every field holds.
_USUAL = re.compile(
    r"(?:(?:\"([A-Za-z0-9][A-Za-z0-9 .,'&/-]{0,98}[A-Za-z0-9.])\"|([A-Za-z0-9][A-Za-z0-9 .'&/-]{0,98}[A-Za-z0-9.]))? ?"
    r"<([A-Za-z0-9_+-](?:[A-Za-z0-9._+=-]{0,62}[A-Za-z0-9_+-])?@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8})>"
    r"|([A-Za-z0-9_+-](?:[A-Za-z0-9._+=-]{0,62}[A-Za-z0-9_+-])?@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}))"
)
_COMMENT_TOKEN = re.compile(r"\\.|[()]|[^\\()]++|\\", re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SPACES = re.compile(r"\s+")
_LOOSE = re.compile(r"(?<![^\s,;:<>\"()@])[^\s,;:<>\"()@]+@[^\s,;:<>\"()@]+")
_AROUND_DOT = re.compile(r"\s*+\.\s*+")
_LOCAL = re.compile(r"[^\s\"(),:;<>\[\]\\]++|\"(?:[^\"\\]++|\\.)*+\"")
_DOMAIN = re.compile(r"[^\s\"(),:;<>\[\]\\@]++|\[[^\s\[\]\\]++\]")


def parse_addresses(value: str) -> tuple[Address, ...]:
    """The mailboxes of an address field, groups opened. What has no address in it gives none."""
    if (usual := _USUAL.fullmatch(value)) is not None:
        return (Address(usual[1] or usual[2] or "", usual[3] or usual[4]),)
    value = value[:VALUE_LIMIT]
    addresses: list[Address] = []
    reader = _Reader()
    position = 0
    comments_close = True
    while position < len(value) and len(addresses) < ADDRESSES_LIMIT:
        token = _TOKEN.match(value, position)
        if token is None:
            break
        position = token.end()
        if token[4] and not reader.in_brackets:
            _add(addresses, reader)
            reader = _Reader()
        elif token[5] and not reader.in_brackets and not reader.has_at:
            reader = _Reader()  # the name of a group
        elif token[6] and comments_close and (comment := _comment(value, position)) is not None:
            text, position = comment
            reader.comments.append(text)
        else:
            comments_close = comments_close and not token[6]  # an unclosed one: read "(" as a letter from now on
            reader.take(token)
    if len(addresses) < ADDRESSES_LIMIT:
        _add(addresses, reader)
    return tuple(addresses)


class _Reader:
    """Collects one address: words before, inside and after the angle brackets."""

    __slots__ = ("bracketed", "comments", "has_at", "in_brackets", "words")

    def __init__(self) -> None:
        self.words: list[tuple[str, bool]] = []
        self.bracketed: list[str] | None = None
        self.comments: list[str] = []
        self.in_brackets = False
        self.has_at = False

    def take(self, token: re.Match[str]) -> None:
        if token[2]:
            if self.in_brackets or self.bracketed:
                return
            self.in_brackets, self.bracketed = True, []
        elif token[3]:
            self.in_brackets = False
        elif self.in_brackets and self.bracketed is not None:
            self.bracketed.append(token[0])
        elif token[1] is not None:
            self.words.append((token[1], True))
        else:
            self.has_at = self.has_at or (token[8] is not None and "@" in token[8])
            self.words.append((token[0], False))


def _add(addresses: list[Address], reader: _Reader) -> None:
    if reader.bracketed is not None:
        address = _address("".join(reader.bracketed))
        name = _display_name(reader.words) or _spoken(" ".join(reader.comments))
        if not address:  # "<Name> joe@example.com", "joe@example.com <>"
            loose = _LOOSE.search(header_text(" ".join(word for word, _ in reader.words)))
            address, name = (_address(loose[0]), "") if loose else ("", "")
    else:
        written = "".join(f'"{word}"' if quoted else word for word, quoted in reader.words).strip()
        address, name = _address(written), _spoken(" ".join(reader.comments))
        if not address and (loose := _LOOSE.search(decoded := header_text(written))):
            address, name = _address(loose[0]), _spoken(decoded.replace(loose[0], " ").strip(' "<>'))
    if address:
        addresses.append(Address(name, address))


def _address(written: str) -> str:
    """The addr-spec: route dropped, white space around the dots and the at dropped; "" if it is none."""
    written = written.strip()
    if not 3 <= len(written) <= ADDRESS_LIMIT * 4:
        return ""
    if written.startswith("@") and ":" in written:
        written = written.rpartition(":")[2]
    if written.lower().startswith("mailto:"):
        written = written[7:]
    if "=?" in written:
        written = header_text(written)
    local, at, domain = written.rpartition("@")
    local, domain = _AROUND_DOT.sub(".", local.strip()), _SPACES.sub("", domain).rstrip(".")
    if not at or not local or not domain:
        return ""
    if "@" in local and not local.startswith('"') and not _SPACES.search(local):
        local = '"' + local.replace('"', "").replace("\\", "") + '"'
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return ""
    address = f"{local}@{domain}"
    return address if len(address) <= ADDRESS_LIMIT and address.isprintable() else ""


def _display_name(words: list[tuple[str, bool]]) -> str:
    texts = [_PAIR.sub(r"\1", word) if quoted and "\\" in word else word for word, quoted in words]
    return _spoken(" ".join(texts))


def _spoken(text: str) -> str:
    text = _SPACES.sub(" ", header_text(text)).strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1].strip()
    return text[:_NAME_LIMIT]


def _comment(value: str, position: int) -> tuple[str, int] | None:
    """The text of a comment that began before `position` and where it ends, or None if it never ends."""
    depth = 1
    parts: list[str] = []
    while (token := _COMMENT_TOKEN.match(value, position)) is not None:
        position = token.end()
        word = token[0]
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
            if depth == 0:
                return "".join(parts), position
        parts.append(word[1:] if len(word) == 2 and word[0] == "\\" else word)
    return None
