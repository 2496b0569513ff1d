"""Secrets of the document: sealed wherever they stand, bound to their place.

A secret parameter is given as a text, as `{env: NAME}`, as `{file: PATH}` or sealed as an export has it. Only the
command line reads variables and files (`from_process`): whoever edits by the console or the API must not be able to
read the server's. A secret that did not change keeps its sealed text, so that it makes no difference.
Never puts a secret into a problem.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, Literal

from postroom.conf import registry, sealing
from postroom.conf.errors import PostroomError, UsageError
from postroom.conf.parameters import Parameter, Secret
from postroom.store.publishing.document import Document
from postroom.store.publishing.problems import Path, Problem

MAX_OCTETS = 65_536
Source = Literal["env", "file"]
Resolver = Callable[[Source, str], str]
"""The text of an environment variable or a file. Raises `PostroomError`."""


def declared(kind: str) -> tuple[Parameter, ...] | None:
    """The parameters of a kind of driver, None if there is none of that name."""
    driver = registry.drivers().get(kind)
    return None if driver is None else tuple(driver.parameters)


def owner_of_driver(name: str, parameter: str) -> str:
    """The place that a secret of a driver is bound to."""
    return f"driver:{name}/{parameter}"


def owner_of_profile(name: str, parameter: str) -> str:
    """The place that a secret of a profile is bound to."""
    return f"profile:{name}/{parameter}"


def from_process(folder: FilePath) -> Resolver:
    """Reads the variables of this process, and files; a relative path counts from `folder`."""

    def resolve(source: Source, name: str) -> str:
        if source == "env":
            value = os.environ.get(name)
            if value is None:
                raise UsageError(f"the environment variable {name} is not set.")
        else:
            value = _read(folder / name)
        if not value:
            raise UsageError(f"{'the variable' if source == 'env' else 'the file'} {name} is empty.")
        return value

    return resolve


def _read(path: FilePath) -> str:
    try:
        # Neither a pipe nor a device may keep us waiting.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{path} is not a file.")
            octets = file.read(MAX_OCTETS + 1)
    except (OSError, ValueError) as error:
        said = (error.strerror or "") if isinstance(error, OSError) else "no such name is possible"
        raise UsageError(f"the file {path} can't be read: {said}.") from None
    if len(octets) > MAX_OCTETS:
        raise UsageError(f"the file {path} is larger than {MAX_OCTETS} octets.")
    try:
        return octets.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"the file {path} is not UTF-8 text.") from None


def seal_document(document: Document, previous: Sequence[Document], resolver: Resolver | None) -> list[Problem]:
    """Seal every secret in the document, in place; what can't be sealed is taken out and told.

    `previous` are documents whose sealed texts are kept where the secret is the same. Without a `resolver`, `{env}`
    and `{file}` are refused. Raises `Permanent` if there is a secret and no key.
    """
    before = [{owner: values[name] for owner, _, values, name in secrets_of(old)} for old in previous]
    problems: list[Problem] = []
    for owner, path, values, name in list(secrets_of(document)):
        given = values.pop(name)
        if given in (None, ""):
            continue
        sealing.keys()
        try:
            secret = _secret(given, owner, resolver)
        except PostroomError as error:
            problems.append(Problem(path, f"{_title(owner)}: {name}: {error}"))
            continue
        known = (old[owner] for old in before if owner in old)
        values[name] = given if sealing.is_sealed(given) else _same(secret, known, owner) or sealing.seal(secret, owner)
    return problems


def secrets_of(document: Document) -> Iterator[tuple[str, Path, dict[str, Any], str]]:
    """Each secret parameter that is set: its owner, its path, the mapping it stands in, its name."""
    kinds = {}
    for i, driver in enumerate(document.drivers):
        kinds[driver.name] = driver.kind
        for name in _secret_names(driver.kind, driver.parameters):
            yield owner_of_driver(driver.name, name), ("drivers", i, "parameters", name), driver.parameters, name
    for i, profile in enumerate(document.profiles):
        for name in _secret_names(kinds.get(profile.driver, ""), profile.overrides):
            yield owner_of_profile(profile.name, name), ("profiles", i, "overrides", name), profile.overrides, name


def _secret_names(kind: str, values: dict[str, Any]) -> list[str]:
    return [
        parameter.name for parameter in declared(kind) or () if parameter.type == "secret" and parameter.name in values
    ]


def _secret(given: object, owner: str, resolver: Resolver | None) -> Secret:
    if isinstance(given, str) and sealing.is_sealed(given):
        return sealing.unseal(given, owner)
    if isinstance(given, str | int) and not isinstance(given, bool):
        text = str(given)
        if len(text.encode()) > MAX_OCTETS:
            raise UsageError(f"is larger than {MAX_OCTETS} octets.")
        return Secret(text)
    if isinstance(given, dict) and len(given) == 1:
        (source, name), *_ = given.items()
        if source in ("env", "file") and isinstance(name, str) and name:
            if resolver is None:
                raise UsageError("a variable or a file can be named only in a file for `postroom apply`.")
            return Secret(resolver(source, name))
    raise UsageError("must be a text, {env: NAME} or {file: PATH}.")


def _same(secret: Secret, sealed: Iterable[object], owner: str) -> str | None:
    """An earlier sealed text of the same secret that still opens."""
    for text in sealed:
        if isinstance(text, str) and sealing.is_sealed(text):
            try:
                if sealing.unseal(text, owner) == secret:
                    return text
            except PostroomError:
                continue
    return None


def _title(owner: str) -> str:
    """`Profile NAME` or `Driver NAME` of an owner."""
    noun, name = owner.rsplit("/", 1)[0].split(":", 1)
    return f"{noun.capitalize()} {name}"
