"""Message ids of Message-ID, In-Reply-To and References (RFC 5322 section 3.6.4), without angle brackets.

One rule for all three fields, so that an id is the same wherever it stands: white space inside is dropped (a folded
line), an id over `ID_LIMIT` characters or with control characters is no id. Never raises.
"""

from __future__ import annotations

import re

from postroom.mail.header_text import unfolded

ID_LIMIT = 998
IDS_LIMIT = 100

_BRACKETED = re.compile(r"<([^<>]*+)>")
_BARE = re.compile(r"[^\s<>,;\"()]+@[^\s<>,;\"()]+")
_SPACE = re.compile(r"\s+")


def message_ids(raw: bytes | None) -> tuple[str, ...]:
    """The ids of a field, in order, each once; of more than `IDS_LIMIT` the first (the thread's root) and the last."""
    if not raw:
        return ()
    text = unfolded(raw)
    wanted = _BRACKETED.findall(text) if "<" in text else []
    if not wanted:
        wanted = _bare(text)
    ids = list(dict.fromkeys(clean for each in wanted if (clean := _clean(each))))
    if len(ids) > IDS_LIMIT:
        ids = [ids[0], *ids[1 - IDS_LIMIT :]]
    return tuple(ids)


def _bare(text: str) -> list[str]:
    """Ids that lost their brackets: only where the field holds nothing else."""
    words = text.replace("<", " ").replace(">", " ").replace(",", " ").split()
    return words if words and len(words) <= IDS_LIMIT and all(_BARE.fullmatch(word) for word in words) else []


def _clean(text: str) -> str:
    text = _SPACE.sub("", text)
    return text if 0 < len(text) <= ID_LIMIT and text.isprintable() else ""
