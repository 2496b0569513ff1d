"""The configuration document: everything that is configured, as one value that is drafted, checked and submitted.

`parse` takes data as YAML or JSON gave it and says everything that is wrong with its shape at once; what is right is
kept in its place, so that the other checks can go on. Whether names exist and parameters are right: `check`.
Secrets stand in it sealed only (`secrets`), once it has been prepared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from postroom.store.publishing.problems import Path, Problem, suggestion

MAX_DEPTH = 64
MAX_NODES = 500_000
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ADDRESS = re.compile(r'[^\s<>@,;:"\\()\[\]]+@[^\s<>@,;:"\\()\[\]]+')


def _one_line(text: str) -> str:
    if text != text.strip() or any(ord(character) < 32 for character in text):
        raise ValueError("must not begin or end with a space, nor hold line breaks")
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{text!r} is not an address")
    return text


def _address_or_nothing(text: str) -> str:
    return text and _address(text)


def _user_name(text: str) -> str:
    if not re.fullmatch(r"[\w.@+-]+", text):
        raise ValueError("may hold only letters, digits and @ . + - _")
    return text


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Address = Annotated[str, Field(max_length=320), AfterValidator(_address)]
OptionalAddress = Annotated[str, Field(max_length=320), AfterValidator(_address_or_nothing)]
UserName = Annotated[str, Field(min_length=1, max_length=150), AfterValidator(_user_name)]


class Item(BaseModel):
    """One entry of a section. Its `name` tells it from the others."""

    # A number as a name (an account 1234) is a text to us.
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class Driver(Item):
    """A communications driver with default parameter values."""

    name: Name = Field(description="Name of the driver, as profiles refer to it.")
    kind: Name = Field(description="Which driver it is, such as internet-smtp-imap.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Default parameter values by name.")
    maintainers: list[UserName] = Field(default_factory=list, description="Users who may change it.")


class Profile(Item):
    """A driver profile: one mailbox."""

    name: Name = Field(description="Name of the profile, best the address itself.")
    address: Address = Field(description="The mailbox's address; belongs to one profile.")
    driver: Name = Field(description="Name of its driver.")
    overrides: dict[str, Any] = Field(
        default_factory=dict, description="Parameter values that differ from the driver's."
    )
    response_group: str = Field("", max_length=200, description="Its response group; empty: it is not watched.")
    responsibilities: list[Name] = Field(default_factory=list, description="Who may answer from it.")
    signature: str = Field("", max_length=20_000, description="Text under every reply.")


class ResponseGroup(Item):
    """Profiles that are handled alike."""

    name: Name = Field(description="Name of the response group.")
    real_time: StrictBool = Field(
        True, description="true: the receiver's process also processes; false: any processor."
    )
    active: StrictBool = Field(True, description="false: its profiles are not watched.")
    input_arguments: dict[str, Any] = Field(
        default_factory=dict, description="Input arguments of its workflow, by name."
    )
    administrator: OptionalAddress = Field("", description="Address that failure mail goes to.")
    concurrency: StrictInt = Field(0, ge=0, le=1000, description="Most events processed at a time; 0: no limit.")


class Responsibility(Item):
    """Who answers from which profiles."""

    name: Name = Field(description="Name of the responsibility.")
    members: list[UserName] = Field(default_factory=list, description="Users who have it.")


class User(Item):
    """A person who works here. Passwords are not configuration: `postroom user password`."""

    name: UserName = Field(description="Login name.")
    email: OptionalAddress = Field("", description="Their own address.")


class Workflow(Item):
    """A workflow of ours, beside the ready-made ones. What its steps may say is the workflow room's to check."""

    name: Name = Field(description="Name of the workflow.")
    version: StrictInt = Field(1, ge=1, le=1_000_000, description="Its version, for the stories of events.")
    comment: str = Field("", max_length=20_000, description="What it is for.")
    steps: list[Any] = Field(default_factory=list, description="Its steps in order.")


class Template(Item):
    """A text that is filled in, in one language."""

    name: Name = Field(description="Name of the template.")
    subject: str = Field("", max_length=998, description="Subject, with Liquid fields.")
    text: str = Field("", max_length=200_000, description="Text, with Liquid fields.")
    language: str = Field(
        "", pattern="^([a-z]{2,3}(-[A-Za-z0-9]{2,4})?)?$", description="Language such as en; empty: for all others."
    )


class Document(BaseModel):
    """The whole configuration."""

    model_config = ConfigDict(extra="forbid")

    drivers: list[Driver] = Field(default_factory=list, description="Communications drivers.")
    profiles: list[Profile] = Field(default_factory=list, description="Driver profiles.")
    response_groups: list[ResponseGroup] = Field(default_factory=list, description="Response groups.")
    responsibilities: list[Responsibility] = Field(default_factory=list, description="Responsibilities.")
    users: list[User] = Field(default_factory=list, description="Users.")
    workflows: list[Workflow] = Field(default_factory=list, description="Workflows beside the ready-made ones.")
    templates: list[Template] = Field(default_factory=list, description="Templates.")

    def raw(self) -> dict[str, Any]:
        """Plain data, as it is stored."""
        return self.model_dump(mode="json")


SECTIONS: dict[str, tuple[type[Item], str]] = {
    "drivers": (Driver, "Driver"),
    "profiles": (Profile, "Profile"),
    "response_groups": (ResponseGroup, "Response group"),
    "responsibilities": (Responsibility, "Responsibility"),
    "users": (User, "User"),
    "workflows": (Workflow, "Workflow"),
    "templates": (Template, "Template"),
}


def parse(raw: object) -> tuple[Document, list[Problem]]:
    """The document in plain data, and everything that is wrong with its shape.

    Where something is wrong, what is right is kept in its place (a missing name is ""); such a document serves for
    further checks only. Raises nothing.
    """
    problems = list(_unfit(raw))
    if any(not problem.path for problem in problems):
        return Document(), problems
    if not isinstance(raw, dict):
        what = "The document is empty" if raw is None else "The document must be a mapping of sections"
        return Document(), [Problem((), f"{what}: {', '.join(SECTIONS)}.")]
    problems += [
        Problem((str(key),), f'There is no section "{key}"{suggestion(str(key), SECTIONS)}')
        for key in raw
        if key not in SECTIONS
    ]
    sections: dict[str, list[Item]] = {}
    for section, (model, noun) in SECTIONS.items():
        items = raw.get(section)
        if items is not None and not isinstance(items, list):
            problems.append(Problem((section,), f"{section} must be a list."))
        entries = items if isinstance(items, list) else []
        sections[section] = [_item(model, noun, (section, i), entry, problems) for i, entry in enumerate(entries)]
    return Document.model_construct(None, **sections), problems


def _item(model: type[Item], noun: str, path: Path, raw: object, problems: list[Problem]) -> Item:
    if not isinstance(raw, dict):
        problems.append(Problem(path, f"{noun}: must be a mapping with {', '.join(model.model_fields)}."))
        raw = {}
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
    name = raw.get("name")
    title = f"{noun} {name[:100]}" if isinstance(name, str) and name else noun
    if raw:
        problems += [Problem((*path, *one["loc"]), f"{title}: {_sentence(one, model)}") for one in wrong]
    bad = {one["loc"][0] for one in wrong}
    kept = {key: value for key, value in raw.items() if key in model.model_fields and key not in bad}
    missing = {key: "" for key, field in model.model_fields.items() if field.is_required() and key not in kept}
    return model.model_construct(None, **kept, **missing)


_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be a language such as en or pt-BR, or empty",
}


def _sentence(error: Any, model: type[Item]) -> str:
    """A pydantic error in our words."""
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f'there is no key "{key}"{suggestion(key, model.model_fields)}'
    said = re.sub("^(Input|String|Value|List) should", "must", error["msg"].removeprefix("Value error, "))
    return f"{key} {_WORDS.get(error['type']) or said}."


def _unfit(raw: object) -> Iterator[Problem]:
    """What no database or terminal should see: too much, too deep, control characters."""
    todo: list[tuple[Path, object]] = [((), raw)]
    count = 0
    while todo:
        path, value = todo.pop()
        count += 1
        if count > MAX_NODES or len(path) > MAX_DEPTH:
            yield Problem((), f"The document is too large: over {MAX_NODES} values, or nested over {MAX_DEPTH} deep.")
            return
        if isinstance(value, str):
            if _UNFIT.search(value):
                yield Problem(path or ("",), "The text holds control characters.")
        elif isinstance(value, list):
            todo += [((*path, i), item) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            if any(not isinstance(key, str) or _UNFIT.search(key) for key in value):
                yield Problem(path or ("",), "A key is not a text, or holds control characters.")
            todo += [((*path, str(key)), item) for key, item in value.items()]
        elif not isinstance(value, bool | int | float | None):
            yield Problem(path or ("",), "A value is neither text, number, true, false, list nor mapping.")
        elif isinstance(value, float) and not abs(value) < float("inf"):
            yield Problem(path or ("",), "A number is not finite.")
