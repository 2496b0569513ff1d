"""Route: a follow-up goes to the agent who has the conversation; everything else waits in the inbox for anyone."""

from __future__ import annotations

from postroom.conf.parameters import Parameter, Values
from postroom.workflow.contract import Assign, Context, Decided, Step
from postroom.workflow.words import quoted


class Route:
    name = "route"
    title = "Route"
    parameters: tuple[Parameter, ...] = ()

    def decide(self, context: Context, values: Values) -> Decided:
        facts = context.facts
        if not facts.conversation:
            return Decided("It is new and waits in the inbox for anyone.")
        if not facts.owner:
            return Decided("Nobody has the conversation: it waits in the inbox for anyone.")
        if not context.arguments.flag("EnableAssignment"):
            return Decided("EnableAssignment is off: the conversation stays with whom it is.")
        if facts.automatic:
            return Decided("It is automatic mail: the conversation stays with whom it is.")
        return Decided(f"The conversation is {quoted(facts.owner)}'s, who gets it.", (Assign(facts.owner),))


step: Step = Route()
