"""The demo's POP3 server, asked by poplib and by hand."""

from __future__ import annotations

import poplib
import socket
from collections.abc import Iterator

import pytest

from postroom.cli.demo.pop3_server import stuffed
from postroom.cli.demo.servers import MailSystem

ADDRESS = "support@postroom.example"
FIRST = b"Subject: One\r\n\r\n.dot\r\n..two\r\nend\r\n"
SECOND = b"Subject: Two\r\n\r\nno line end"


@pytest.fixture
def mail() -> Iterator[MailSystem]:
    with MailSystem() as system:
        system.deliver(ADDRESS, FIRST)
        system.deliver(ADDRESS, SECOND)
        yield system


def logged_in(mail: MailSystem) -> poplib.POP3:
    session = poplib.POP3("127.0.0.1", mail.pop3_port, timeout=10)
    session.user(ADDRESS)
    session.pass_(mail.password)
    return session


def test_octets_come_as_they_were_delivered(mail: MailSystem) -> None:
    session = logged_in(mail)
    assert session.stat() == (2, len(FIRST) + len(SECOND))
    assert b"\r\n".join(session.retr(1)[1]) + b"\r\n" == FIRST
    assert b"\r\n".join(session.retr(2)[1]) == SECOND
    assert session.top(1, 1)[1] == [b"Subject: One", b"", b".dot"]
    assert {"UIDL", "TOP", "PIPELINING"} <= set(session.capa())
    session.quit()


def test_messages_are_removed_by_quit_alone(mail: MailSystem) -> None:
    broken = logged_in(mail)
    broken.dele(1)
    broken.close()
    again = logged_in(mail)
    assert again.stat()[0] == 2
    again.dele(1)
    assert again.uidl()[1] == again.uidl()[1]
    with pytest.raises(poplib.error_proto, match="no such message"):
        again.retr(1)
    again.quit()
    assert mail.mailbox(ADDRESS) == [SECOND]


def test_a_uidl_stays_and_is_not_given_twice(mail: MailSystem) -> None:
    session = logged_in(mail)
    first, second = (line.split()[1] for line in session.uidl()[1])
    assert session.uidl(2).split()[2] == second
    session.dele(1)
    session.quit()
    mail.deliver(ADDRESS, FIRST)
    session = logged_in(mail)
    assert session.uidl()[1][0].split()[1] == second
    assert first not in [line.split()[1] for line in session.uidl()[1]]
    session.quit()


def test_one_session_at_a_time(mail: MailSystem) -> None:
    first = logged_in(mail)
    with pytest.raises(poplib.error_proto, match="IN-USE"):
        logged_in(mail)
    first.quit()
    logged_in(mail).quit()


def test_a_wrong_password_is_refused(mail: MailSystem) -> None:
    session = poplib.POP3("127.0.0.1", mail.pop3_port, timeout=10)
    session.user(ADDRESS)
    with pytest.raises(poplib.error_proto, match="AUTH"):
        session.pass_("wrong")
    session.quit()


def test_commands_may_come_at_once(mail: MailSystem) -> None:
    with socket.create_connection(("127.0.0.1", mail.pop3_port), 10) as connection:
        commands = f"USER {ADDRESS}\r\nPASS {mail.password}\r\nSTAT\r\nRETR 2\r\nNONSENSE\r\nRETR x\r\nQUIT\r\n"
        connection.sendall(commands.encode())
        answers = connection.makefile("rb").read().split(b"\r\n")
    statuses = [answer[:3] for answer in answers if answer.startswith((b"+", b"-"))]
    assert statuses == [b"+OK", *[b"+OK"] * 4, b"-ER", b"-ER", b"+OK"]


@pytest.mark.parametrize(
    ("octets", "wire"),
    [(b"", b".\r\n"), (b".", b"..\r\n.\r\n"), (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"), (b"a\r\n", b"a\r\n.\r\n")],
)
def test_dots_are_stuffed(octets: bytes, wire: bytes) -> None:
    assert stuffed(octets) == wire
