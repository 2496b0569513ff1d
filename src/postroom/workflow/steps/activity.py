"""Activity: the message becomes an activity of its conversation, or opens one.

Automatic mail (an absence note, a receipt) is kept in its conversation and changes no state of it: it neither reopens
nor closes anything.
"""

from __future__ import annotations

from postroom.conf.parameters import Parameter, Values
from postroom.workflow.contract import AddActivity, Context, Decided, Step
from postroom.workflow.words import one_line

LONGEST_SUBJECT = 500


class Activity:
    name = "activity"
    title = "Activity"
    parameters: tuple[Parameter, ...] = ()

    def decide(self, context: Context, values: Values) -> Decided:
        facts = context.facts
        decision = AddActivity(
            conversation=facts.conversation,
            subject=one_line(context.message.subject, LONGEST_SUBJECT),
            language=facts.language,
            category=facts.category,
            reopen=not facts.automatic,
        )
        where = f"It joins conversation {facts.conversation}" if facts.conversation else "It opens a conversation"
        calm = (
            ", whose state stays as it is, for it is automatic mail" if facts.automatic and facts.conversation else ""
        )
        return Decided(f"{where}{calm}.", (decision,))


step: Step = Activity()
