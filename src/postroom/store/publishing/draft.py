"""The draft: the one document that is being worked on. It changes nothing until it is submitted.

Every door (file, console, API) replaces it as a whole, naming the revision it began from, so that nobody overwrites
what another has changed meanwhile. `prepare` says what would be wrong with it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import User

from postroom.conf.errors import UsageError
from postroom.store.database import now_ms, transaction
from postroom.store.models import Audit, Draft, Submission
from postroom.store.publishing import rows
from postroom.store.publishing.check import Validators, consistency, readiness
from postroom.store.publishing.document import Document, parse
from postroom.store.publishing.problems import Problem, Refused
from postroom.store.publishing.secrets import Resolver, seal_document


@dataclass(frozen=True, slots=True)
class DraftState:
    """The draft as it stands. `base` is the submission it began from; `revision` grows with each change."""

    document: Document
    base: int
    revision: int
    author: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that was given: `refusals` keep it from being saved, `obstacles` from being submitted."""

    document: Document
    refusals: tuple[Problem, ...]
    obstacles: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.refusals + self.obstacles


def get() -> DraftState:
    """The draft; where there is none yet, the submitted configuration with revision 0."""
    row = Draft.objects.filter(id=1).first()
    if row is not None:
        return DraftState(parse(row.document)[0], row.base, row.revision, row.author, row.changed_ms)
    number, document = submitted()
    return DraftState(document, number, 0, "", 0)


def submitted(number: int | None = None) -> tuple[int, Document]:
    """A submission's number and document, the newest if none is named; (0, empty) if nothing was ever submitted.

    Raises `UsageError` for a number that is not there.
    """
    found = Submission.objects.order_by("-number")
    row = found.first() if number is None else found.filter(number=number).first()
    if row is None and number:
        raise UsageError(f"There is no submission {number}.", advice="`postroom submissions` lists them.")
    return (row.number, parse(row.document)[0]) if row else (0, Document())


def accounts() -> set[str]:
    """Users that are there, whether or not the document names them."""
    return set(User.objects.filter(is_active=True).values_list("username", flat=True))


def prepare(
    document: Document, shape: Sequence[Problem], validators: Validators, resolver: Resolver | None = None
) -> Prepared:
    """Seal the document's secrets (in place), and say everything that is wrong with it.

    `shape` is what reading it has found. Raises `Permanent` if the key file is missing.
    """
    refusals = [*shape, *seal_document(document, [get().document, submitted()[1]], resolver)]
    refusals += consistency(document, accounts())
    # A workflow that lacks a part would only be told so once more in other words.
    broken = {problem.path[:2] for problem in refusals if problem.path[:1] == ("workflows",)}
    obstacles = [p for p in readiness(document, validators, refusals) if p.path[:2] not in broken]
    return Prepared(document, tuple(refusals), (*obstacles, *rows.obstacles(document)))


def replace_draft(prepared: Prepared, author: str, revision: int) -> DraftState:
    """Make a prepared document the draft, in place of the revision it was made from.

    Raises `Refused` if it may not be saved, `UsageError` if the draft has changed since that revision.
    """
    if prepared.refusals:
        raise Refused("The document is wrong; the draft stays as it was.", prepared.refusals)
    raw = prepared.document.raw()
    before = get()
    now = now_ms()
    with transaction("draft"):
        if revision == 0:
            base, _ = submitted()
            row, made = Draft.objects.get_or_create(
                id=1, defaults={"document": raw, "base": base, "revision": 1, "author": author, "changed_ms": now}
            )
            if not made:
                _changed(row.author)
        else:
            done = Draft.objects.filter(id=1, revision=revision).update(
                document=raw, revision=revision + 1, author=author, changed_ms=now
            )
            if not done:
                _changed(before.author)
        Audit.objects.create(
            at_ms=now, actor=author, action="draft", subject="draft", detail=f"revision {revision + 1}"
        )
    return replace(before, document=prepared.document, revision=revision + 1, author=author, changed_ms=now)


def _changed(by: str) -> None:
    raise UsageError(f"The draft was changed by {by or 'somebody'} meanwhile.", advice="Look at it and try again.")
