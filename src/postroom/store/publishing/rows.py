"""The rows of a configuration: profiles, response groups, responsibilities and users, in line with a document.

`obstacles` says what the database holds against a document; `bring_into_line` is called in the transaction of the
submission. A profile with history is never deleted: it loses its response group and its responsibilities, and keeps
its name. Accounts have passwords and are not deleted either: one that left the document can't log in any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Count

from postroom.store.models import InboundEvent, OutboundMessage, Profile, ResponseGroup, Responsibility
from postroom.store.publishing.document import Document
from postroom.store.publishing.problems import Problem

_OWED = ("queued", "submitting", "paused", "unknown")
_UNFINISHED = ("queued", "processing", "paused")


def obstacles(document: Document) -> list[Problem]:
    """Why the document can't replace what is there: something still needs what it removes."""
    return [*_needed_profiles(document), *_needed_groups(document), *_kept_addresses(document)]


def _needed_profiles(document: Document) -> Iterator[Problem]:
    named = {profile.name for profile in document.profiles}
    advice = "take it out of its response group first, and remove it when that is done."
    for model, states, what in (
        (OutboundMessage, _OWED, "messages to send"),
        (InboundEvent, _UNFINISHED, "events to process"),
    ):
        rows = model._default_manager.filter(state__in=states).values_list("profile__name")
        for name, count in rows.annotate(count=Count("id")):
            if name not in named:
                yield Problem(("profiles",), f"Profile {name} can't be removed: it still has {count} {what}; {advice}")


def _needed_groups(document: Document) -> Iterator[Problem]:
    named = {group.name for group in document.response_groups}
    rows = InboundEvent.objects.filter(state__in=_UNFINISHED).values_list("group__name")
    for name, count in rows.annotate(count=Count("id")):
        if name not in named:
            sentence = (
                f"Response group {name} can't be removed: it still has {count} events to process; "
                "make it inactive first, and remove it when they are done."
            )
            yield Problem(("response_groups",), sentence)


def _kept_addresses(document: Document) -> Iterator[Problem]:
    """An address goes on belonging to a profile that has history, until that is retired."""
    index = {profile.address.casefold(): i for i, profile in enumerate(document.profiles)}
    named = {profile.name for profile in document.profiles}
    for row in Profile.objects.exclude(state=Profile.State.RETIRED).exclude(name__in=named):
        i = index.get(row.address.casefold())
        if i is not None and _has_history(row):
            sentence = (
                f"Profile {document.profiles[i].name}: the address {row.address} belongs to profile {row.name}, which "
                "has history: keep that name, or retire that profile."
            )
            yield Problem(("profiles", i, "address"), sentence)


def _has_history(profile: Profile) -> bool:
    relations: list[Any] = [r for r in Profile._meta.related_objects if getattr(r, "on_delete", None) is models.PROTECT]
    return any(r.related_model._default_manager.filter(**{r.field.name: profile}).exists() for r in relations)


def bring_into_line(document: Document, before: Document) -> None:
    """Make, change and detach rows as the document says; `before` is the document that was in force."""
    groups = _groups(document)
    users = _users(document, before)
    responsibilities = _responsibilities(document)
    profiles = _profiles(document, groups)
    _link(
        Responsibility.members.through,
        ("responsibility_id", "user_id"),
        {(responsibilities[r.name], users[name]) for r in document.responsibilities for name in r.members},
    )
    _link(
        Profile.responsibilities.through,
        ("profile_id", "responsibility_id"),
        {(profiles[p.name], responsibilities[name]) for p in document.profiles for name in p.responsibilities},
    )


def _groups(document: Document) -> dict[str, int]:
    named = {group.name for group in document.response_groups}
    ResponseGroup.objects.exclude(name__in=named).filter(retired=False).update(retired=True)
    ResponseGroup.objects.filter(name__in=named, retired=True).update(retired=False)
    there = set(ResponseGroup.objects.filter(name__in=named).values_list("name", flat=True))
    ResponseGroup.objects.bulk_create(ResponseGroup(name=name) for name in sorted(named - there))
    return dict(ResponseGroup.objects.filter(name__in=named).values_list("name", "id"))


def _responsibilities(document: Document) -> dict[str, int]:
    named = {responsibility.name for responsibility in document.responsibilities}
    Responsibility.objects.exclude(name__in=named).delete()
    there = set(Responsibility.objects.values_list("name", flat=True))
    Responsibility.objects.bulk_create(Responsibility(name=name) for name in sorted(named - there))
    return dict(Responsibility.objects.values_list("name", "id"))


def _users(document: Document, before: Document) -> dict[str, int]:
    wanted = {user.name: user.email for user in document.users}
    left = {user.name for user in before.users} - set(wanted)
    # An administrator is never locked out by a document.
    User.objects.filter(username__in=left, is_superuser=False).update(is_active=False)
    there = {user.username: user for user in User.objects.filter(username__in=wanted)}
    for name, email in wanted.items():
        user = there.get(name)
        if user is None:
            user = User(username=name, email=email)
            user.set_unusable_password()
            user.save()
        elif user.email != email or not user.is_active:
            user.email, user.is_active = email or user.email, True
            user.save(update_fields=["email", "is_active"])
    return dict(User.objects.values_list("username", "id"))


def _profiles(document: Document, groups: dict[str, int]) -> dict[str, int]:
    wanted = {profile.name: profile for profile in document.profiles}
    rows = {row.name: row for row in Profile.objects.all()}
    for name, row in rows.items():
        if name not in wanted:
            if _has_history(row):
                Profile.objects.filter(id=row.id).update(response_group=None)
            else:
                row.delete()
    changed = []
    for name, profile in wanted.items():
        row = rows.get(name) or Profile(name=name)
        group = groups[profile.response_group] if profile.response_group else None
        state = Profile.State.ACTIVE if group else row.state
        if (row.address, row.response_group_id, row.state) != (profile.address, group, state) or not row.pk:
            if row.pk and row.address != profile.address:
                # Two profiles may swap their addresses: none keeps an old one while the new ones are written.
                Profile.objects.filter(id=row.id).update(address=f"changing {row.id}")
            row.address, row.response_group_id, row.state = profile.address, group, state
            changed.append(row)
    Profile.objects.bulk_update(
        [row for row in changed if row.pk], ["address", "response_group", "state"], batch_size=200
    )
    Profile.objects.bulk_create([row for row in changed if not row.pk], batch_size=200)
    return dict(Profile.objects.values_list("name", "id"))


def _link(through: Any, columns: tuple[str, str], wanted: set[tuple[int, int]]) -> None:
    """Make the rows of a many-to-many table those wanted."""
    there = {(a, b): key for key, a, b in through.objects.values_list("id", *columns)}
    through.objects.filter(id__in=[key for pair, key in there.items() if pair not in wanted]).delete()
    new = [through(**dict(zip(columns, pair, strict=True))) for pair in sorted(wanted - set(there))]
    through.objects.bulk_create(new, batch_size=200)
