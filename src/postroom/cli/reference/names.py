"""Pages of names: what conditions and templates may use, the addresses of the web role, and its metrics."""

from __future__ import annotations

import inspect

from prometheus_client.metrics import MetricWrapperBase

from postroom.cli.reference.markdown import block, code, sentence, table, text
from postroom.conf import metrics as declared
from postroom.web.urls import urlpatterns
from postroom.workflow.condition_names import FUNCTIONS, VARIABLES
from postroom.workflow.conditions import LONGEST, MOST_HEADER, MOST_ITEMS, MOST_TEXT
from postroom.workflow.template_fields import FIELDS
from postroom.workflow.templates import FILTERS, LONGEST_TEMPLATE, TAGS

OPERATORS = "`==`, `!=`, `<`, `<=`, `>`, `>=`, `&&`, `||`, `!`, `in`, `+`, `-`, `*`, `/`, `%`, `? :`"


def conditions() -> str:
    """The names and functions of conditions."""
    return "\n".join(
        [
            "# Conditions\n\nA step's `when` is an expression of the [Common Expression Language](https://cel.dev) "
            "that says true or false. It is checked when it is submitted: unknown names, wrong types and what could be "
            "slow are refused.\n",
            block(
                'message.subject.contains("invoice") && facts.language == "de"\n'
                '!(message.author_domain in ["example.com", "example.org"])\n'
                'header("list-id") != "" || message.attachments.exists(name, name.endsWith(".exe"))'
            ),
            f"An expression has at most {LONGEST:,} characters. Of a message it sees the first {MOST_TEXT:,} "
            f"characters of the text, {MOST_ITEMS} items of a list, {MOST_HEADER:,} characters of a header field. "
            "The pattern of `matches` is written out, and a macro (`exists`, `all`, `exists_one`, `map`, `filter`) "
            f"never stands inside another. Operators: {OPERATORS}.\n",
            "## Names\n",
            table(("name", "type", "meaning"), [(code(v.name), v.type, text(sentence(v.meaning))) for v in VARIABLES]),
            "## Functions\n",
            table(("function", "meaning"), [(code(name), _function(help_)) for name, help_ in FUNCTIONS.items()]),
        ]
    )


def _function(help_text: str) -> str:
    example, colon, meaning = help_text.partition("): ")
    return f"{code(example + ')')}: {text(sentence(meaning))}" if colon else text(sentence(help_text))


def template_fields() -> str:
    """The fields, tags and filters of templates."""
    return "\n".join(
        [
            "# Fields of templates\n\nA template's subject and text are [Liquid](https://shopify.github.io/liquid/): "
            "`{{ field }}`, `{{ field | filter }}`, `{% tag %}`. Plain text in, plain text out. A field without a "
            "value is empty; a name that does not exist is refused when the template is submitted. A template "
            f"has at most {LONGEST_TEMPLATE:,} characters.\n",
            block(
                "Dear {{ contact.first_name | default: 'customer' }},\n\n"
                "{% if conversation.id != '' %}your message has the number {{ conversation.id }}.{% endif %}"
            ),
            table(("field", "meaning"), [(code(field.name), text(sentence(field.meaning))) for field in FIELDS]),
            "Tags: " + ", ".join(map(code, TAGS)) + ".\n",
            "Filters: " + ", ".join(map(code, FILTERS)) + ".\n",
        ]
    )


def metrics() -> str:
    """The metrics of a process."""
    rows = []
    for collector in vars(declared).values():
        if isinstance(collector, MetricWrapperBase):
            (metric,) = collector.describe()
            name = metric.name + ("_total" if metric.type == "counter" else "")
            labels = ", ".join(map(code, collector._labelnames))
            rows.append((code(name), metric.type, labels, text(metric.documentation)))
    return (
        "# Metrics\n\nThe web role serves them at `/metrics` for Prometheus, each process its own; beside them are "
        "those of the Python process (`process_…`, `python_…`). What waits in the store (`postroom_events`, "
        "`postroom_outbound_messages`) is the same in every process.\n\n"
        + table(("name", "type", "labels", "meaning"), rows)
    )


def addresses() -> str:
    """What the web role answers."""
    rows = [(code(f"/{url.pattern}"), text(inspect.getdoc(url.callback) or "")) for url in urlpatterns]
    return (
        "# Addresses of the web role\n\nThe web role answers on `POSTROOM_WEB_BIND` ([settings](settings.md)), without "
        "a login: bind it to an address that only your own machines reach.\n\n" + table(("address", "answer"), rows)
    )
