"""The submitted configuration as running components read it: frozen, effective, secrets opened.

`current_number` is one cheap query, to be asked every second; `current` builds a configuration once for each number.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from postroom.conf import sealing
from postroom.conf.errors import PostroomError
from postroom.conf.parameters import Secret, Value, Values
from postroom.conf.settings import key_path
from postroom.store.models import Profile, ResponseGroup, Submission
from postroom.store.publishing import document as documents
from postroom.store.publishing.effective import EffectiveValues


@dataclass(frozen=True)
class GroupConfiguration:
    """A response group. `arguments` are its input arguments as written; `concurrency` 0: no limit."""

    id: int
    name: str
    real_time: bool
    active: bool
    arguments: Mapping[str, object]
    administrator: str
    concurrency: int


@dataclass(frozen=True)
class ProfileConfiguration:
    """A profile with its effective values.

    `digest` changes if and only if something changes that its watching depends on: the driver's kind, effective
    values, the group, the group being active or real-time.
    """

    id: int
    name: str
    address: str
    driver: str
    kind: str
    values: Values
    group: str | None
    signature: str
    digest: str


@dataclass(frozen=True)
class Configuration:
    """Everything that was submitted. `problems` says of a profile, by name, why it can't run: it must not be
    connected then, though it stands in `profiles` with what is known of it.
    """

    number: int = 0
    profiles: Mapping[str, ProfileConfiguration] = field(default_factory=dict)
    groups: Mapping[str, GroupConfiguration] = field(default_factory=dict)
    templates: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    workflows: Mapping[str, dict[str, object]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


_lock = threading.Lock()
_cached: tuple[object, Configuration] = (None, Configuration())


def current_number() -> int:
    """The number of the configuration in force, 0 if nothing was ever submitted."""
    return Submission.objects.order_by("-number").values_list("number", flat=True).first() or 0


def current() -> Configuration:
    """The configuration in force; number 0 and empty if nothing was ever submitted.

    Built anew for each submission, and when the key file changed. Raises `Permanent` if a driver can't be loaded.
    """
    global _cached
    newest = Submission.objects.order_by("-number").values_list("number", "created_ms").first()
    if newest is None:
        return Configuration()
    with _lock:
        identity = (newest, _key_changed())
        if _cached[0] != identity:
            submission = Submission.objects.get(number=newest[0])
            _cached = identity, _build(submission.number, documents.parse(submission.document)[0])
        return _cached[1]


def _key_changed() -> int:
    try:
        return key_path().stat().st_mtime_ns
    except OSError:
        return 0


def _build(number: int, document: documents.Document) -> Configuration:
    group_ids = dict(ResponseGroup.objects.values_list("name", "id"))
    profile_ids = dict(Profile.objects.values_list("name", "id"))
    groups = {
        group.name: GroupConfiguration(
            id=group_ids[group.name],
            name=group.name,
            real_time=group.real_time,
            active=group.active,
            arguments={**group.input_arguments, "RealTime": group.real_time},
            administrator=group.administrator,
            concurrency=group.concurrency,
        )
        for group in document.response_groups
        if group.name in group_ids
    }
    effective = EffectiveValues(document)
    profiles: dict[str, ProfileConfiguration] = {}
    problems: dict[str, str] = {}
    for profile in document.profiles:
        # One without a row was removed by a later submission, which is about to be read.
        if profile.name in profile_ids:
            values, reasons = effective.of_profile(profile)
            if reasons:
                problems[profile.name] = " ".join(reasons)
            driver = effective.driver(profile.driver)
            kind = driver.kind if driver else ""
            group = groups.get(profile.response_group)
            profiles[profile.name] = ProfileConfiguration(
                id=profile_ids[profile.name],
                name=profile.name,
                address=profile.address,
                driver=profile.driver,
                kind=kind,
                values=values,
                group=group.name if group else None,
                signature=profile.signature,
                digest=_digest(kind, values, group, reasons),
            )
    return Configuration(
        number=number,
        profiles=profiles,
        groups=groups,
        templates={(t.name, t.language): {"subject": t.subject, "text": t.text} for t in document.templates},
        workflows={workflow.name: workflow.model_dump(mode="json") for workflow in document.workflows},
        problems=problems,
    )


def _digest(kind: str, values: Values, group: GroupConfiguration | None, reasons: list[str]) -> str:
    watched = (group.name, group.active, group.real_time) if group else None
    said = [kind, watched, reasons, [(name, _hashable(value)) for name, value in sorted(values.items())]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _hashable(value: Value) -> object:
    """A secret goes into the digest under a key, so that the digest says nothing about it."""
    if isinstance(value, Secret):
        try:
            key = sealing.signing_key()
        except PostroomError:
            key = b""
        return hmac.digest(key, value.reveal().encode(), "sha256").hex() if key else "?"
    return value
