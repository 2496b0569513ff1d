"""The workflows that are always there, as YAML: what happens to a message, in order, and why in this order."""

from __future__ import annotations

from functools import cache

from postroom.workflow.definition import Workflow, load

PROCESS_MESSAGE = """\
name: Process Message
version: 1
comment: >-
  What becomes of a message that comes to a response group. Nothing is thrown away: what is set aside waits in
  quarantine with its reason.
steps:
  # First what is no customer's message. Each of these may end the workflow.
  - step: record-time
    comment: When it was accepted, by our own clock.
  - step: loop
    comment: Mail of our own is quarantined before anything can answer it.
  - step: bounce
    comment: >-
      Delivery reports update the message that they report on. Other automatic mail (absence notes, receipts) is
      marked and goes on; it changes no state and is never acknowledged.
  - step: junk
    comment: What a filter in front of us calls junk is quarantined with the filter's reason.

  # Then what it belongs to and who wrote it.
  - step: thread
    comment: >-
      Before sender, language and category, for a follow-up belongs to its conversation whatever these say.
  - step: sender
    comment: The author's contact; the organization, if EnableLookupSenderByOrganization is on.
  - step: language
    comment: Before the acknowledgement, whose template is taken in this language.
  - step: category
    comment: By the rules given here; without rules there is no category.
    parameters: {Rules: []}

  # Then what is to be done.
  - step: activity
    comment: The message becomes an activity of its conversation, or opens one.
  - step: acknowledge
    comment: >-
      For a new conversation only, never for a follow-up; within RFC 3834 and the budgets.
  - step: route
    comment: A follow-up goes to the agent who has the conversation.
"""

READY_MADE: dict[str, str] = {"Process Message": PROCESS_MESSAGE}


@cache
def ready_made(name: str) -> Workflow | None:
    """The ready-made workflow of this name, loaded; None if there is none."""
    text = READY_MADE.get(name)
    return None if text is None else load(text)
