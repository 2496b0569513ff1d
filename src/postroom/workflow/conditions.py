"""Conditions of steps, in the Common Expression Language (https://cel.dev).

A condition is compiled once and says true or false. It reads the names of `condition_names.VARIABLES` and nothing
else: plain texts, numbers, lists and maps, bounded in size. It calls the functions of `FUNCTIONS` there, of which
`header(name)` is ours.

Bounded by construction: an expression has at most 2,000 characters; lists have at most 100 items and the text
100,000 characters; a macro (`exists`, `all`, …) never stands inside another; the pattern of `matches` is written in
the expression, never taken from mail. So `compile_condition` refuses what could be slow, and it tries the condition
on an empty and on an ordinary message: what fails there would fail on somebody's mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, cast

import cel

from postroom.conf.errors import Permanent
from postroom.conf.parameters import Secret, Value, resolve
from postroom.mail.message import Address, Attachment, Message
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.condition_checks import (
    bad_patterns,
    first_line,
    names_used,
    slow,
    unknown_functions,
    unknown_names,
    without_literals,
)
from postroom.workflow.contract import Context, Facts, Lookup

LONGEST = 2_000  # characters of an expression
MOST_TEXT = 100_000  # characters of the message's text
MOST_ITEMS = 100  # items of a list
MOST_HEADER = 2_000  # characters of one header field


_FACT_NAMES = tuple(field.name for field in fields(Facts))


class ConditionError(Permanent):
    """A condition can't be compiled or gives no answer. `sentences` has every reason."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__(" ".join(self.sentences), code="5.3.5")


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. `reads` names the variables that it needs, such as "message.subject"."""

    source: str
    program: Any
    reads: frozenset[str]


@lru_cache(maxsize=1024)
def compile_condition(source: str) -> Condition:
    """The compiled condition.

    Raises `ConditionError` with every reason: syntax, unknown names and functions, what could be slow, what fails
    on an empty or on an ordinary message, what is neither true nor false.
    """
    if len(source) > LONGEST:
        raise ConditionError([f"The condition has {len(source)} characters; the most is {LONGEST}."])
    try:
        program = cel.compile(source)
    except Exception as error:
        raise ConditionError([first_line("It can't be read", error)]) from error
    except BaseException as error:
        raise _panic(error) from error
    bare, literals = without_literals(source)
    problems = [*unknown_names(bare, program.variables()), *unknown_functions(program.functions())]
    problems += slow(bare)
    if problems:
        raise ConditionError(problems)
    condition = Condition(source, program, names_used(bare))
    problems = [*bad_patterns(bare, literals), *_trials(condition)]
    if problems:
        raise ConditionError(problems)
    return condition


class Scope:
    """The values of one message, converted once for all conditions of a workflow."""

    def __init__(self, context: Context, reads: frozenset[str]) -> None:
        """`reads` is the union of the conditions' `reads`: nothing else is converted."""
        self._facts = context.facts
        self._fact_names = [name for name in _FACT_NAMES if f"facts.{name}" in reads]
        self._context = _cel_context(context, reads)

    def holds(self, condition: Condition, facts: Facts) -> bool:
        """Whether the condition holds with these facts. Raises `ConditionError` if it can't be told."""
        if facts is not self._facts:
            self._context.add_variable("facts", {name: getattr(facts, name) for name in self._fact_names})
            self._facts = facts
        return _answer(condition, self._context)


def _answer(condition: Condition, context: Any) -> bool:
    try:
        answer = condition.program.execute(context)
    except KeyError as error:
        name = str(error.args[0]) if error.args else ""
        raise ConditionError(
            [f"There is no {name!r} in the map; header({name!r}) gives an empty text then."]
        ) from error
    except TypeError as error:
        raise ConditionError(["It compares or joins values of different types."]) from error
    except Exception as error:
        raise ConditionError([first_line("It gives no answer", error)]) from error
    except BaseException as error:
        raise _panic(error) from error
    if not isinstance(answer, bool):
        raise ConditionError([f"It gives {type(answer).__name__} {str(answer)[:40]!r}, neither true nor false."])
    return answer


def _panic(error: BaseException) -> BaseException:
    """The library's own defect is an answer not given; an interrupt stays one."""
    return ConditionError(["The expression breaks the library."]) if type(error).__name__ == "PanicException" else error


# --- values -----------------------------------------------------------------------------------------------------------


def _cel_context(context: Context, reads: frozenset[str]) -> Any:
    message = context.message
    values: dict[str, Any] = {"message": {}, "facts": {}, "arguments": {}}
    for variable in reads:
        root, _, name = variable.partition(".")
        if root == "message":
            values["message"][name] = _FIELDS[name](message)
        elif root == "facts":
            values["facts"][name] = getattr(context.facts, name)
        elif root == "arguments":
            values["arguments"][name] = _plain(context.arguments.get(name))
        else:
            values[root] = getattr(context, root)

    def header(name: str) -> str:
        return (message.header(name) or "")[:MOST_HEADER] if isinstance(name, str) else ""

    functions = {"header": header}
    try:
        return cel.Context(values, functions)
    except ValueError:  # a lone surrogate, which is no character
        return cel.Context(_encodable(values), functions)


def _plain(value: Value) -> Any:
    """A value as CEL knows it. Secrets stay out."""
    if value is None or isinstance(value, Secret):
        return ""
    return list(value) if isinstance(value, tuple) else value


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def _header_map(message: Message) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, value in message.headers[:500]:
        first.setdefault(name.lower(), value[:MOST_HEADER])
    return first


_FIELDS: Mapping[str, Any] = {
    "subject": lambda message: message.subject[:MOST_HEADER],
    "author": lambda message: message.author.key if message.author else "",
    "author_name": lambda message: message.author.name if message.author else "",
    "author_domain": lambda message: message.author.domain if message.author else "",
    "to": lambda message: [address.key for address in message.to[:MOST_ITEMS]],
    "cc": lambda message: [address.key for address in message.cc[:MOST_ITEMS]],
    "text": lambda message: message.text[:MOST_TEXT],
    "size": lambda message: message.size,
    "attachments": lambda message: [attachment.name for attachment in message.attachments[:MOST_ITEMS]],
    "header": _header_map,
    "protection": lambda message: message.protection,
}


def _trials(condition: Condition) -> list[str]:
    """What fails on an empty message, or on an ordinary one."""
    someone = Address("Anna Smith", "anna@example.com")
    ordinary = Message(
        headers=[("Subject", "A question"), ("X-Priority", "1")],
        subject="A question",
        authors=(someone,),
        to=(someone,),
        cc=(someone,),
        text="Where is my order 4711?",
        attachments=[Attachment("order.pdf", "application/pdf", b"")],
        size=2_000,
    )
    found = Facts(1, "list mail", "", True, "", 1, "In-Reply-To", 1, "Anna Smith", "Example", "en", "Billing", "alice")
    arguments = resolve(ARGUMENTS)
    nothing = cast(Lookup, None)  # conditions look nothing up
    for what, message, facts in (("an empty message", Message(), Facts()), ("an ordinary message", ordinary, found)):
        context = Context(message, facts, nothing, arguments, "support", "support@example.com", "Support", bytes, 1)
        try:
            _answer(condition, _cel_context(context, condition.reads))
        except ConditionError as error:
            return [f"It fails on {what}: {sentence}" for sentence in error.sentences]
    return []
