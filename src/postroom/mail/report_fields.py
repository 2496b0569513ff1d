"""The machine-readable part of a report, field by field (RFC 3464 section 2.1, RFC 6533, RFC 8098, RFC 5965).

The part is groups of header-like fields with empty lines between them. Reads any text: unknown lines are passed over,
and every count and length has a limit.
"""

from __future__ import annotations

import re

_GROUPS = 200
_LINES = 10_000
_VALUE = 2_000
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\]{1,128}@[^\s<>,;:\"()\\]{1,255}")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")

Group = dict[str, str]


def read_groups(text: str) -> list[Group]:
    """The groups of fields: names in lower case, values unfolded; the first field of a name counts."""
    groups: list[Group] = []
    group: Group = {}
    last = ""
    for line in text[:1_000_000].split("\n")[:_LINES]:
        line = line.rstrip("\r \t")
        if not line:
            if group:
                groups.append(group)
                if len(groups) == _GROUPS:
                    return groups
            group, last = {}, ""
        elif line[0] in " \t":
            if last and len(group[last]) < _VALUE:
                group[last] = f"{group[last]} {line.strip()}"[:_VALUE]
        else:
            name, colon, value = line.partition(":")
            last = name.strip().lower()[:100] if colon else ""
            if last and last not in group:
                group[last] = value.strip()[:_VALUE]
            else:
                last = ""
    if group:
        groups.append(group)
    return groups


def typed_address(value: str) -> str:
    """The address of a field like `Final-Recipient: rfc822; ann@customer.test`, "" if it holds none (X.400 …)."""
    kind, semicolon, rest = value.partition(";")
    text = rest if semicolon else kind
    if kind.strip().lower() in ("utf-8", "rfc822") or not semicolon:
        text = _ESCAPED.sub(_character, text)
        found = _ADDRESS.search(text)
        return found[0].rstrip(".") if found else ""
    return ""


def typed_text(value: str) -> str:
    """The words of a field like `Diagnostic-Code: smtp; 550 5.1.1 No such user`, on one line."""
    kind, semicolon, rest = value.partition(";")
    return one_line(rest if semicolon and len(kind) < 40 and " " not in kind.strip() else value)


def one_line(text: str) -> str:
    """Printable characters only, at most 500 of them."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:_VALUE]).split())[:500]


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if 0x20 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
