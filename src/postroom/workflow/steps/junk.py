"""Junk: what the filters in front of us call junk is quarantined with their reason, never thrown away."""

from __future__ import annotations

from postroom.conf.parameters import Parameter, Values
from postroom.mail.junk import junk
from postroom.workflow.contract import Context, Decided, Quarantine, Step


class Junk:
    name = "junk"
    title = "Junk"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "Score",
            "number",
            "From how many points of a filter on a message is junk. Empty: as the filter itself says.",
            direction="in",
            group="content",
            unit="points",
            minimum=-1000,
            maximum=1000,
        ),
        Parameter(
            "MarkOnly",
            "boolean",
            "True: junk is marked (facts.junk) and goes on through the workflow; it is never acknowledged. "
            "False: it is quarantined.",
            default=False,
            direction="in",
            group="content",
        ),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        score = values["Score"]
        why = junk(context.message, float(score) if isinstance(score, int) else None)
        if not why:
            return Decided("No filter calls it junk.")
        if values.flag("MarkOnly"):
            return Decided(f"{why} It is only marked, as MarkOnly says.", facts={"junk": why})
        return Decided(why, (Quarantine("junk", why),), {"junk": why}, stop=True)


step: Step = Junk()
