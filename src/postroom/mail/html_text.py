"""Plain text from HTML: what a reader would see, one block a line, quotes with "> ", links with their addresses.

A tokeniser of the HTML standard's rules for tags, comments and raw text, without a tree: a tree of hostile HTML
(100,000 nested elements) takes a browser's parser half a minute, this one pass takes time in proportion to its length.
Guarantees no exception, no recursion, at most `HTML_LIMIT` characters read. Never sanitises: the result is text.
"""

from __future__ import annotations

import re
from html import unescape

HTML_LIMIT = 2_097_152
_QUOTE_LIMIT = 20
_LINK_LIMIT = 500
_LINK_TEXT_LIMIT = 2_000

# A tag ends at ">" outside of quoted attribute values; a quote opens one only after "=" (HTML 13.2.5).
_TOKEN = re.compile(
    r"<!--(?:>|->|.*?(?:--!?>|\Z))"
    r"|<(/?)([a-zA-Z][^\s/>]{0,63}+)"
    r"((?:[^>=]++|=\s*+\"[^\"]*+(?:\"|\Z)|=\s*+'[^']*+(?:'|\Z)|=)*+)(?:>|\Z)"
    r"|<[!?/][^>]*+(?:>|\Z)",
    re.DOTALL,
)
_HREF = re.compile(r"(?:^|\s)href\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>]++))", re.IGNORECASE)
_ALT = re.compile(r"(?:^|\s)alt\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>]++))", re.IGNORECASE)
_HIDDEN = frozenset("script style title textarea xmp iframe noembed noframes".split())  # noqa: SIM905 - reads better
_HIDDEN_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _HIDDEN}
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure "  # noqa: SIM905
    "footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol p pre section summary table tbody tfoot "
    "thead tr ul".split()
)
_APART = frozenset("p h1 h2 h3 h4 h5 h6 blockquote ul ol dl pre table".split())  # noqa: SIM905
_ITEM_DEPTH = 10


def html_to_text(html: str) -> str:
    """The visible text of `html`, lines ended by a line feed, no blank line first or last."""
    writer = _Writer()
    html = html[:HTML_LIMIT]
    unclosed: set[str] = set()
    position = 0
    while (token := _TOKEN.search(html, position)) is not None:
        if token.start() > position:
            writer.text(html[position : token.start()])
        position = token.end()
        if token[2] is None:
            continue
        name = token[2].lower()
        if token[1]:
            writer.close(name)
        elif name in _HIDDEN:
            if name not in unclosed and (ending := _HIDDEN_ENDS[name].search(html, position)) is not None:
                position = ending.start()
            elif name in ("script", "style"):
                position = len(html)
            else:
                unclosed.add(name)  # read on: its text is better than none
        else:
            writer.open(name, token[3])
    writer.text(html[position:])
    return writer.finish()


class _Writer:
    """Builds lines: collapsed words, the quote depth of each line, blank lines between paragraphs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.words: list[str] = []
        self.quotes = 0
        self.last_quotes = 0  # of the line before
        self.pre = 0
        self.space = False
        self.apart = False
        self.indent = ""
        self.lists: list[int] = []
        self.link = ""
        self.link_from = 0

    def text(self, chunk: str) -> None:
        if "&" in chunk:
            chunk = unescape(chunk)
        if self.pre:
            first, *rest = chunk.split("\n")
            self._put(first)
            for line in rest:
                self._end_line(keep_empty=True)
                self._put(line)
            return
        words = chunk.split()
        if not words:
            self.space = self.space or bool(chunk)
            return
        if chunk[0].isspace():
            self.space = True
        self._put(" ".join(words))
        self.space = chunk[-1].isspace()

    def open(self, name: str, attributes: str) -> None:
        if name == "br":
            self._end_line(keep_empty=True)
        elif name in ("td", "th"):
            self.space = True
        elif name == "a":
            self._end_link()
            self.link, self.link_from = _attribute(_HREF, attributes), len(self.words)
        elif name == "img":
            alt = " ".join(_attribute(_ALT, attributes).split())
            if alt:
                self.text(f"[{alt[:_LINK_LIMIT]}]".replace("&", "&amp;"))
        elif name in _BLOCKS:
            self._block(name)
            if name == "blockquote":
                self.quotes += 1
            elif name == "pre":
                self.pre += 1
            elif name in ("ul", "ol"):
                self.lists.append(0 if name == "ol" else -1)
            elif name == "li":
                self._item()
            elif name == "hr":
                self._put("---")
                self._end_line()

    def close(self, name: str) -> None:
        if name == "a":
            self._end_link()
        elif name in _BLOCKS:
            self._block(name)
            if name == "blockquote":
                self.quotes = max(0, self.quotes - 1)
            elif name == "pre":
                self.pre = max(0, self.pre - 1)
            elif name in ("ul", "ol") and self.lists:
                self.lists.pop()

    def finish(self) -> str:
        self._end_link()
        self._end_line()
        return "\n".join(self.lines).strip("\n")

    def _item(self) -> None:
        depth = min(len(self.lists), _ITEM_DEPTH)
        mark = "- "
        if self.lists and self.lists[-1] >= 0:
            self.lists[-1] += 1
            mark = f"{self.lists[-1]}. "
        self.indent = "  " * max(0, depth - 1) + mark

    def _put(self, words: str) -> None:
        if words:
            if self.space and self.words and not self.pre:
                self.words.append(" ")
            self.space = False
            self.words.append(words)

    def _block(self, name: str) -> None:
        self._end_line()
        self.apart = self.apart or (name in _APART and (name not in ("ul", "ol") or len(self.lists) < 2))

    def _end_line(self, *, keep_empty: bool = False) -> None:
        if self.link and len(self.words) > self.link_from:
            self._end_link()
        line = "".join(self.words).rstrip()
        self.words, self.space, self.link_from = [], False, 0
        if not line and not keep_empty:
            return
        prefix = "> " * min(self.quotes, _QUOTE_LIMIT)
        if self.apart and self.lines and self.lines[-1].strip("> "):
            self.lines.append(("> " * min(self.quotes, self.last_quotes, _QUOTE_LIMIT)).rstrip())
        self.apart, self.last_quotes = False, self.quotes
        if line or (self.lines and self.lines[-1].strip("> ")) or self.pre:
            self.lines.append((prefix + self.indent + line).rstrip())
        if line:
            self.indent = ""

    def _end_link(self) -> None:
        """Adds the address of the link that ends, where its text doesn't say it."""
        link, self.link = self.link.strip(), ""
        if not link or len(link) > _LINK_LIMIT or not link.lower().startswith(("http://", "https://", "mailto:")):
            return
        shown = "".join(self.words[self.link_from :])[-_LINK_TEXT_LIMIT:].strip()
        bare = link.partition(":")[2].strip("/").partition("?")[0] if link[0] in "mM" else link.partition("//")[2]
        if shown and bare.rstrip("/").lower() not in shown.lower():
            self.words.append(f" <{link}>")


def _attribute(pattern: re.Pattern[str], attributes: str) -> str:
    found = pattern.search(attributes)
    return unescape(found[1] or found[2] or found[3] or "") if found else ""
