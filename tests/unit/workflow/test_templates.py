"""Templates: rendered with documented fields, checked with line numbers, bounded whatever they ask for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.workflow.template_fields import CONVERSATION, FIELDS, fields, plain_name, split_name
from postroom.workflow.templates import TemplateError, check, render, render_line, with_conversation

KNOWN = fields(
    subject="Order <4711>",
    contact_name="Anna Maria Smith",
    contact_address="anna@example.org",
    profile_address="support@example.com",
    conversation=7,
    received_ms=1_795_359_600_000,
)


def test_renders_plain_text() -> None:
    text = "Dear {{ contact.first_name }} {{ contact.last_name }} ({{ contact.address }}),\n“{{ subject }}” & so on.\n"
    assert render(text, KNOWN) == "Dear Anna Maria Smith (anna@example.org),\n“Order <4711>” & so on.\n"
    dated = "{{ received.day }}.{{ received.month }}.{{ received.year }} {{ received.time }} #{{ conversation.id }}"
    assert render(dated, KNOWN) == "22.11.2026 15:00 #7"


def test_what_is_not_known_is_empty() -> None:
    assert render("[{{ contact.name }}{{ agent.name }}{{ error.count }}]", {}) == "[]"
    assert render("{{ contact.name }}{{ contact.address }}", {"contact": {"name": "Anna"}}) == "Anna"
    assert render("Dear {{ contact.first_name | default: 'customer' }}", {}) == "Dear customer"
    assert render("{% if contact.name != '' %}x{% else %}y{% endif %}", {}) == "y"


def test_every_documented_field_renders() -> None:
    for field in FIELDS:
        assert check(f"{{{{ {field.name} }}}}") == []
        assert isinstance(render(f"{{{{ {field.name} }}}}", KNOWN), str)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\nb {{ contact.nmae }}", "Line 2: There is no field 'contact.nmae'."),
        ("{{ text }}", "Line 1: There is no field 'text'."),
        ("\n\n{% if %}", "Line 3: Missing expression."),
        ("{{ subject", "Line 1: "),
        ("{{ subject | nothing }}", "nothing"),
        ("{% include 'secrets' %}", "include"),
        ("{% render 'secrets' %}", "render"),
        ("{% tablerow x in y %}{% endtablerow %}", "tablerow"),
        ("{{ subject | join: ',' }}", "join"),
        ("{{ subject | date: '%9999999d' }}", "date"),
        ("{{ subject.__class__ }}", "subject.__class__"),
        ("{{ contact[subject] }}", "no field"),
        ("{{ " + "a[" * 900 + "1" + "]" * 900 + " }}", "Line 1: "),
        ("{% for i in (1..100000000) %}x{% endfor %}", "Loop iteration limit"),
        ("x" * 70_000, "most is 65536"),
    ],
)
def test_check_says_what_is_wrong(text: str, said: str) -> None:
    problems = check(text)
    assert problems
    assert said in problems[0]


def test_check_says_all_unknown_fields() -> None:
    assert [problem.split(":")[0] for problem in check("{{ a }}\n{{ b }}\n{{ a }}")] == ["Line 1", "Line 2", "Line 3"]


@pytest.mark.parametrize(
    "text",
    [
        "{% assign a = 'xxxxxxxxxxxxxxxx' %}" + "{% assign a = a | replace: 'x', 'xxxxxxxxxxxxxxxx' %}" * 8 + "{{ a }}",
        "{% assign a = 'xxxxxxxxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 40,
        "{% assign a = 'x' %}{{ a | replace: '', a }}" + "{% capture b %}{{ b }}{{ b }}{% endcapture %}" * 3,
        "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..900) %}" + "{{ subject }}" * 100 + "x" * 500 + "{% endfor %}",
    ],
)
def test_no_template_grows_without_bound(text: str) -> None:
    with pytest.raises(TemplateError):
        render(text, {"subject": "y" * 200})


def test_values_are_bounded_and_plain() -> None:
    class Dangerous:
        secret = "s3cret"

        def __str__(self) -> str:
            return self.secret

    assert render("{{ subject }}", {"subject": Dangerous()}) == ""
    assert len(render("{{ subject }}", {"subject": "x" * 1_000_000})) == 65_536
    assert render("{{ subject }}", {"subject": "a\ud800b"}) == "a?b"
    assert render("{{ subject }}", {"subject": "{{ contact.name }}"}) == "{{ contact.name }}"


def test_a_subject_is_one_line() -> None:
    hostile = fields(subject="Hello\r\nBcc: victim@example.org\x00" + "x" * 500)
    line = render_line("Re: {{ subject }}\n", hostile)
    assert "\n" not in line
    assert "\r" not in line
    assert line.startswith("Re: Hello Bcc: victim@example.org")
    assert len(line) <= 204


def test_the_number_of_a_new_conversation_is_filled_in_later() -> None:
    line = render_line(
        "[#{{ conversation.id | upcase }}] Re: {{ subject }}", fields(subject="a", conversation=CONVERSATION)
    )
    assert with_conversation(line, 4711) == "[#4711] Re: a"


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Anna Smith", "Anna", "Smith"),
        ("Smith, Anna Maria", "Anna Maria", "Smith"),
        ("Prince", "Prince", ""),
        ("Jean-Luc O'Neill", "Jean-Luc", "O'Neill"),
        ("山田 太郎", "山田", "太郎"),
        ("Dr. Ann Lee", "Dr. Ann", "Lee"),
        ("", "", ""),
    ],
)
def test_names(name: str, first: str, last: str) -> None:
    assert plain_name(name) == name
    assert split_name(name) == (first, last)


@pytest.mark.parametrize(
    "name",
    ["Buy at http://evil.example", "www.evil.example", "evil.example now", "a@b.example", "Win 1000$", "x" * 80, "<b>"],
)
def test_an_advertisement_is_no_name(name: str) -> None:
    assert plain_name(name) == ""


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="{}%|.[]'\" ifendforsubject1#", max_size=60)))
def test_any_text_renders_or_fails_with_words(text: str) -> None:
    try:
        render(text, KNOWN)
        failed = ""
    except TemplateError as error:
        failed = str(error)
    if failed:
        assert check(text)
