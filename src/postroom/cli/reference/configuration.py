"""Pages of what is written in files: the configuration document, and the settings of a process."""

from __future__ import annotations

import re
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from postroom.cli.reference.markdown import code, table, text
from postroom.conf.settings import PREFIX, Settings
from postroom.store.publishing.document import SECTIONS, Document

WORDS = {"str": "text", "bool": "true or false", "int": "whole number", "float": "number", "Path": "path"}
LINKS = {
    ("drivers", "parameters"): "[parameters](parameters.md)",
    ("profiles", "overrides"): "[parameters](parameters.md)",
    ("response_groups", "input_arguments"): "[input arguments](input-arguments.md)",
    ("workflows", "steps"): "[steps](steps.md)",
    ("templates", "subject"): "[fields](template-fields.md)",
    ("templates", "text"): "[fields](template-fields.md)",
}

EXAMPLE = """\
drivers:
  - name: Head office POP3
    kind: internet-smtp-pop3
    parameters: {POP3Server: mail.example.com, SMTPServer: mail.example.com, PollingInterval: 15}
    maintainers: [alice]
profiles:
  - name: support@example.com
    address: support@example.com
    driver: Head office POP3
    overrides: {POP3AccountName: support, POP3Password: {env: SUPPORT_PASSWORD}}
    response_group: Support
    responsibilities: [Support agents]
response_groups:
  - name: Support
    real_time: false
    input_arguments: {ProcessName: Process Message, AcknowledgementTemplate: Acknowledgement}
    administrator: ops@example.com
responsibilities:
  - {name: Support agents, members: [alice]}
users:
  - {name: alice, email: alice@example.com}
templates:
  - {name: Acknowledgement, subject: "Re: {{ subject }}", text: "We have your message and will answer soon."}
"""


def configuration_file() -> str:
    """The YAML document, section by section."""
    parts = [
        "# The configuration file\n\nOne YAML document holds the whole configuration; `postroom apply FILE` makes it "
        "the draft, `--submit` publishes it, `postroom export` writes it. Sections may be left out. Unknown keys, "
        "wrong types and missing references are all told at once, with their lines.\n\nValues follow YAML 1.2: `no`, "
        "`on` and `1.50` are texts. Tags are refused. The file holds at most 16 MiB.\n",
        f"```yaml\n{EXAMPLE}```\n",
    ]
    for section, (model, _) in SECTIONS.items():
        parts.append(f"## {section}\n\n{text(model.__doc__ or Document.model_fields[section].description)}\n")
        rows = []
        for name, field in model.model_fields.items():
            meaning = " ".join(filter(None, [text(field.description), LINKS.get((section, name), "")]))
            rows.append((code(name), _type(field), _default(field), meaning))
        parts.append(table(("key", "type", "default", "meaning"), rows))
    return "\n".join(parts)


def settings() -> str:
    """What sets up a process."""
    rows = [
        (code(PREFIX + name.upper()), code(name), _type(field), _default(field), text(field.description))
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Settings of a process\n\nA setting is an environment variable, or a key of the file `postroom.toml` in the "
        f"working directory (`{PREFIX}CONFIG` names another file). The variable wins. Nothing else sets up a process: "
        "what is handled, and how, stands in the [configuration](configuration-file.md).\n\n"
        + table(("variable", "in the file", "type", "default", "meaning"), rows)
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        made = field.default_factory
        return "none" if made in (list, dict) else "this machine's own"
    value = field.default
    if value is None or value is PydanticUndefined or value == "":
        return "none"
    return code(str(value).lower() if isinstance(value, bool) else value)


def _type(field: FieldInfo) -> str:
    """The type of a field with what limits it, for people."""
    said = _kind(field.annotation)
    for limit in field.metadata:
        if choices := re.fullmatch(r"\^\(([\w|]+)\)\$", getattr(limit, "pattern", None) or ""):
            return "one of " + ", ".join(map(code, choices[1].split("|")))
        for bound, word in (("ge", "at least"), ("gt", "more than"), ("le", "at most")):
            if (value := getattr(limit, bound, None)) is not None:
                said += f", {word} {value:,}"
    return said


def _kind(annotation: Any) -> str:
    """The type of a field for people."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(_kind(one) for one in arguments if one is not NoneType)
    if origin is Literal:
        return "one of " + ", ".join(map(code, arguments))
    if origin is list:
        of = "" if arguments[0] is Any else f" of {_kind(arguments[0])}s"
        return f"list{of}"
    if origin is dict:
        return "mapping"
    return WORDS.get(getattr(annotation, "__name__", ""), str(annotation))
