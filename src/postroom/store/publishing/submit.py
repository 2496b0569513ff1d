"""Submit: the draft becomes the numbered configuration that runs, with its rows, in one transaction.

A draft that can't work is refused with every reason at once. Components see the new number and take it up.
"""

from __future__ import annotations

from django.db import IntegrityError

from postroom.conf.errors import Transient, UsageError
from postroom.store.database import now_ms, transaction
from postroom.store.models import Audit, Draft, Submission
from postroom.store.publishing import draft
from postroom.store.publishing.check import Validators, consistency, readiness
from postroom.store.publishing.difference import difference
from postroom.store.publishing.document import Document
from postroom.store.publishing.problems import Refused
from postroom.store.publishing.rows import bring_into_line, obstacles


class NothingToSubmit(UsageError):
    """The document does not differ from the configuration in force."""


def submit(author: str, reason: str, validators: Validators) -> Submission:
    """Publish the draft.

    Raises `Refused` with every reason, `NothingToSubmit`, `UsageError` without a reason, `Transient` if somebody
    changed the draft or submitted at the same moment.
    """
    state = draft.get()
    return _publish(state.document, author, reason, validators, state.revision)


def rollback(number: int, author: str, reason: str, validators: Validators) -> Submission:
    """Publish the document of an earlier submission again, as a new one.

    A draft with changes of its own stays; one without follows. Raises like `submit`, and `UsageError` for a number
    that is not there.
    """
    if number <= 0:
        raise UsageError("Submissions are numbered from 1.")
    _, document = draft.submitted(number)
    return _publish(document, author, reason or f"Back to submission {number}", validators, None)


def _publish(document: Document, author: str, reason: str, validators: Validators, revision: int | None) -> Submission:
    reason = reason.strip()
    if not reason:
        raise UsageError("A submission needs a reason.")
    number, before = draft.submitted()
    words = difference(before, document)
    if document == before:
        raise NothingToSubmit(f"Nothing differs from submission {number}." if number else "The draft is empty.")
    refusals = consistency(document, draft.accounts())
    refusals = [*refusals, *readiness(document, validators, refusals), *obstacles(document)]
    if refusals:
        raise Refused("The configuration can't work as it is; nothing was submitted.", refusals)
    now = now_ms()
    try:
        with transaction("submit"):
            if (Submission.objects.order_by("-number").values_list("number", flat=True).first() or 0) != number:
                raise _meanwhile()
            row = Submission.objects.create(
                number=number + 1,
                document=document.raw(),
                author=author[:150],
                reason=reason,
                difference="\n".join(words),
                created_ms=now,
            )
            _move_draft(document, before, number + 1, revision, author, now)
            bring_into_line(document, before)
            Audit.objects.create(
                at_ms=now, actor=author[:150], action="submit", subject=f"submission:{row.number}", detail=reason
            )
    except IntegrityError:
        # The number is taken, or a row came in between that the checks could not see.
        raise _meanwhile() from None
    return row


def _move_draft(document: Document, before: Document, number: int, revision: int | None, author: str, now: int) -> None:
    """Base the draft on the new submission. With a `revision`, it is the draft that was submitted."""
    row = Draft.objects.select_for_update().filter(id=1).first()
    if row is None:
        return
    if revision is not None and row.revision != revision:
        raise _meanwhile()
    if revision is None and row.document == before.raw():
        row.document, row.author, row.changed_ms = document.raw(), author[:150], now
    row.base, row.revision = number, row.revision + 1
    row.save()


def _meanwhile() -> Transient:
    return Transient(
        "Somebody changed the configuration at the same moment; nothing was submitted.", advice="Try again."
    )
