"""Enhanced status codes from servers' answers, and their words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.status import find_status, meaning, status_of


@pytest.mark.parametrize(
    ("reply", "text", "code"),
    [
        (550, "5.1.1 <nobody@example.com>: Recipient address rejected", "5.1.1"),
        (550, "No such user", "5.0.0"),
        (450, "Greylisted", "4.2.0"),
        (452, "4.2.2 Mailbox full", "4.2.2"),
        (451, "5.7.1 a code of the wrong class is not believed", "4.3.0"),
        (550, "Client 5.1.1.1 is listed, see 5.7.1", "5.7.1"),
        (550, "version 15.5.20.1", "5.0.0"),
        (535, "authentication failed", "5.7.8"),
        (250, "2.0.0 Ok: queued", "2.0.0"),
        (554, "5.007.001 padded", "5.7.1"),
        (0, "", "4.0.0"),
        (354, "5.1.1", "4.0.0"),
    ],
)
def test_status_of(reply: int, text: str, code: str) -> None:
    assert status_of(reply, text) == code


def test_find_status_skips_success() -> None:
    assert find_status("2.1.5 ok, then 550 5.2.2 full") == "5.2.2"
    assert find_status("nothing here, not even 10.5.1.1") == ""


def test_meaning() -> None:
    assert meaning("5.1.1") == "The recipient's mailbox does not exist."
    assert meaning("4.7.99") == "The message was refused for reasons of security or policy."
    assert meaning("5.9.9") == "It failed for good."
    assert meaning("4.9.9") == "It failed for now, and may work later."
    assert meaning("2.1.5") == "It succeeded."
    assert meaning("nonsense") == "The mail system gave no reason."


@given(st.integers(), st.text())
def test_any_answer_gives_a_code_with_a_meaning(reply: int, text: str) -> None:
    code = status_of(reply, text)
    assert [part.isdigit() for part in code.split(".")] == [True, True, True]
    assert meaning(code).endswith(".")
    assert find_status(text) == "" or meaning(find_status(text)).endswith(".")
