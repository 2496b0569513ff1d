"""How a header field is written: folding, encoded words, addresses, parameters (RFC 5322, 2047, 2231).

Whatever the value holds, the result is one field: control characters become spaces, so no value can begin a line of
its own. Lines are folded at 78 characters; the result is ASCII, without the final CRLF. Text that ASCII can't carry
becomes encoded words; RFC 6532 (raw UTF-8) is not used.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from postroom.conf.errors import Permanent
from postroom.mail.domains import ascii_domain
from postroom.mail.message import Address

_LINE = 78
_CONTROLS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,70}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED_LOCAL = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,500}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,60}")
_LITERAL_IN_Q = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = {octet: chr(octet) if octet in _LITERAL_IN_Q else "_" if octet == 32 else f"={octet:02X}" for octet in range(256)}


def one_line(text: str) -> str:
    """The text without control characters and line breaks, spaces single, lone surrogates replaced."""
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text).strip(" "))


def text_field(name: str, value: str) -> str:
    """An unstructured field, such as Subject."""
    return _fold(name, _text_tokens(one_line(value)))


def address_field(name: str, addresses: Iterable[Address]) -> str:
    """A field of one or more mailboxes.

    Raises `Permanent` for an address that can't be written.
    """
    written = [_mailbox(address.name, address.address) for address in addresses]
    tokens: list[str] = []
    for index, mailbox in enumerate(written):
        tokens += mailbox[:-1]
        tokens.append(mailbox[-1] if index == len(written) - 1 else mailbox[-1] + ",")
    return _fold(name, tokens)


def ids_field(name: str, ids: Iterable[str]) -> str:
    """A field of Message-IDs (given without angle brackets); those that can't be written are left out."""
    return _fold(name, [f"<{item}>" for item in ids if _MESSAGE_ID.fullmatch(item)])


def is_message_id(text: str) -> bool:
    """Whether it can stand in angle brackets."""
    return bool(_MESSAGE_ID.fullmatch(text)) and "@" in text


def check_field_name(name: str) -> None:
    """Raises `Permanent` for what is no field name."""
    if not _FIELD_NAME.fullmatch(name):
        raise Permanent(f"{name[:80]!r} is no name of a header field.", code="5.6.0")


def parameter_field(name: str, value: str, parameters: Iterable[tuple[str, str]]) -> str:
    """A field with parameters, such as Content-Disposition; values in RFC 2231 form where ASCII does not do."""
    tokens = [value]
    for key, text in parameters:
        tokens[-1] += ";"
        tokens += _parameter(key, one_line(text))
    return _fold(name, tokens)


@lru_cache(maxsize=4096)
def wire_address(address: str) -> str:
    """The address in ASCII, as it stands in header and envelope: the local part quoted if it must be, A-labels.

    Raises `Permanent`: 5.1.3 for what is no address, 5.6.7 for a local part that would need SMTPUTF8.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or len(address) > 320 or _CONTROLS.search(local.replace(" ", "")):
        raise Permanent(f"{address[:100]!r} is no mail address.", code="5.1.3")
    if not local.isascii():
        raise Permanent(
            f"The address {address[:100]!r} needs internationalised mail (SMTPUTF8), which Postroom does not write.",
            code="5.6.7",
        )
    if not _DOT_ATOM.fullmatch(local) and not _QUOTED_LOCAL.fullmatch(local):
        local = _quoted(local)
    return f"{local}@{ascii_domain(domain)}"


@lru_cache(maxsize=4096)
def _mailbox(name: str, address: str) -> tuple[str, ...]:
    written = wire_address(address)
    name = one_line(name)[:400]
    if not name:
        return (written,)
    if len(name) > 60 or not name.isascii() or "=?" in name:
        return (*_encoded_words(name), f"<{written}>")
    return (name if _ATOMS.fullmatch(name) else _quoted(name), f"<{written}>")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text_tokens(text: str) -> list[str]:
    tokens = text.split(" ")
    if not text.isascii() or "=?" in text or any(len(token) > 500 for token in tokens):
        return _encoded_words(text)
    return tokens


def _encoded_words(text: str) -> list[str]:
    """RFC 2047: UTF-8 in B or Q, whichever is shorter, each word at most 75 characters, no character split."""
    data = text.encode("utf-8")
    q_length = sum(len(_Q[octet]) for octet in data)
    use_q = q_length <= len(data) * 4 / 3
    words: list[str] = []
    current: list[str] = []
    used, room = 0, 60 if use_q else 45
    for character in text:
        octets = character.encode("utf-8")
        size = sum(len(_Q[octet]) for octet in octets) if use_q else len(octets)
        if used + size > room:
            words.append("".join(current))
            current, used = [], 0
        current.append(character)
        used += size
    words.append("".join(current))
    if use_q:
        return [f"=?utf-8?q?{''.join(_Q[octet] for octet in word.encode())}?=" for word in words]
    return [f"=?utf-8?b?{base64.b64encode(word.encode()).decode()}?=" for word in words]


def _parameter(key: str, text: str) -> list[str]:
    if _TOKEN.fullmatch(text):
        return [f"{key}={text}"]
    if text.isascii() and len(text) <= 60:
        return [f"{key}={_quoted(text)}"]
    pieces = [""]
    for character in text:
        encoded = quote(character, safe="")  # no character is split between two pieces
        if len(pieces[-1]) + len(encoded) > 50:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return [f"{key}*=utf-8''{pieces[0]}"]
    written = [f"{key}*{number}*={piece};" for number, piece in enumerate(pieces)]
    written[0] = written[0].replace("=", "=utf-8''", 1)
    return [*written[:-1], written[-1][:-1]]


def _fold(name: str, tokens: Iterable[str]) -> str:
    lines: list[str] = []
    line = f"{name}:"
    for token in tokens:
        if len(line) + 1 + len(token) > _LINE and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {token}"
    lines.append(line)
    return "\r\n".join(lines)
