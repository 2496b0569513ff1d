"""Reading and writing the document: every problem at its line, hostile input bounded, the round trip exact."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configured_store import SAMPLE
from postroom.store.publishing import yaml_file
from postroom.store.publishing.document import Document, Template, Workflow, parse
from postroom.store.publishing.problems import with_lines
from postroom.store.publishing.yaml_reader import load


def told(text: str) -> list[tuple[int, str]]:
    reading = yaml_file.read(text.encode())
    return [(problem.line, problem.sentence) for problem in with_lines(reading.problems, reading.lines)]


def test_every_problem_of_shape_is_told_at_its_line() -> None:
    text = """\
drivers:
  - name: A
    kind: [x]
    parameter: {x: 1}
  - nme: B
    kind: k
    kind: z
profles: []
profiles:
  - foo
  - {name: P, address: nonsense, driver: A, overrides: []}
response_groups:
  - name: G
    real_time: yes
    concurrency: 10000
users: {a: b}
templates:
  - {name: T, language: Deutsch}
  - !!python/object:os.system {name: f}
"""
    assert told(text) == [
        (3, "Driver A: kind must be a text."),
        (4, 'Driver A: there is no key "parameter"; did you mean "parameters"?'),
        (5, "Driver: name is missing."),
        (5, 'Driver: there is no key "nme"; did you mean "name"?'),
        (7, '"kind" stands twice; the first time in line 6.'),
        (8, 'There is no section "profles"; did you mean "profiles"?'),
        (
            10,
            "Profile: must be a mapping with name, address, driver, overrides, response_group, responsibilities, "
            "signature.",
        ),
        (11, "Profile P: address 'nonsense' is not an address."),
        (11, "Profile P: overrides must be a mapping."),
        (14, "Response group G: real_time must be true or false."),
        (15, "Response group G: concurrency must be less than or equal to 1000."),
        (16, "users must be a list."),
        (18, "Template T: language must be a language such as en or pt-BR, or empty."),
        (19, "Tags are not understood here."),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("drivers:\n  - {name: a\nprofiles: [", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("--- {}\n--- {}\n", 2, "one document"),
        ("drivers: &a [*a]\n", 1, "refers to nothing that is complete"),
        ("drivers: *nobody\n", 1, "refers to nothing"),
        ("{drivers: []}: 1\n", 1, "key must be a text"),
        ("", 0, "The document is empty"),
        ("- a\n", 0, "must be a mapping of sections"),
        ('drivers:\n- {name: "a\\0b"}\n', 2, "control characters"),
        ("users:\n- \x07\n", 2, "not allow"),
        ("[" * 5000, 1, "nested over"),
    ],
)
def test_what_is_no_document_is_refused_in_words(text: str, line: int, words: str) -> None:
    found = told(text)
    assert any(words in sentence and at == line for at, sentence in found), found


def test_octets_that_are_no_text_are_told_at_their_line() -> None:
    assert [(p.line, p.sentence) for p in load(b"users: []\n# \xff\n").problems] == [
        (2, "The document is not UTF-8 text.")
    ]


def test_aliases_are_kept_but_a_bomb_is_refused() -> None:
    loaded = load(b"a: &x {p: [1, 2]}\nb: *x\n")
    assert loaded.data == {"a": {"p": [1, 2]}, "b": {"p": [1, 2]}}
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
    )
    problems = load(bomb.encode()).problems
    assert "holds over" in problems[0].sentence


def test_a_document_that_is_too_large_is_refused() -> None:
    assert "larger than 16 MiB" in load(b"#" * (16 * 1024 * 1024 + 1)).problems[0].sentence
    assert "holds over" in load(b"[" + b"1," * 600_000 + b"]").problems[0].sentence


def test_plain_words_are_what_people_mean() -> None:
    data = load(b"a: no\nb: on\nc: 2026-01-31\nd: 007\ne: 1_0\nf: true\ng: 12\nh: ~\ni: 1.50\nj: '5'\n").data
    assert data == {
        "a": "no",
        "b": "on",
        "c": "2026-01-31",
        "d": "007",
        "e": "1_0",
        "f": True,
        "g": 12,
        "h": None,
        "i": "1.50",
        "j": "5",
    }


def test_data_of_an_api_is_bounded_too() -> None:
    deep: object = []
    for _ in range(100):
        deep = [deep]
    for raw in (deep, {"users": [{"name": "a\ud800"}]}, {1: []}, {"users": [float("nan")]}, {"users": b""}, 5):
        _, problems = parse(raw)
        assert problems


def test_the_sample_comes_back_the_same() -> None:
    first = yaml_file.read(SAMPLE.encode())
    assert first.problems == ()
    text = yaml_file.write(first.document, "test")
    assert yaml_file.read(text.encode()).document == first.document
    assert "signature: |\n      Regards,\n        the team\n" in text


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
data = st.recursive(
    st.one_of(st.booleans(), st.none(), st.integers(-(10**17), 10**17), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(
    texts, st.text(st.sampled_from("a b\n-:#|>'\"{}[]&*!%@`?,~0é\u2028\u200f"), max_size=40), st.lists(data, max_size=3)
)
def test_whatever_is_written_is_read_again(subject: str, text: str, steps: list[object]) -> None:
    document = Document(
        templates=[Template(name="t", subject=subject[:900], text=text)], workflows=[Workflow(name="w", steps=steps)]
    )
    reading = yaml_file.read(yaml_file.write(document, "x\ny").encode())
    assert reading.problems == ()
    assert reading.document == document


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text("drivesnampkof:-[]{}&*!\n #'\"|>%,?\t", max_size=300).map(str.encode))
)
def test_no_octets_raise(octets: bytes) -> None:
    yaml_file.read(octets)
