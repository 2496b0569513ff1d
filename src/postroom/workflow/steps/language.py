"""Language: which language did the author write in? Quotations of what was written before don't count."""

from __future__ import annotations

import re

from postroom.conf.parameters import Parameter, Values
from postroom.mail.language import language
from postroom.mail.reply_text import split_reply
from postroom.workflow.contract import Context, Decided, Step

_MOST_TEXT = 500  # characters: enough to tell, and both looks at it take time by length
_CODE = re.compile(r"[a-z]{2,3}")


class Language:
    name = "language"
    title = "Language"
    parameters: tuple[Parameter, ...] = ()

    def decide(self, context: Context, values: Values) -> Decided:
        message = context.message
        text = message.text[:_MOST_TEXT]
        if message.in_reply_to or message.references:  # only an answer quotes, and taking it apart has its cost
            text = split_reply(text).reply
        found = language(f"{message.subject[:300]}\n{text}")
        if found:
            return Decided(f"It is written in {found}.", facts={"language": found})
        default = context.arguments.text("DefaultLanguage").lower()
        if _CODE.fullmatch(default):
            return Decided(f"Its language can't be told: {default} by default.", facts={"language": default})
        return Decided("Its language can't be told.", facts={"language": ""})


step: Step = Language()
