"""Declared parameters: what a driver, a step or a response group can be told, with types, ranges and help.

Forms, the command line, the generated reference and the inheritance display all come from these declarations.
A value is checked here and nowhere else: `Parameter.parse` gives the typed value or raises `ParameterError` naming
the parameter. Effective values are resolved system default < driver default < profile override by `resolve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from postroom.conf.errors import Permanent

Type = Literal["text", "boolean", "number", "secret", "choice", "addresses", "list"]
Direction = Literal["in", "out", "both"]
Group = Literal["incoming", "outgoing", "encryption", "limits", "content"]
Origin = Literal["system", "driver", "profile"]


class Secret:
    """A password or token in memory: never printed, logged or serialised; `reveal()` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


Value = str | bool | int | tuple[str, ...] | Secret | None


class ParameterError(Permanent):
    """A value has the wrong type or range. `name` is the parameter's."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name}: {sentence}", code="5.3.5")
        self.name = name


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    `unit` is for people ("seconds", "octets", "hours"); `default` is the system default; `required` means that an
    active profile can't do without it.
    """

    name: str
    type: Type
    help: str
    default: Value = None
    direction: Direction = "both"
    group: Group = "incoming"
    unit: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    required: bool = False

    def parse(self, value: object) -> Value:
        """The typed value of what a file, form or request said.

        Raises `ParameterError`.
        """
        if value is None:
            return None
        match self.type:
            case "boolean":
                return self._boolean(value)
            case "number":
                return self._number(value)
            case "choice":
                if isinstance(value, str) and value in self.choices:
                    return value
                raise ParameterError(self.name, f"must be one of {', '.join(self.choices)}, not {value!r}.")
            case "addresses" | "list":
                return self._texts(value)
            case "secret":
                if isinstance(value, Secret):
                    return value
                if isinstance(value, str):
                    return Secret(value)
                raise ParameterError(self.name, "must be a text, {env: NAME} or {file: PATH}.")
            case "text":
                if isinstance(value, bool) or not isinstance(value, str | int):
                    raise ParameterError(self.name, f"must be a text, not {type(value).__name__}.")
                text = str(value)
                if any(ord(c) < 32 or ord(c) == 127 for c in text):
                    raise ParameterError(self.name, "must not hold control characters.")
                return text

    def _boolean(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise ParameterError(self.name, f"must be true or false, not {value!r}.")

    def _number(self, value: object) -> int:
        if isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                value = None
        if isinstance(value, bool) or not isinstance(value, int):
            raise ParameterError(self.name, f"must be a whole number{f' of {self.unit}' if self.unit else ''}.")
        if self.minimum is not None and value < self.minimum:
            raise ParameterError(self.name, f"must be at least {self.minimum}, not {value}.")
        if self.maximum is not None and value > self.maximum:
            raise ParameterError(self.name, f"must be at most {self.maximum}, not {value}.")
        return value

    def _texts(self, value: object) -> tuple[str, ...]:
        items = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(items, Iterable) or not all(isinstance(item, str) for item in items):
            raise ParameterError(self.name, "must be a list of texts.")
        texts = tuple(item for item in items if item)
        if self.type == "addresses" and (bad := next((text for text in texts if "@" not in text), None)):
            raise ParameterError(self.name, f"{bad!r} is not an address.")
        return texts


@dataclass(frozen=True, slots=True)
class Effective:
    """An effective value and where it comes from."""

    parameter: Parameter
    value: Value
    origin: Origin


class Values(Mapping[str, Value]):
    """Effective values by name, with typed access. `origin(name)` says where a value comes from."""

    __slots__ = ("_effective",)

    def __init__(self, effective: Mapping[str, Effective]) -> None:
        self._effective = effective

    def __getitem__(self, name: str) -> Value:
        return self._effective[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._effective)

    def __len__(self) -> int:
        return len(self._effective)

    def effective(self, name: str) -> Effective:
        return self._effective[name]

    def text(self, name: str) -> str:
        """The text of a parameter, "" where there is none."""
        value = self[name]
        return "" if value is None else str(value)

    def number(self, name: str) -> int:
        value = self[name]
        if not isinstance(value, int):
            raise ParameterError(name, "has no number.")
        return value

    def flag(self, name: str) -> bool:
        return self[name] is True

    def texts(self, name: str) -> tuple[str, ...]:
        value = self[name]
        return value if isinstance(value, tuple) else ()

    def secret(self, name: str) -> Secret | None:
        value = self[name]
        return value if isinstance(value, Secret) else None


def resolve(
    declared: Iterable[Parameter],
    driver: Mapping[str, object] | None = None,
    profile: Mapping[str, object] | None = None,
) -> Values:
    """The effective values: profile override, else driver default, else system default.

    Raises `ParameterError` for the first value of a wrong type. Unknown names are the caller's to refuse.
    """
    effective: dict[str, Effective] = {}
    for parameter in declared:
        found = Effective(parameter, parameter.default, "system")
        if driver and driver.get(parameter.name) is not None:
            found = Effective(parameter, parameter.parse(driver[parameter.name]), "driver")
        if profile and profile.get(parameter.name) is not None:
            found = Effective(parameter, parameter.parse(profile[parameter.name]), "profile")
        effective[parameter.name] = found
    return Values(effective)
