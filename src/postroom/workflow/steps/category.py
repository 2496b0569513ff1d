"""Category: what is it about? By key words in the subject and in what the author wrote, quotations left out.

A rule is "Category: key word, key word". The first rule that has a word of the message wins; case does not count, a
key word stands alone or begins a word if it ends with * ("refund*"). A category written "Catalog/Category" counts
only for the response groups whose CatalogName is that catalog.
"""

from __future__ import annotations

import re
from functools import lru_cache

from postroom.conf.parameters import Parameter, Values
from postroom.mail.reply_text import split_reply
from postroom.workflow.contract import Context, Decided, Step
from postroom.workflow.words import one_line, quoted

_MOST_TEXT = 10_000
_MOST_RULES = 200
_MOST_WORDS = 200


class Category:
    name = "category"
    title = "Category"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "Rules",
            "list",
            'Rules such as "Billing: invoice, refund*, rechnung"; the first that fits gives the category. '
            '"Sales/Offer: price, quote" counts only where CatalogName is Sales.',
            default=(),
            direction="in",
            group="content",
        ),
        Parameter(
            "Otherwise",
            "text",
            "The category where no rule fits. Empty: none.",
            default="",
            direction="in",
            group="content",
        ),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        rules = compiled(values.texts("Rules"))
        otherwise = values.text("Otherwise")
        if not rules:
            return Decided("There are no rules.", facts={"category": otherwise})
        catalog = context.arguments.text("CatalogName")
        message = context.message
        text = f"{message.subject[:1000]}\n{split_reply(message.text[:_MOST_TEXT]).reply}"
        for of_catalog, category, pattern in rules:
            if of_catalog in ("", catalog) and (found := pattern.search(text)):
                return Decided(f"{quoted(found[0])} stands in it: {quoted(category)}.", facts={"category": category})
        return Decided("No rule fits.", facts={"category": otherwise})


@lru_cache(maxsize=256)
def compiled(rules: tuple[str, ...]) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """The rules as (catalog, category, pattern). An item without a category goes on with the rule before it."""
    words: dict[tuple[str, str], list[str]] = {}
    current: tuple[str, str] | None = None
    for item in rules[: _MOST_RULES * _MOST_WORDS]:
        head, colon, tail = item.partition(":")
        if colon:
            catalog, _, category = head.rpartition("/")
            current = (one_line(catalog), one_line(category))
        if current and current[1] and len(words) < _MOST_RULES:
            given = words.setdefault(current, [])
            given += [word.strip() for word in (tail if colon else item).split(",") if word.strip(" *")]
    return tuple((*rule, _pattern(given[:_MOST_WORDS])) for rule, given in words.items() if given)


def _pattern(words: list[str]) -> re.Pattern[str]:
    parts = [re.escape(word.rstrip("*")[:100]) + ("" if word.endswith("*") else r"(?!\w)") for word in words]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})", re.IGNORECASE)


step: Step = Category()
