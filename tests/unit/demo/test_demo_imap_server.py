"""The demo's IMAP server, asked by two clients that are not ours: imaplib and IMAPClient."""

from __future__ import annotations

import contextlib
import imaplib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from postroom.cli.demo.imap_syntax import SyntaxProblem, arguments, in_set
from postroom.cli.demo.servers import MailSystem

ADDRESS = "sales@postroom.example"
FIRST = b"From: Ann <ann@customer.example>\r\nSubject: One\r\n two\r\nX-Empty:\r\n\r\nHello\r\n.dot\r\n"
SECOND = b"Subject: Second\r\n\r\n" + b"x" * 5_000


@pytest.fixture
def mail() -> Iterator[MailSystem]:
    with MailSystem() as system:
        system.add_address(ADDRESS)
        yield system


@pytest.fixture
def client(mail: MailSystem) -> Iterator[IMAPClient]:
    session = IMAPClient("127.0.0.1", mail.imap_port, ssl=False, timeout=10)
    session.login(ADDRESS, mail.password)
    yield session
    session.shutdown()


def test_octets_come_as_they_were_delivered(mail: MailSystem, client: IMAPClient) -> None:
    mail.deliver(ADDRESS, FIRST)
    mail.deliver(ADDRESS, SECOND)
    selected = client.select_folder("INBOX")
    assert (selected[b"EXISTS"], selected[b"UIDNEXT"], selected[b"READ-WRITE"]) == (2, 3, True)
    fetched = client.fetch([1, 2], ["BODY.PEEK[]", "RFC822.SIZE", "FLAGS", "INTERNALDATE"])
    assert [fetched[uid][b"BODY[]"] for uid in (1, 2)] == [FIRST, SECOND]
    assert fetched[1][b"RFC822.SIZE"] == len(FIRST)
    assert fetched[1][b"FLAGS"] == ()


def test_parts_of_a_message(mail: MailSystem, client: IMAPClient) -> None:
    mail.deliver(ADDRESS, FIRST)
    client.select_folder("INBOX", readonly=True)
    wanted = ["BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[]<5.10>", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"]
    answer = client.fetch([1], wanted)[1]
    header, _, body = FIRST.partition(b"\r\n\r\n")
    assert answer[b"BODY[HEADER]"] == header + b"\r\n\r\n"
    assert answer[b"BODY[TEXT]"] == body
    assert answer[b"BODY[]<5>"] == FIRST[5:15]
    assert answer[b"BODY[HEADER.FIELDS (SUBJECT)]"] == b"Subject: One\r\n two\r\n\r\n"


def test_only_reading_without_peek_marks_seen(mail: MailSystem, client: IMAPClient) -> None:
    mail.deliver(ADDRESS, FIRST)
    client.select_folder("INBOX")
    client.fetch([1], ["BODY.PEEK[]"])
    assert client.get_flags([1])[1] == ()
    client.fetch([1], ["BODY[]"])
    assert client.get_flags([1])[1] == (b"\\Seen",)


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ("ALL", [1, 2, 3]),
        ("UID 2:*", [2, 3]),
        ("UID 9:*", [3]),
        ("1,3", [1, 3]),
        ("UNSEEN", [1, 3]),
        ("SEEN", [2]),
        ("NOT SEEN LARGER 1000", [3]),
        ("OR SEEN SUBJECT one", [1, 2]),
        ("FROM ann", [1]),
        ("HEADER X-Empty {0}", []),
        ("KEYWORD $Done", [2]),
        ("SINCE 1-Jan-2020 BEFORE 1-Jan-2999", [1, 2, 3]),
        ("BEFORE 1-Jan-2020", []),
        ('TEXT "hello"', [1]),
        ("(OR UID 1 UID 2) NOT (SEEN)", [1]),
    ],
)
def test_search(mail: MailSystem, client: IMAPClient, criteria: str, found: list[int]) -> None:
    for octets in (FIRST, b"Subject: Read\r\n\r\n\r\n", SECOND):
        mail.deliver(ADDRESS, octets)
    client.select_folder("INBOX")
    client.add_flags([2], ["\\SEEN", "$Done"])
    if "{0}" in criteria:
        assert client.search(["HEADER", "X-Empty", ""]) == [1]
    else:
        assert client.search(criteria) == found


def test_expunging_by_uid_takes_only_what_is_named_and_marked(mail: MailSystem, client: IMAPClient) -> None:
    for number in range(4):
        mail.deliver(ADDRESS, b"Subject: %d\r\n\r\n\r\n" % number)
    client.select_folder("INBOX")
    client.delete_messages([1, 2])
    client.uid_expunge([2, 3])
    assert client.search("ALL") == [1, 3, 4]
    assert [octets[9:10] for octets in mail.mailbox(ADDRESS)] == [b"0", b"2", b"3"]
    mail.deliver(ADDRESS, b"Subject: 4\r\n\r\n\r\n")
    assert client.search("ALL") == [1, 3, 4, 5], "a UID is not given twice"


def test_nothing_changes_in_a_mailbox_opened_by_examine(mail: MailSystem, client: IMAPClient) -> None:
    mail.deliver(ADDRESS, FIRST)
    client.select_folder("INBOX", readonly=True)
    for change in (lambda: client.add_flags([1], ["\\Deleted"]), client.expunge, lambda: client.move([1], "INBOX")):
        with pytest.raises(IMAPClientError):
            change()
    client.close_folder()
    assert mail.mailbox(ADDRESS) == [FIRST]


def test_moving_and_copying(mail: MailSystem, client: IMAPClient) -> None:
    mail.deliver(ADDRESS, FIRST)
    mail.deliver(ADDRESS, SECOND)
    client.create_folder("Processed")
    client.select_folder("INBOX")
    client.copy([1], "Processed")
    client.move([2], "Processed")
    assert mail.mailbox(ADDRESS) == [FIRST]
    assert mail.mailbox(ADDRESS, "Processed") == [FIRST, SECOND]
    assert sorted(name for _, _, name in client.list_folders()) == ["INBOX", "Processed"]
    assert client.folder_status("Processed", ["MESSAGES"]) == {b"MESSAGES": 2}
    with pytest.raises(IMAPClientError, match="TRYCREATE"):
        client.move([1], "Nowhere")


def test_append(mail: MailSystem, client: IMAPClient) -> None:
    answer = client.append("INBOX", FIRST, ["\\Seen"])
    assert b"APPENDUID" in answer
    client.select_folder("INBOX")
    assert client.get_flags([1])[1] == (b"\\Seen",)
    assert mail.mailbox(ADDRESS) == [FIRST]


def test_idle_pushes_what_comes_and_what_goes(mail: MailSystem, client: IMAPClient) -> None:
    mail.deliver(ADDRESS, FIRST)
    client.select_folder("INBOX")
    client.idle()
    mail.deliver(ADDRESS, SECOND)
    assert client.idle_check(timeout=10) == [(2, b"EXISTS")]
    other = IMAPClient("127.0.0.1", mail.imap_port, ssl=False, timeout=10)
    other.login("sales", mail.password)
    other.select_folder("INBOX")
    other.delete_messages([1])
    other.expunge()
    other.logout()
    assert (1, b"EXPUNGE") in client.idle_check(timeout=10)
    client.idle_done()
    assert client.search("ALL") == [2]


def test_sequence_numbers_stay_while_a_fetch_is_answered(mail: MailSystem) -> None:
    """Another session's EXPUNGE is told at the next command that may (RFC 3501 section 7.4.1)."""
    for number in range(3):
        mail.deliver(ADDRESS, b"Subject: %d\r\n\r\n\r\n" % number)
    first, second = (imaplib.IMAP4("127.0.0.1", mail.imap_port) for _ in range(2))
    for session in (first, second):
        session.login(ADDRESS, mail.password)
        session.select("INBOX")
    second.store("1", "+FLAGS", r"\Deleted")
    second.expunge()
    assert first.fetch("2", "(UID)") == ("OK", [b"2 (UID 2)"])
    assert first.response("EXPUNGE")[1] == [None]
    first.noop()
    assert first.response("EXPUNGE")[1] == [b"1"]
    assert first.fetch("2", "(UID)") == ("OK", [b"2 (UID 3)"])
    first.shutdown()
    second.shutdown()


def test_a_wrong_password_is_refused(mail: MailSystem) -> None:
    session = IMAPClient("127.0.0.1", mail.imap_port, ssl=False, timeout=10)
    with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
        session.login(ADDRESS, "wrong")
    session.plain_login(ADDRESS, mail.password)
    session.logout()


NUMBERS = st.integers(1, 1_000)
HOSTILE = [
    b"\r\n",
    b"a\r\n",
    b"a LOGIN\r\n",
    b"a UID\r\n",
    b"a LOGIN (((\r\n",
    b'a LOGIN "x\r\n',
    b"a FETCH 1 FLAGS\r\n",
    b"\xff\xfe\x00 \x00\r\n",
    b"a SELECT " + b"(" * 5_000 + b"\r\n",
    b"a AUTHENTICATE PLAIN !!!\r\n",
    b"a AUTHENTICATE PLAIN AAAA\r\n",
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: repr(line[:30]))
def test_nonsense_is_answered_and_the_session_goes_on(mail: MailSystem, line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", mail.imap_port), 10) as connection:
        file = connection.makefile("rb")
        file.readline()
        connection.sendall(line + b"z NOOP\r\n")
        answer = file.readline()
        assert b" BAD " in answer or b" NO " in answer
        assert file.readline() == b"z OK done\r\n"


@pytest.mark.parametrize("words", ["FETCH 1 ENVELOPE", "FETCH x FLAGS", "FETCH 1 BODY[1]", "SEARCH", "SEARCH NOT",
                                   "SEARCH SINCE yesterday", "SEARCH LARGER x", "STORE 1 FLAGS", "STORE 1 X (a)",
                                   "STATUS INBOX (X)", "UID NOOP", "EXPUNGE 1 2 3 4 )", "SELECT"])  # fmt: skip
def test_wrong_arguments_are_answered_with_bad(mail: MailSystem, words: str) -> None:
    session = imaplib.IMAP4("127.0.0.1", mail.imap_port)
    session.login(ADDRESS, mail.password)
    session.select("INBOX")
    session.send(f"x {words}\r\n".encode())
    line = session.readline()
    assert line.startswith(b"x BAD ")
    session.shutdown()


def test_a_literal_beyond_the_limit_ends_the_session(mail: MailSystem) -> None:
    with socket.create_connection(("127.0.0.1", mail.imap_port), 10) as connection:
        file = connection.makefile("rb")
        file.readline()
        connection.sendall(b"a LOGIN {999999999}\r\n")
        assert file.readline().startswith(b"* BYE [TOOBIG]")
        assert file.readline() == b""


def test_an_endless_line_ends_the_session(mail: MailSystem) -> None:
    with socket.create_connection(("127.0.0.1", mail.imap_port), 10) as connection:
        file = connection.makefile("rb")
        file.readline()
        connection.sendall(b"a" * 200_000)
        with contextlib.suppress(ConnectionResetError):
            assert file.readline() == b""


@given(st.binary(max_size=200) | st.text('()"{}[] \\A1*\r\n', max_size=60).map(str.encode))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    with contextlib.suppress(SyntaxProblem):
        assert isinstance(arguments(octets), list)


@given(
    st.lists(st.integers(1, 1_000), unique=True, max_size=30).map(sorted), st.integers(1, 1_000), st.integers(1, 1_000)
)
def test_a_range_is_what_lies_between_in_either_order(numbers: list[int], one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert in_set(f"{one}:{other}", numbers) == {number for number in numbers if low <= number <= high}
    assert in_set("*", numbers) == set(numbers[-1:])
