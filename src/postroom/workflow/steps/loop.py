"""Loop: mail that this installation sent itself is set aside, so that it never answers itself.

Nothing is concluded from a likeness: our signature must be in the message, or it went through more than a hundred
servers. `ProcessIfLoopbackDetected`, of the step or of the profile, lets it through; it is then never acknowledged.
"""

from __future__ import annotations

from postroom.conf.parameters import Parameter, Values
from postroom.mail.loops import loop
from postroom.workflow.contract import Context, Decided, Quarantine, Step


class Loop:
    name = "loop"
    title = "Loop"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "ProcessIfLoopbackDetected",
            "boolean",
            "True: mail that we sent ourselves is processed, whatever the profile says. "
            "False: it is quarantined, unless the profile's parameter of this name says otherwise.",
            default=False,
            direction="in",
        ),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        why = loop(context.message, context.signing_key, context.own_domains)
        if not why:
            return Decided("It is not mail of our own.")
        if context.process_own_mail or values.flag("ProcessIfLoopbackDetected"):
            return Decided(
                f"{why} It is processed all the same, as ProcessIfLoopbackDetected says.", facts={"loop": why}
            )
        return Decided(why, (Quarantine("loop", why),), {"loop": why}, stop=True)


step: Step = Loop()
