"""IMAP's grammar as far as the demo server needs it (RFC 3501 section 9): arguments, sequence sets, quoting.

An argument is an atom (`str`), a quoted string or literal (`bytes`), or a parenthesised `list` of arguments. What
does not fit raises `SyntaxProblem`; nesting and lengths are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Argument = str | bytes | list["Argument"]

_MOST_NESTED = 20
_ATOM_END = frozenset(b' ()"{\r\n')
_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}\r?\n")


class SyntaxProblem(ValueError):
    """The client's words are not IMAP; the text goes back to it after BAD."""


def arguments(octets: bytes) -> list[Argument]:
    """What stands in a whole command, literals in their place (`{3}` CR LF `abc`)."""
    found, end = _list(octets, 0, 0)
    if end != len(octets):
        raise SyntaxProblem("a parenthesis is closed that was not opened")
    return found


def text(argument: Argument) -> str:
    """An atom or string as text; a list is an error."""
    if isinstance(argument, list):
        raise SyntaxProblem("a list stands where a string should")
    return argument if isinstance(argument, str) else argument.decode("utf-8", "replace")


def words(argument: Argument) -> list[str]:
    """The atoms of a list; an atom alone is a list of one."""
    return [text(item) for item in argument] if isinstance(argument, list) else [text(argument)]


def in_set(sequence_set: str, numbers: Sequence[int]) -> set[int]:
    """Those of `numbers` (ascending) that are in the set: `1,3:5,7:*`; `*` is the last of them."""
    if not re.fullmatch(
        r"(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*", sequence_set
    ):
        raise SyntaxProblem("that is not a sequence set")
    if not numbers:
        return set()
    found: set[int] = set()
    for part in sequence_set.split(","):
        first, _, last = part.partition(":")
        ends = sorted(numbers[-1] if end == "*" else int(end) for end in (first, last or first))
        found.update(number for number in numbers if ends[0] <= number <= ends[1])
    return found


def quoted(value: str) -> bytes:
    """A string for an answer: quoted, or a literal where quoting can't hold it."""
    octets = value.encode()
    if octets.isascii() and not re.search(rb'[\r\n\0"\\]', octets):
        return b'"' + octets + b'"'
    return literal(octets)


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(octets), octets)


def _list(octets: bytes, at: int, depth: int) -> tuple[list[Argument], int]:
    if depth > _MOST_NESTED:
        raise SyntaxProblem("parentheses are nested too deeply")
    found: list[Argument] = []
    while at < len(octets):
        character = octets[at : at + 1]
        if character in b" \r\n":
            at += 1
        elif character == b")":
            return found, at if depth == 0 else at + 1
        elif character == b"(":
            inner, at = _list(octets, at + 1, depth + 1)
            found.append(inner)
        elif character == b'"':
            string, at = _quoted_string(octets, at + 1)
            found.append(string)
        elif character == b"{":
            string, at = _literal(octets, at)
            found.append(string)
        else:
            atom, at = _atom(octets, at)
            found.append(atom)
    if depth:
        raise SyntaxProblem("a parenthesis is not closed")
    return found, at


def _quoted_string(octets: bytes, at: int) -> tuple[bytes, int]:
    found = bytearray()
    while at < len(octets):
        if octets[at] == ord('"'):
            return bytes(found), at + 1
        if octets[at] == ord("\\"):
            at += 1
        found += octets[at : at + 1]
        at += 1
    raise SyntaxProblem("a quotation mark is missing")


def _literal(octets: bytes, at: int) -> tuple[bytes, int]:
    match = _LITERAL.match(octets, at)
    if match is None:
        raise SyntaxProblem("a literal is broken")
    start, length = match.end(), int(match.group(1))
    if start + length > len(octets):
        raise SyntaxProblem("a literal is too short")
    return octets[start : start + length], start + length


def _atom(octets: bytes, at: int) -> tuple[str, int]:
    """An atom; one with a section goes on to its bracket: `BODY.PEEK[HEADER.FIELDS (FROM DATE)]<0.100>`."""
    start, bracket = at, False
    while at < len(octets):
        character = octets[at]
        if character == ord("["):
            bracket = True
        elif character == ord("]"):
            bracket = False
        elif character in b"\r\n" or (character in _ATOM_END and not bracket):
            break
        at += 1
    if bracket:
        raise SyntaxProblem("a bracket is not closed")
    return octets[start:at].decode("utf-8", "replace"), at
