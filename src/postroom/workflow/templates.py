"""Templates of answers, in Liquid: `Dear {{ contact.first_name }}, …`. Plain text in, plain text out, nothing escaped.

Sandboxed: a template sees the fields of `template_fields.FIELDS` and nothing else, has the tags and filters named
here and no more, loads no other template, and ends within bounds of size and loops. A name that does not exist is an
error, found by `check` before the template is ever used.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from postroom.conf.errors import Permanent
from postroom.workflow.template_fields import CONVERSATION, FIELDS
from postroom.workflow.template_fields import fields as known_fields
from postroom.workflow.words import one_line

LONGEST_TEMPLATE = 65_536  # characters
LONGEST_OUTPUT = 262_144  # octets
LONGEST_VALUE = 65_536  # characters of a field, or of what a filter gives
TAGS = ("assign", "capture", "case", "comment", "#", "if", "unless", "for", "break", "continue", "echo")
FILTERS = (
    "append",
    "capitalize",
    "default",
    "downcase",
    "escape",
    "lstrip",
    "prepend",
    "remove",
    "replace",
    "rstrip",
    "size",
    "slice",
    "squish",
    "strip",
    "strip_html",
    "strip_newlines",
    "truncate",
    "truncatewords",
    "upcase",
)
_INTERNAL_TAGS = ("content", "illegal", "output")  # the text between the tags and what is written in braces
_DEEPEST = 4
_MOST_ITEMS = 1_000
_KNOWN = frozenset(field.name for field in FIELDS)
_BLANK = known_fields()  # every field, empty


class TemplateError(Permanent):
    """A template can't be read or rendered. `line` counts from 1; 0 where it is not known."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(f"Line {line}: {sentence}" if line else sentence, code="5.6.0")
        self.line = line


def render(template_text: str, fields: Mapping[str, object]) -> str:
    """The text of a template with these fields (see `template_fields.fields`); fields not given are empty.

    Raises `TemplateError`: syntax, an unknown name, too long a result.
    """
    template, names = _compiled(template_text)
    try:
        return template.render(_values(fields, names))
    except Exception as error:
        raise _error(template_text, error) from error


def render_line(template_text: str, fields: Mapping[str, object], limit: int = 500) -> str:
    """The template's text on one line, for a subject."""
    return one_line(render(template_text, fields), limit)


def check(template_text: str) -> list[str]:
    """What is wrong with a template, in words with its line; empty if nothing is."""
    try:
        template, names = _compiled(template_text)
    except TemplateError as error:
        return [str(error)]
    problems = []
    for locations in names.values():
        for name, start in locations:
            if name not in _KNOWN:
                line = template_text.count("\n", 0, start) + 1
                problems.append((line, f"Line {line}: There is no field {one_line(name)!r}."))
    problems = sorted(set(problems))
    if not problems:
        try:
            template.render(_values({}, names))
        except Exception as error:  # noqa: BLE001 - as in render
            return [str(_error(template_text, error))]
    return [problem for _, problem in problems]


def with_conversation(text: str, conversation: int) -> str:
    """The text with the number of the conversation that was opened in the meantime. For apply."""
    return text.replace(CONVERSATION, str(conversation))


# --- the sandbox ------------------------------------------------------------------------------------------------------


class _Sandbox(Environment):
    block_nesting_limit = 10
    context_depth_limit = 10
    loop_iteration_limit = 1_000
    local_namespace_limit = 1_048_576
    output_stream_limit = LONGEST_OUTPUT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=False)
        self.tags = {name: tag for name, tag in self.tags.items() if name in (*TAGS, *_INTERNAL_TAGS)}
        self.filters = {name: _bounded(name, self.filters[name]) for name in FILTERS}


def _bounded(name: str, liquid_filter: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, whose result can't grow without bound."""

    @functools.wraps(liquid_filter)
    def bounded(value: Any, *arguments: Any, **named: Any) -> Any:
        if name == "replace" and len(arguments) == 2:
            old, new = str(arguments[0]), str(arguments[1])
            if str(value).count(old) * len(new) > LONGEST_VALUE:
                raise ValueError(f"The filter {name} gives too long a text.")
        result = liquid_filter(value, *arguments, **named)
        if isinstance(result, str) and len(result) > LONGEST_VALUE:
            raise ValueError(f"The filter {name} gives too long a text.")
        return result

    return bounded


_SANDBOX = _Sandbox(undefined=StrictUndefined, autoescape=False)


_Names = dict[str, list[tuple[str, int]]]  # of the fields that a template uses: (whole name, where) by first part


@lru_cache(maxsize=512)
def _compiled(template_text: str) -> tuple[BoundTemplate, _Names]:
    if len(template_text) > LONGEST_TEMPLATE:
        raise TemplateError(f"The template has {len(template_text)} characters; the most is {LONGEST_TEMPLATE}.")
    try:
        template = _SANDBOX.from_string(template_text)
        used = template.analyze(include_partials=False).globals
        names: _Names = {
            name: [(".".join(map(str, variable.segments)), variable.span.index) for variable in variables]
            for name, variables in used.items()
        }
        return template, names
    except Exception as error:
        raise _error(template_text, error) from error


def _error(template_text: str, error: Exception) -> TemplateError:
    if isinstance(error, RecursionError):
        return TemplateError("It is nested too deeply.")
    said = str(error.message if isinstance(error, LiquidError) else error) or type(error).__name__
    token = getattr(error, "token", None)
    start = getattr(token, "start_index", -1)
    line = template_text.count("\n", 0, start) + 1 if isinstance(start, int) and start >= 0 else 0
    said = one_line(said, 200)
    return TemplateError(said[:1].upper() + said[1:] + ("" if said.endswith(".") else "."), line)


def _values(fields: Mapping[str, object], names: _Names) -> dict[str, object]:
    """The fields that a template uses, as it sees them: each documented one is there."""
    values: dict[str, object] = {}
    for name in names:
        if name in fields or name in _BLANK:
            blank, plain = _BLANK.get(name, ""), _plain(fields.get(name, _BLANK.get(name)))
            values[name] = {**blank, **plain} if isinstance(blank, dict) and isinstance(plain, dict) else plain
    return values


def _plain(value: object, depth: int = 0) -> object:
    """Plain values only, bounded: no object of ours is ever within a template's reach."""
    if isinstance(value, str):
        value = value[:LONGEST_VALUE]
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict) and depth < _DEEPEST:
        return {str(name): _plain(item, depth + 1) for name, item in islice(value.items(), _MOST_ITEMS)}
    if isinstance(value, list) and depth < _DEEPEST:
        return [_plain(item, depth + 1) for item in value[:_MOST_ITEMS]]
    return value if value is None or isinstance(value, (bool, int, float)) else ""
