"""Loops are proved by a signature, threads by ids and signed tags."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.loops import HEADER, loop, sign
from postroom.mail.message import Address, Message
from postroom.mail.references import (
    find_thread_tags,
    new_message_id,
    references_for_answer,
    thread_ids,
    thread_tag,
    verify_thread_tag,
)

KEY = b"0" * 32
OURS = frozenset({"example.com"})


def ours(message_id: str = "abc@example.com", **changes: object) -> Message:
    base = Message(
        headers=[(HEADER, sign("abc@example.com", KEY))],
        authors=(Address("Support", "support@example.com"),),
        message_id=message_id,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the fields a test names


def test_our_own_message_is_a_loop() -> None:
    assert "Message-ID" in loop(ours(), KEY, OURS)
    assert "Message-ID" in loop(ours(), KEY, ())


def test_a_relay_may_change_the_message_id() -> None:
    assert loop(ours("rewritten@relay.test"), KEY, OURS)
    assert not loop(ours("rewritten@relay.test"), KEY, ())


def test_what_only_quotes_ours_is_no_loop() -> None:
    customer = (Address("Ann", "ann@customer.test"),)
    assert not loop(ours("reply@customer.test", authors=customer), KEY, OURS)
    bounce = Message(message_id="b@mx.test", in_reply_to=("abc@example.com",), text=sign("abc@example.com", KEY))
    assert not loop(bounce, KEY, OURS)


def test_a_guess_proves_nothing() -> None:
    assert not loop(ours(headers=[]), KEY, OURS)
    assert not loop(ours(), b"another key", OURS)
    assert not loop(ours(headers=[(HEADER, "<abc@example.com> aaaaaaaaaaaaaaaaaaaaaaaa")]), KEY, OURS)
    assert not loop(ours(headers=[(HEADER, "")]), KEY, OURS)
    assert not loop(ours(headers=[(HEADER, "é")]), KEY, OURS)


def test_too_many_hops() -> None:
    hops = [("Received", "from a by b")]
    assert "100" in loop(Message(headers=hops * 101), KEY, OURS)
    assert not loop(Message(headers=hops * 100), KEY, OURS)


@given(st.text(), st.text())
def test_any_field_is_read(value: str, message_id: str) -> None:
    assert not loop(Message(headers=[(HEADER, value)], message_id=message_id), KEY, OURS)


def test_message_ids_are_new_and_fit_the_domain() -> None:
    made = {new_message_id("example.com") for _ in range(100)}
    assert len(made) == 100
    assert all(item.endswith("@example.com") and len(item) == 44 for item in made)
    assert new_message_id("bücher.example").endswith("@xn--bcher-kva.example")
    for hostile in ("a b", "x>\r\nBcc: y", "", "é" * 300, "."):
        assert new_message_id(hostile).endswith("@postroom.invalid")


def test_thread_ids_most_telling_first() -> None:
    message = Message(in_reply_to=("c",), references=("a", "b", "c"))
    assert thread_ids(message) == ("c", "b", "a")
    many = Message(references=(*map(str, range(200)), "x" * 600, ""))
    assert thread_ids(many) == tuple(str(number) for number in range(199, 149, -1))


def test_thread_tags() -> None:
    tag = thread_tag(4711, KEY)
    assert verify_thread_tag(tag, KEY) == 4711
    assert find_thread_tags(f"Hello\n> {tag.lower()}\nbye {tag}") == (tag,)
    assert len(find_thread_tags("".join(thread_tag(number, KEY) for number in range(1, 100)))) == 20


@pytest.mark.parametrize(
    "forged", ["", "[THREAD ID:4711]", "[THREAD ID:4711-AAAAAAAAAAAAAAAA]", thread_tag(4711, b"other"), "x" * 1000]
)
def test_forged_tags(forged: str) -> None:
    assert verify_thread_tag(forged, KEY) is None


def test_a_tag_names_one_conversation() -> None:
    assert verify_thread_tag(thread_tag(4711, KEY).replace("4711", "4712"), KEY) is None


@given(st.integers(min_value=1, max_value=10**18 - 1), st.text())
def test_a_tag_is_found_wherever_it_stands(conversation: int, text: str) -> None:
    tag = thread_tag(conversation, KEY)
    assert tag in find_thread_tags(f"{text} {tag} {text}")
    assert verify_thread_tag(tag, KEY) == conversation


def test_references_of_an_answer() -> None:
    assert references_for_answer(Message(message_id="m")) == ("m", ("m",))
    assert references_for_answer(Message(message_id="m", references=("a", "b"))) == ("m", ("a", "b", "m"))
    assert references_for_answer(Message(message_id="m", in_reply_to=("a",))) == ("m", ("a", "m"))
    assert references_for_answer(Message(message_id="m", in_reply_to=("a", "b"))) == ("m", ("m",))
    assert references_for_answer(Message(references=("a",))) == ("", ("a",))
    assert references_for_answer(Message(message_id="b", references=("a", "b", "a"))) == ("b", ("a", "b"))
    long = Message(message_id="m", references=tuple(str(number) for number in range(100)))
    in_reply_to, references = references_for_answer(long)
    assert (in_reply_to, len(references), references[0], references[-2:]) == ("m", 20, "0", ("99", "m"))
