"""What must hold before a configuration runs, every reason at once.

`consistency`: names are there once, what is referred to exists, parameters have the right names and types. A document
that fails it is not even saved as the draft. `readiness`: the workflows, their arguments, the templates and the
drivers say that everything active can run. Both are needed to submit. What the workflow room knows comes in through
`Validators`, because the store does not know it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Protocol

from postroom.conf import registry, sealing
from postroom.conf.parameters import Parameter, ParameterError
from postroom.store.publishing.document import SECTIONS, Document, Item
from postroom.store.publishing.effective import EffectiveValues
from postroom.store.publishing.problems import Path, Problem, suggestion
from postroom.store.publishing.secrets import declared

Found = list[tuple[Path, str]]


class Validators(Protocol):
    """What others know about the document. Paths begin at the document: ("workflows", 0, "steps", 2)."""

    def workflow_problems(self, document: Document) -> Found:
        """What is wrong with the workflows' definitions."""

    def argument_problems(self, document: Document) -> Found:
        """What is wrong with the response groups' input arguments."""

    def template_problems(self, document: Document) -> Found:
        """What is wrong with the templates' texts."""

    def ready_made(self) -> set[str]:
        """Names of the workflows that are always there."""


def consistency(document: Document, accounts: Collection[str]) -> list[Problem]:
    """What is wrong with names, references and parameters. `accounts` are users that are there already."""
    return [
        *_names(document),
        *_addresses(document),
        *_references(document, accounts),
        *_parameters(document),
    ]


def readiness(document: Document, validators: Validators, known: Sequence[Problem] = ()) -> list[Problem]:
    """Why the document can't run yet, if it is consistent. What is `known` to be wrong is not asked again."""
    found = (
        *validators.workflow_problems(document),
        *validators.argument_problems(document),
        *validators.template_problems(document),
    )
    problems = [Problem(path, sentence) for path, sentence in found]
    return [*problems, *_workflows(document, validators.ready_made()), *_drivers(document, known)]


def _names(document: Document) -> Iterator[Problem]:
    for section, (_, noun) in SECTIONS.items():
        seen: dict[tuple[str, str], int] = {}
        items: list[Item] = getattr(document, section)
        for i, item in enumerate(items):
            name, language = getattr(item, "name", ""), getattr(item, "language", "")
            key = (name, language)
            if name and key in seen:
                what = f"{noun} {name}{f' ({language})' if language else ''}"
                yield Problem((section, i, "name"), f"{what} is there twice, as number {seen[key] + 1} and {i + 1}.")
            seen.setdefault(key, i)


def _addresses(document: Document) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for i, profile in enumerate(document.profiles):
        address = profile.address.casefold()
        if address and address in owners:
            sentence = f"Profile {profile.name}: the address {profile.address} belongs to profile {owners[address]}."
            yield Problem(("profiles", i, "address"), sentence)
        owners.setdefault(address, profile.name)


def _references(document: Document, accounts: Collection[str]) -> Iterator[Problem]:
    drivers = {driver.name for driver in document.drivers}
    groups = {group.name for group in document.response_groups}
    responsibilities = {responsibility.name for responsibility in document.responsibilities}
    users = {user.name for user in document.users} | set(accounts)

    def missing(path: Path, whose: str, noun: str, names: Iterable[str], known: Collection[str]) -> Iterator[Problem]:
        for name in names:
            if name and name not in known:
                yield Problem(path, f'{whose}: there is no {noun} "{name}"{suggestion(name, known)}')

    for i, driver in enumerate(document.drivers):
        whose = f"Driver {driver.name}"
        yield from missing(("drivers", i, "kind"), whose, "kind of driver", [driver.kind], set(registry.drivers()))
        yield from missing(("drivers", i, "maintainers"), whose, "user", driver.maintainers, users)
    for i, profile in enumerate(document.profiles):
        whose, path = f"Profile {profile.name}", ("profiles", i)
        yield from missing((*path, "driver"), whose, "driver", [profile.driver], drivers)
        yield from missing((*path, "response_group"), whose, "response group", [profile.response_group], groups)
        yield from missing(
            (*path, "responsibilities"), whose, "responsibility", profile.responsibilities, responsibilities
        )
    for i, responsibility in enumerate(document.responsibilities):
        yield from missing(
            ("responsibilities", i, "members"),
            f"Responsibility {responsibility.name}",
            "user",
            responsibility.members,
            users,
        )


def _parameters(document: Document) -> Iterator[Problem]:
    kinds = {driver.name: driver.kind for driver in document.drivers}
    for i, driver in enumerate(document.drivers):
        yield from _values(("drivers", i, "parameters"), f"Driver {driver.name}", driver.kind, driver.parameters)
    for i, profile in enumerate(document.profiles):
        kind = kinds.get(profile.driver, "")
        yield from _values(("profiles", i, "overrides"), f"Profile {profile.name}", kind, profile.overrides)


def _values(path: Path, whose: str, kind: str, values: dict[str, Any]) -> Iterator[Problem]:
    parameters = declared(kind)
    if parameters is None:
        return
    by_name = {parameter.name: parameter for parameter in parameters}
    for name, value in values.items():
        if name not in by_name:
            yield Problem((*path, name), f'{whose}: {kind} has no parameter "{name[:100]}"{suggestion(name, by_name)}')
        elif reason := _wrong(by_name[name], value):
            yield Problem((*path, name), f"{whose}: {reason}")


def _wrong(parameter: Parameter, value: object) -> str:
    """Why this value isn't one of the parameter, "" if it is."""
    if parameter.type == "secret":
        # Whatever else stands here was refused when the document was sealed.
        return "" if value is None or sealing.is_sealed(value) else f"{parameter.name}: must be sealed."
    if isinstance(value, dict):
        return f"{parameter.name}: only a secret can be {{env: NAME}} or {{file: PATH}}."
    try:
        parameter.parse(value)
    except ParameterError as error:
        return str(error)
    return ""


def _workflows(document: Document, ready_made: set[str]) -> Iterator[Problem]:
    own = {workflow.name for workflow in document.workflows}
    templates = {template.name for template in document.templates}
    for i, workflow in enumerate(document.workflows):
        if workflow.name in ready_made:
            sentence = f"Workflow {workflow.name}: this is the name of a ready-made workflow; choose another."
            yield Problem(("workflows", i, "name"), sentence)
    for i, group in enumerate(document.response_groups):
        path: Path = ("response_groups", i, "input_arguments")
        name = group.input_arguments.get("ProcessName")
        if name not in (None, "") and str(name) not in own | ready_made:
            said = f'there is no workflow "{name}"{suggestion(str(name), own | ready_made)}'
            yield Problem((*path, "ProcessName"), f"Response group {group.name}: ProcessName: {said}")
        for argument in ("AcknowledgementTemplate", "ErrorTemplate"):
            template = group.input_arguments.get(argument)
            if template and str(template) not in templates:
                said = f'there is no template "{template}"{suggestion(str(template), templates)}'
                yield Problem((*path, argument), f"Response group {group.name}: {argument}: {said}")


def _drivers(document: Document, known: Sequence[Problem]) -> Iterator[Problem]:
    """Whether each profile that would be watched can run, as its driver says."""
    wrong = {problem.path[:2] for problem in known}
    watched = {group.name for group in document.response_groups if group.active}
    effective = EffectiveValues(document)
    index = {driver.name: i for i, driver in enumerate(document.drivers)}
    for i, profile in enumerate(document.profiles):
        driver = effective.driver(profile.driver)
        plugin = registry.drivers().get(driver.kind) if driver else None
        broken = ("profiles", i) in wrong or ("drivers", index.get(profile.driver, -1)) in wrong
        if profile.response_group not in watched or plugin is None or broken:
            continue
        values, reasons = effective.of_profile(profile)
        if not reasons:
            try:
                reasons = list(plugin.check(values))
            except Exception as error:  # noqa: BLE001 - a driver of others; its defect is this profile's alone
                reasons = [f"the driver failed to check its values ({type(error).__name__})."]
        for reason in reasons:
            name = reason.split(":", 1)[0]
            place: Path = ("profiles", i, "overrides", name) if name in profile.overrides else ("profiles", i)
            yield Problem(place, f"Profile {profile.name}: {reason}")
