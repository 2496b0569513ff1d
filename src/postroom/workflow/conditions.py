"""Conditions of steps, in the Common Expression Language (https://cel.dev).

A condition is compiled once and says true or false. It reads the names of `VARIABLES` and nothing else: plain texts,
numbers, lists and maps, bounded in size. It calls the functions of `FUNCTIONS`, of which `header(name)` is ours.

Bounded by construction: an expression has at most 2,000 characters; lists have at most 100 items and the text
100,000 characters; a macro (`exists`, `all`, …) never stands inside another; the pattern of `matches` is written in
the expression, never taken from mail. So `compile_condition` refuses what could be slow, and it tries the condition
on an empty and on a full message: what fails there would fail on somebody's mail.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple, cast

import cel

from postroom.conf.errors import Permanent
from postroom.conf.parameters import Secret, Value, resolve
from postroom.mail.message import Address, Attachment, Message
from postroom.workflow.arguments import ARGUMENTS
from postroom.workflow.contract import Context, Facts, Lookup

LONGEST = 2_000  # characters of an expression
MOST_TEXT = 100_000  # characters of the message's text
MOST_ITEMS = 100  # items of a list
MOST_HEADER = 2_000  # characters of one header field


class Variable(NamedTuple):
    """A name that conditions may use; the reference's table is made of these."""

    name: str
    type: str
    meaning: str


VARIABLES: tuple[Variable, ...] = (
    Variable("message.subject", "text", "the subject, decoded"),
    Variable("message.author", "text", "the author's address in lower case, empty if there is none"),
    Variable("message.author_name", "text", "the author's display name"),
    Variable("message.author_domain", "text", "the domain of the author's address, in lower case"),
    Variable("message.to", "list", "the addresses of To, in lower case; at most 100"),
    Variable("message.cc", "list", "the addresses of Cc, in lower case; at most 100"),
    Variable("message.text", "text", "the plain text, its first 100,000 characters"),
    Variable("message.size", "number", "the size in octets"),
    Variable("message.attachments", "list", "the names of the attachments; at most 100"),
    Variable("message.header", "map", "header fields by name in lower case, the first of each name; see header()"),
    Variable("message.protection", "text", "smime-signed, smime-encrypted, pgp-signed, pgp-encrypted, or empty"),
    Variable("facts.received_ms", "number", "when the message was accepted, in milliseconds since 1970"),
    Variable("facts.automatic", "text", "why it is automatic mail, empty if a person wrote it"),
    Variable("facts.loop", "text", "why it is mail of our own, empty if it is not"),
    Variable("facts.report", "boolean", "whether it is a delivery report"),
    Variable("facts.junk", "text", "why it is junk, empty if it is not"),
    Variable("facts.conversation", "number", "the conversation that it continues, 0 for a new one"),
    Variable("facts.thread_evidence", "text", "how the conversation was found"),
    Variable("facts.contact", "number", "the author's contact, 0 if not seen before"),
    Variable("facts.sender_name", "text", "the author's name, as the contact has it"),
    Variable("facts.organization", "text", "the author's organization"),
    Variable("facts.language", "text", "the language (ISO 639-1), such as en"),
    Variable("facts.category", "text", "the category, empty if there is none"),
    Variable("facts.owner", "text", "the user name of the conversation's owner, empty if it has none"),
    Variable("profile", "text", "the name of the profile that the message came to"),
    Variable("address", "text", "the address of that profile"),
    Variable("group", "text", "the name of the response group"),
    *(Variable(f"arguments.{argument.name}", argument.type, argument.help) for argument in ARGUMENTS),
)

FUNCTIONS: Mapping[str, str] = {
    "header": 'header("list-id"): the first header field of that name, empty if there is none',
    "contains": 'message.subject.contains("invoice"): whether the text stands in it; case counts',
    "startsWith": "whether a text starts so",
    "endsWith": "whether a text ends so",
    "matches": 'message.subject.matches("(?i)invoice"): a regular expression (RE2), written as one text',
    "size": "the length of a text or list",
    "int": "a number of a text",
    "double": "a number with a fraction",
    "string": "the text of a number",
    "type": "the type of a value",
    "dyn": "the value, its type not looked at",
}

_ROOTS = frozenset(variable.name.partition(".")[0] for variable in VARIABLES)
_KNOWN = frozenset(variable.name for variable in VARIABLES)
_STRUCTURED = frozenset({"message", "facts", "arguments"})
_FACT_NAMES = tuple(field.name for field in fields(Facts))

_LITERAL = re.compile(
    r'//[^\n]*|[rRbB]{0,2}(?:"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')',
    re.S,
)
_PATH = re.compile(r"(?<![\w.)\]])([A-Za-z_]\w*)(?:\s*\.\s*([A-Za-z_]\w*))?")
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_PATTERN = re.compile(r"\bmatches\b(?!\s*\(\s*§(\d+)§\s*\))")


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
    on an empty or on a full message, what is neither true nor false.
    """
    if len(source) > LONGEST:
        raise ConditionError([f"The condition has {len(source)} characters; the most is {LONGEST}."])
    try:
        program = cel.compile(source)
    except Exception as error:
        raise ConditionError([_first_line("It can't be read", error)]) from error
    except BaseException as error:
        raise _panic(error) from error
    bare, literals = _without_literals(source)
    problems = [*_unknown_names(bare, program.variables()), *_unknown_functions(program.functions())]
    problems += _slow(bare)
    if problems:
        raise ConditionError(problems)
    reads = frozenset(".".join(filter(None, path)) for path in _PATH.findall(bare)) & _KNOWN
    condition = Condition(source, program, reads)
    problems = [*_bad_patterns(bare, literals), *_trials(condition)]
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
        raise ConditionError([_first_line("It gives no answer", error)]) from error
    except BaseException as error:
        raise _panic(error) from error
    if not isinstance(answer, bool):
        raise ConditionError([f"It gives {type(answer).__name__} {str(answer)[:40]!r}, neither true nor false."])
    return answer


def _panic(error: BaseException) -> BaseException:
    """The library's own defect is an answer not given; an interrupt stays one."""
    return ConditionError(["The expression breaks the library."]) if type(error).__name__ == "PanicException" else error


# --- what a condition may say -----------------------------------------------------------------------------------------


def _without_literals(source: str) -> tuple[str, list[str]]:
    """The expression with each text replaced by §number§, comments gone; and the texts."""
    literals: list[str] = []

    def take(match: re.Match[str]) -> str:
        if match[0].startswith("//"):
            return " "
        literals.append(match[0])
        return f" §{len(literals) - 1}§ "

    return _LITERAL.sub(take, source), literals


def _unknown_names(bare: str, variables: Iterable[str]) -> list[str]:
    bound = set(_MACRO.findall(bare))
    problems = [
        f"{name!r} names a value already; call the macro's variable otherwise." for name in sorted(bound & _ROOTS)
    ]
    problems += [
        f"There is no {name!r}.{_did_you_mean(name, _KNOWN)}" for name in variables if name not in bound | _ROOTS
    ]
    for root, attribute in sorted(set(_PATH.findall(bare))):
        if root in _STRUCTURED and not attribute:
            problems.append(f"{root!r} alone has no value; write {root}.NAME.")
        elif root in _STRUCTURED and f"{root}.{attribute}" not in _KNOWN:
            problems.append(f"There is no {f'{root}.{attribute}'!r}.{_did_you_mean(f'{root}.{attribute}', _KNOWN)}")
    return problems


def _unknown_functions(functions: Iterable[str]) -> list[str]:
    return [
        f"There is no function {name!r}.{_did_you_mean(name, FUNCTIONS)}"
        for name in functions
        if name.isidentifier() and not name.startswith("_") and name not in FUNCTIONS
    ]


def _slow(bare: str) -> list[str]:
    problems = ["The pattern of matches must be one text, written out."] if _PATTERN.search(bare) else []
    if "`" in bare:
        problems.append("Names in backticks are not known here.")
    ends: list[int] = []
    for macro in _MACRO.finditer(bare):
        if any(macro.start() < end for end in ends):
            problems.append("A macro such as exists must not stand inside another.")
            break
        ends.append(_closing(bare, bare.index("(", macro.start())))
    return problems


def _closing(bare: str, opening: int) -> int:
    depth = 0
    for index in range(opening, len(bare)):
        depth += (bare[index] == "(") - (bare[index] == ")")
        if depth == 0:
            return index
    return len(bare)


def _bad_patterns(bare: str, literals: list[str]) -> list[str]:
    problems = []
    for number in re.findall(r"\bmatches\s*\(\s*§(\d+)§", bare):
        try:
            cel.evaluate(f"''.matches({literals[int(number)]})")
        except Exception as error:  # noqa: BLE001 - a pattern that can't be compiled, said in the library's words
            problems.append(_first_line(f"The pattern {literals[int(number)]} can't be read", error))
    return problems


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _first_line(what: str, error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" |^.")]
    return f"{what}: {' '.join(lines[:4])[:300] or type(error).__name__}."


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
