"""format=flowed text (RFC 3676): soft line breaks taken out, quote marks kept, DelSp obeyed.

Text over `FLOWED_LIMIT` characters is left as it is: nobody reads it, and it costs. Never raises.
"""

from __future__ import annotations

FLOWED_LIMIT = 1_048_576


def unflow(text: str, *, delete_space: bool) -> str:
    """`text` (lines ended by a line feed) with each paragraph on one line."""
    if len(text) > FLOWED_LIMIT:
        return text
    lines: list[str] = []
    paragraph: list[str] = []
    depth = -1  # of the paragraph that is still open; -1: none
    for line in text.split("\n"):
        rest = line.lstrip(">")
        quotes = len(line) - len(rest)
        content = rest[1:] if rest.startswith(" ") else rest  # stuffed
        signature = content == "-- "
        if paragraph and (quotes != depth or signature):
            lines.append(_line(depth, paragraph))
            paragraph = []
        depth = quotes
        if signature or not content.endswith(" "):
            paragraph.append(content)
            lines.append(_line(depth, paragraph))
            paragraph = []
        else:
            paragraph.append(content[:-1] if delete_space else content)
    if paragraph:
        lines.append(_line(depth, paragraph))
    return "\n".join(lines)


def _line(depth: int, paragraph: list[str]) -> str:
    text = "".join(paragraph)
    return f"{'>' * depth} {text}" if depth else text
