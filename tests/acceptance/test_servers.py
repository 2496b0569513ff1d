"""The test servers are what the other stories take them for: every port, every kind of TLS, delivery, refusals."""

from __future__ import annotations

import base64
import imaplib
import poplib
import smtplib
import time
from collections.abc import Callable

import psycopg
import pytest

from servers.certificates import ServerCertificate, issue
from servers.dovecot import PASSWORD, Dovecot
from servers.oauth import TokenServer
from servers.postfix import Postfix
from servers.postgres import Postgres
from servers.smtp_sink import SMTPSink

MESSAGE = b"From: Ann <ann@customer.example>\r\nTo: support@test.local\r\nSubject: A question\r\n\r\nHello\r\n"


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def imap_octets(session: imaplib.IMAP4) -> list[bytes]:
    session.select("INBOX")
    _, data = session.uid("FETCH", "1:*", "(BODY.PEEK[])")
    return [item[1] for item in data if isinstance(item, tuple)]


# --- Dovecot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encryption", ["none", "starttls", "tls"])
def test_imap_gives_the_octets_that_were_delivered(
    dovecot: Dovecot, mailbox: str, certificate: ServerCertificate, encryption: str
) -> None:
    dovecot.deliver(mailbox, MESSAGE)
    context = certificate.client_context()
    session = (
        imaplib.IMAP4_SSL("localhost", dovecot.port["imaps"], ssl_context=context)
        if encryption == "tls"
        else imaplib.IMAP4("localhost", dovecot.port["imap"])
    )
    if encryption == "starttls":
        session.starttls(context)
    session.login(mailbox, PASSWORD)
    assert imap_octets(session) == [MESSAGE]
    session.logout()
    assert [(login.protocol, login.method) for login in dovecot.logins(mailbox)] == [("imap", "PLAIN")]


@pytest.mark.parametrize("encryption", ["none", "starttls", "tls"])
def test_pop3_gives_the_octets_that_were_delivered(
    dovecot: Dovecot, mailbox: str, certificate: ServerCertificate, encryption: str
) -> None:
    dovecot.deliver(mailbox, MESSAGE)
    context = certificate.client_context()
    session = (
        poplib.POP3_SSL("localhost", dovecot.port["pop3s"], context=context)
        if encryption == "tls"
        else poplib.POP3("localhost", dovecot.port["pop3"])
    )
    if encryption == "starttls":
        session.stls(context)
    session.user(mailbox)
    session.pass_(PASSWORD)
    assert b"\r\n".join(session.retr(1)[1]) + b"\r\n" == MESSAGE
    session.dele(1)
    session.quit()
    assert dovecot.messages(mailbox) == []
    assert [login.protocol for login in dovecot.logins(mailbox)] == ["pop3"]


def test_lmtp_delivers_and_adds_the_return_path(dovecot: Dovecot, mailbox: str) -> None:
    dovecot.deliver_by_lmtp(mailbox, MESSAGE, "ann@customer.example")
    [message] = dovecot.messages(mailbox)
    assert message.octets.startswith(b"Return-Path: <ann@customer.example>")
    assert b"Subject: A question" in message.octets


def test_a_wrong_password_is_refused_and_counted(dovecot: Dovecot, mailbox: str) -> None:
    session = imaplib.IMAP4("localhost", dovecot.port["imap"])
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        session.login(mailbox, "wrong")
    session.logout()
    until(lambda: len(dovecot.failed_logins(mailbox)) == 1)
    assert dovecot.logins(mailbox) == []


def test_tokens_open_a_mailbox_until_they_expire(dovecot: Dovecot, mailbox: str, token_server: TokenServer) -> None:
    token = token_server.access_token(mailbox)

    def log_in() -> None:
        session = imaplib.IMAP4("localhost", dovecot.port["imap"])
        answers = iter([f"user={mailbox}\x01auth=Bearer {token}\x01\x01".encode(), b""])
        session.authenticate("XOAUTH2", lambda _: next(answers))
        session.logout()

    log_in()
    token_server.expire_access_tokens()
    with pytest.raises(imaplib.IMAP4.error):
        log_in()


def test_uidvalidity_can_change(dovecot: Dovecot, mailbox: str) -> None:
    def look() -> tuple[int, list[bytes]]:
        session = imaplib.IMAP4("localhost", dovecot.port["imap"])
        session.login(mailbox, PASSWORD)
        session.select("INBOX")
        uidvalidity = int(session.response("UIDVALIDITY")[1][0])
        octets = imap_octets(session)
        session.logout()
        return uidvalidity, octets

    dovecot.deliver(mailbox, MESSAGE)
    before, _ = look()
    new = dovecot.maildir(mailbox).change_uidvalidity()
    assert new != before
    assert look() == (new, [MESSAGE])


def test_a_mailbox_can_be_made_read_only(dovecot: Dovecot, mailbox: str) -> None:
    dovecot.deliver(mailbox, MESSAGE)
    session = imaplib.IMAP4("localhost", dovecot.port["imap"])
    session.login(mailbox, PASSWORD)
    session.select("INBOX")
    session.close()
    dovecot.maildir(mailbox).make_read_only()
    try:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS.SILENT", r"(\Deleted)")
        session.expunge()
        assert [message.octets for message in dovecot.messages(mailbox)] == [MESSAGE]
    except imaplib.IMAP4.readonly:
        pass
    finally:
        dovecot.maildir(mailbox).restore()


def test_a_mailbox_can_be_made_to_fail(dovecot: Dovecot, mailbox: str) -> None:
    dovecot.deliver(mailbox, MESSAGE)
    dovecot.maildir(mailbox).make_unreadable()
    session = imaplib.IMAP4("localhost", dovecot.port["imap"])
    session.login(mailbox, PASSWORD)
    assert session.select("INBOX")[0] == "NO"
    dovecot.maildir(mailbox).restore()
    assert imap_octets(session) == [MESSAGE]
    session.logout()


@pytest.mark.parametrize("crash", [False, True])
def test_dovecot_comes_back_on_the_same_ports(dovecot: Dovecot, mailbox: str, crash: bool) -> None:
    dovecot.deliver(mailbox, MESSAGE)
    session = imaplib.IMAP4("localhost", dovecot.port["imap"])
    session.login(mailbox, PASSWORD)
    if crash:
        dovecot.kill()
    else:
        dovecot.stop()
    with pytest.raises((OSError, imaplib.IMAP4.abort)):
        session.noop()
    with pytest.raises(ConnectionRefusedError):
        imaplib.IMAP4("localhost", dovecot.port["imap"])
    dovecot.start()
    again = imaplib.IMAP4("localhost", dovecot.port["imap"])
    again.login(mailbox, PASSWORD)
    assert imap_octets(again) == [MESSAGE]
    again.logout()


def test_maildir_lists_in_the_order_of_arrival(dovecot: Dovecot, mailbox: str) -> None:
    texts = [MESSAGE + str(number).encode() for number in range(20)]
    for octets in texts:
        dovecot.deliver(mailbox, octets)
    assert [message.octets for message in dovecot.messages(mailbox)] == texts


# --- Postfix ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["smtp", "submission", "submissions"])
def test_postfix_delivers_to_the_mailbox(
    postfix: Postfix, dovecot: Dovecot, mailbox: str, certificate: ServerCertificate, service: str
) -> None:
    context = certificate.client_context()
    session = (
        smtplib.SMTP_SSL("localhost", postfix.port[service], context=context)
        if service == "submissions"
        else smtplib.SMTP("localhost", postfix.port[service])
    )
    with session:
        if service != "submissions":
            session.starttls(context=context)
        if service != "smtp":
            session.login(mailbox, PASSWORD)
        session.sendmail("support@test.local", [f"{mailbox}@customer.example"], MESSAGE)
    until(lambda: len(dovecot.messages(mailbox)) == 1)
    assert MESSAGE.replace(b"\r\n", b"\n").partition(b"\n\n")[2] in dovecot.messages(mailbox)[0].octets
    until(lambda: postfix.queued() == 0)


def test_submission_wants_a_login(postfix: Postfix, certificate: ServerCertificate) -> None:
    with smtplib.SMTP("localhost", postfix.port["submission"]) as session:
        session.starttls(context=certificate.client_context())
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            session.sendmail("a@test.local", ["b@test.local"], MESSAGE)
        assert refused.value.recipients["b@test.local"][0] == 554


def test_submission_takes_a_token(
    postfix: Postfix, mailbox: str, certificate: ServerCertificate, token_server: TokenServer
) -> None:
    token = token_server.access_token(mailbox)
    answer = base64.b64encode(f"user={mailbox}\x01auth=Bearer {token}\x01\x01".encode()).decode()
    with smtplib.SMTP("localhost", postfix.port["submission"]) as session:
        session.starttls(context=certificate.client_context())
        session.ehlo()
        assert session.docmd("AUTH", f"XOAUTH2 {answer}")[0] == 235


@pytest.mark.parametrize(
    ("local_part", "reply", "status"),
    [("nouser", 550, b"5.1.1"), ("greylist", 451, b"4.7.1"), ("full", 452, b"4.2.2")],
)
def test_special_recipients_are_refused(
    postfix: Postfix, dovecot: Dovecot, mailbox: str, local_part: str, reply: int, status: bytes
) -> None:
    with smtplib.SMTP("localhost", postfix.port["smtp"]) as session:
        good = f"{mailbox}@customer.example"
        bad = f"{local_part}@customer.example"
        refused = session.sendmail("support@test.local", [good, bad], MESSAGE)
    assert refused[bad][0] == reply
    assert refused[bad][1].startswith(status)
    until(lambda: len(dovecot.messages(mailbox)) == 1)


def test_postfix_comes_back_after_a_crash(postfix: Postfix, dovecot: Dovecot, mailbox: str) -> None:
    postfix.kill()
    with pytest.raises(OSError):
        smtplib.SMTP("localhost", postfix.port["smtp"])
    postfix.start()
    with smtplib.SMTP("localhost", postfix.port["smtp"]) as session:
        session.sendmail("support@test.local", [f"{mailbox}@customer.example"], MESSAGE)
    until(lambda: len(dovecot.messages(mailbox)) == 1)


# --- the recording SMTP server ---------------------------------------------------------------------------------------


def send(sink: SMTPSink, *recipients: str) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as session:
        return session.sendmail("support@test.local", list(recipients) or ["ann@customer.example"], MESSAGE)


def test_sink_records_envelope_and_octets(smtp_sink: SMTPSink) -> None:
    smtp_sink.faults.refuse_recipient["bad@customer.example"] = "550 5.1.1 no such user"
    refused = send(smtp_sink, "ann@customer.example", "bad@customer.example")
    assert refused == {"bad@customer.example": (550, b"5.1.1 no such user")}
    [received] = smtp_sink.wait_for(1)
    assert received.return_address == "support@test.local"
    assert received.recipients == ("ann@customer.example",)
    assert received.octets == MESSAGE
    assert received.session == 1


def test_sink_takes_the_null_return_address(smtp_sink: SMTPSink) -> None:
    with smtplib.SMTP("127.0.0.1", smtp_sink.port, timeout=10) as session:
        session.sendmail("", ["ann@customer.example"], MESSAGE)
    assert smtp_sink.wait_for(1)[0].return_address == ""


def test_sink_cuts_the_connection_before_the_answer(smtp_sink: SMTPSink) -> None:
    smtp_sink.faults.drop_after_data = 1
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        send(smtp_sink)
    send(smtp_sink)
    assert [received.answered for received in smtp_sink.received] == [False, True]


def test_sink_cuts_the_connection_before_it_takes_anything(smtp_sink: SMTPSink) -> None:
    smtp_sink.faults.drop_at_data = 1
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        send(smtp_sink)
    assert smtp_sink.received == []


def test_sink_refuses_a_message_after_the_final_dot(smtp_sink: SMTPSink) -> None:
    smtp_sink.faults.refuse_message = "554 5.7.1 not wanted"
    with pytest.raises(smtplib.SMTPDataError, match="not wanted"):
        send(smtp_sink)
    assert smtp_sink.received == []


@pytest.mark.parametrize("encryption", ["none", "starttls", "tls"])
def test_sink_with_tls_and_logins(certificate: ServerCertificate, encryption: str) -> None:
    context = certificate.client_context()
    with SMTPSink(tls=encryption, certificate=certificate, credentials={"support": "secret"}) as sink:  # type: ignore[arg-type]  # the three words
        session = (
            smtplib.SMTP_SSL("localhost", sink.port, context=context)
            if encryption == "tls"
            else smtplib.SMTP("localhost", sink.port)
        )
        with session:
            if encryption == "starttls":
                session.starttls(context=context)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                session.login("support", "wrong")
            session.login("support", "secret")
            session.sendmail("support@test.local", ["ann@customer.example"], MESSAGE)
        assert sink.wait_for(1)[0].octets == MESSAGE
        assert (sink.sessions, sink.logins) == (1, 1)


def test_clients_refuse_an_expired_certificate(tmp_path_factory: pytest.TempPathFactory) -> None:
    bad = issue(tmp_path_factory.mktemp("expired"), expired=True)
    with SMTPSink(tls="tls", certificate=bad) as sink, pytest.raises(OSError, match="expired"):
        smtplib.SMTP_SSL("localhost", sink.port, context=bad.client_context())


# --- databases -------------------------------------------------------------------------------------------------------


def test_each_test_has_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_databases_are_copies_of_a_template(postgres: Postgres, mailbox: str) -> None:
    def prepare(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE marked (id integer); INSERT INTO marked VALUES (7)")

    template = postgres.make_template(f"template_{mailbox}", prepare)
    first, second = postgres.fresh_database(template), postgres.fresh_database(template)
    with psycopg.connect(first) as connection:
        connection.execute("DELETE FROM marked")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT id FROM marked").fetchall() == [(7,)]


def test_postgresql_keeps_what_was_committed_before_a_crash(postgres: Postgres, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id integer)")
    postgres.kill()
    postgres.start()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_there_is_a_database_of_each_kind(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql://"))
