"""Submitting against scripted and real servers: what was taken, refused or is unknown, is said exactly."""

from __future__ import annotations

import base64
import contextlib
import hmac
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, Session
from aiosmtpd.smtp import Envelope as Received
from hypothesis import given
from hypothesis import strategies as st

from postroom.conf.errors import AuthenticationFailed, Permanent, Transient, UnknownOutcome
from postroom.conf.parameters import Values, resolve
from postroom.drivers import parameters
from postroom.drivers.contract import Envelope, Surroundings
from postroom.drivers.protocols.smtp_client import SmtpClient
from postroom.drivers.smtp_submitter import MessagePutOff, MessageRefused, SmtpSubmitter, test_submitter, wire_content
from servers.certificates import ServerCertificate, issue

MESSAGE = b"From: a@example.com\r\nSubject: Hello\r\n\r\nHello\r\n.\r\n..dot\r\n"
TO_ANN = Envelope("support@example.com", ("ann@customer.test",))
EHLO = "250-mx.test\r\n250-SIZE 10000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING"

# With TLS at once, aiosmtpd does not see that there is TLS
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

connection_test = test_submitter  # pytest must not take it for a test of its own
del test_submitter


def values(port: int, **more: object) -> Values:
    given_values = {"SMTPServer": "127.0.0.1", "SMTPPort": port, "SMTPEncryption": "none", "SMTPTimeout": 5, **more}
    return resolve((*parameters.SMTP, *parameters.ENCRYPTION), given_values)


def surroundings(log: list[str] | None = None) -> Surroundings:
    return Surroundings("support@example.com", Path("/nonexistent"), log.append if log is not None else None)


class Script:
    """A server for one connection: `answers` maps the start of a command to what is said; None ends the connection."""

    def __init__(self, answers: dict[str, str | None] | None = None, greeting: str | None = "220 mx.test") -> None:
        self.answers = {
            "EHLO": EHLO,
            "MAIL": "250 2.1.0 Ok",
            "RCPT": "250 2.1.5 Ok",
            "DATA": "354 Go",
            ".": "250 2.0.0 Ok: queued as 4F1A",
            "RSET": "250 Ok",
            "QUIT": "221 Bye",
            **(answers or {}),
        }
        self.greeting = greeting
        self.seen: list[str] = []
        self.contents: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the client may go at any time
            self._converse()

    def _converse(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as lines:
            if not self._say(connection, self.greeting):
                return
            while line := lines.readline():
                command = line.decode("utf-8", "replace").strip()
                self.seen.append(command)
                said = max((key for key in self.answers if command.startswith(key)), key=len, default="")
                if not self._say(connection, self.answers.get(said, "500 What?")):
                    return
                if command == "DATA" and str(self.answers[said]).startswith("354"):
                    content = b""
                    while not (content.endswith(b"\r\n.\r\n") or content == b".\r\n"):
                        if not (line := lines.readline()):
                            return
                        content += line
                    self.contents.append(content)
                    if not self._say(connection, self.answers["."]):
                        return

    @staticmethod
    def _say(connection: socket.socket, text: str | None) -> bool:
        if text is None:
            return False
        if text == "silence":
            time.sleep(30)
        connection.sendall(text.encode() + b"\r\n")
        return True

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    made: list[Script] = []

    def make(*args: Any, **kwargs: Any) -> Script:
        made.append(Script(*args, **kwargs))
        return made[-1]

    yield make
    for server in made:
        server.close()


Make = Callable[..., Script]


def opened(server: Script, **more: object) -> SmtpSubmitter:
    return SmtpSubmitter(values(server.port, **more), surroundings())


@pytest.mark.parametrize("ehlo", [EHLO, "250 mx.test"])
def test_messages_over_one_session(script: Make, ehlo: str) -> None:
    server = script({"EHLO": ehlo})
    submitter = opened(server)
    for _ in range(3):
        assert submitter.usable
        taken = submitter.submit(TO_ANN, MESSAGE)
        assert (taken.reply, taken.text, taken.refused) == (250, "2.0.0 Ok: queued as 4F1A", ())
        assert taken.server == f"127.0.0.1:{server.port}"
    submitter.close()
    assert not submitter.usable
    assert server.contents == [b"From: a@example.com\r\nSubject: Hello\r\n\r\nHello\r\n..\r\n...dot\r\n.\r\n"] * 3
    extension = f" SIZE={len(MESSAGE)}" if "SIZE" in ehlo else ""
    assert server.seen[1:4] == [f"MAIL FROM:<support@example.com>{extension}", "RCPT TO:<ann@customer.test>", "DATA"]
    assert server.seen[-1] == "QUIT"


def test_an_old_server_without_ehlo(script: Make) -> None:
    server = script({"EHLO": "502 no", "HELO": "250 mx.test"})
    assert opened(server).submit(TO_ANN, MESSAGE).reply == 250


@pytest.mark.parametrize("ehlo", [EHLO, "250 mx.test"])
def test_refused_recipients(script: Make, ehlo: str) -> None:
    server = script({"EHLO": ehlo, "RCPT TO:<bob": "550 5.1.1 No such user", "RCPT TO:<eve": "451 Later"})
    everybody = Envelope("", ("bob@customer.test", "ann@customer.test", "eve@customer.test", "no address"))
    taken = opened(server).submit(everybody, MESSAGE)
    assert [(r.recipient, r.reply, r.code, r.permanent) for r in taken.refused] == [
        ("no address", 553, "5.1.3", True),
        ("bob@customer.test", 550, "5.1.1", True),
        ("eve@customer.test", 451, "4.3.0", False),
    ]
    assert server.seen[1].startswith("MAIL FROM:<>")


@pytest.mark.parametrize("ehlo", [EHLO, "250 mx.test"])
@pytest.mark.parametrize("data", ["354 Go", "554 5.5.1 No valid recipients"])
def test_every_recipient_refused(script: Make, ehlo: str, data: str) -> None:
    answers = {"EHLO": ehlo, "RCPT": "550 5.1.1 No such user", "DATA": data, ".": "554 5.5.1 No valid recipients"}
    server = script(answers)
    submitter = opened(server)
    with pytest.raises(MessageRefused) as refused:
        submitter.submit(TO_ANN, MESSAGE)
    assert (refused.value.code, refused.value.reply) == ("5.1.1", 550)
    assert "No such user" in refused.value.sentence
    assert [refusal.recipient for refusal in refused.value.refused] == ["ann@customer.test"]
    assert all(content == b".\r\n" for content in server.contents)
    server.answers.update({"RCPT": "250 Ok", "DATA": "354 Go", ".": "250 Ok"})
    assert submitter.usable
    assert submitter.submit(TO_ANN, MESSAGE).reply == 250


def test_one_recipient_put_off_puts_the_message_off(script: Make) -> None:
    server = script({"RCPT TO:<bob": "550 No", "RCPT TO:<eve": "450 4.2.0 Greylisted", "DATA": "503 No"})
    with pytest.raises(MessagePutOff) as put_off:
        opened(server).submit(Envelope("a@b.test", ("bob@c.test", "eve@c.test")), MESSAGE)
    assert (put_off.value.code, put_off.value.reply, len(put_off.value.refused)) == ("4.2.0", 450, 2)


@pytest.mark.parametrize("ehlo", [EHLO, "250 mx.test"])
@pytest.mark.parametrize("where", ["MAIL", "DATA", "."])
@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        ("550 5.7.1 Not you", MessageRefused, "5.7.1"),
        ("451 Disk full", MessagePutOff, "4.3.0"),
        ("452-4.3.1 a\r\n452 b", MessagePutOff, "4.3.1"),
    ],
)
def test_the_message_refused(
    script: Make, ehlo: str, where: str, reply: str, error: type[Exception], code: str
) -> None:
    server = script({"EHLO": ehlo, where: reply})
    submitter = opened(server)
    with pytest.raises(error) as refused:
        submitter.submit(TO_ANN, MESSAGE)
    assert refused.value.code == code  # type: ignore[attr-defined]  # both have it
    assert submitter.usable
    server.answers[where] = "354 Go" if where == "DATA" else "250 Ok"
    server.answers["."] = "250 Ok"
    assert submitter.submit(TO_ANN, MESSAGE).reply == 250


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA", "."])
def test_a_server_that_says_goodbye(script: Make, where: str) -> None:
    submitter = opened(script({where: "421 4.3.2 Shutting down"}))
    with pytest.raises(MessagePutOff) as put_off:
        submitter.submit(TO_ANN, MESSAGE)
    assert (put_off.value.code, put_off.value.reply) == ("4.3.2", 421)
    assert not submitter.usable
    with pytest.raises(Transient, match="ended"):
        submitter.submit(TO_ANN, MESSAGE)


def test_a_login_demanded(script: Make) -> None:
    with pytest.raises(AuthenticationFailed) as refused:
        opened(script({"MAIL": "530 5.7.0 Authentication required"})).submit(TO_ANN, MESSAGE)
    assert "SMTPAccountName" in str(refused.value)


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("ehlo", [EHLO, "250 mx.test"])
def test_a_connection_lost_before_the_final_dot(script: Make, ehlo: str, where: str) -> None:
    submitter = opened(script({"EHLO": ehlo, where: None}))
    with pytest.raises(Transient) as lost:
        submitter.submit(TO_ANN, MESSAGE)
    assert not isinstance(lost.value, UnknownOutcome)
    assert not submitter.usable


def test_a_connection_lost_within_a_large_content() -> None:
    """The server stops reading in the middle: the final dot was never handed over, so nothing is unknown."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"220 mx\r\n")
            for said in (b"250 mx\r\n", b"250 Ok\r\n", b"250 Ok\r\n", b"354 Go\r\n"):
                connection.recv(1000)
                connection.sendall(said)
            connection.recv(1000)

    threading.Thread(target=serve, daemon=True).start()
    submitter = SmtpSubmitter(values(listener.getsockname()[1]), surroundings())
    with pytest.raises(Transient) as lost:
        submitter.submit(TO_ANN, b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n" * 20_000_000)
    assert not isinstance(lost.value, UnknownOutcome)
    listener.close()


@pytest.mark.parametrize("answer", [None, "silence", "hello", "354 What?"])
def test_no_answer_after_the_final_dot(script: Make, answer: str | None) -> None:
    submitter = opened(script({".": answer}), SMTPTimeout=1)
    with pytest.raises(UnknownOutcome) as unknown:
        submitter.submit(TO_ANN, MESSAGE)
    assert "has the whole message" in unknown.value.sentence
    assert not submitter.usable


def test_a_nonsense_answer_to_data_sends_nothing(script: Make) -> None:
    server = script({"DATA": "250 Ok"})
    with pytest.raises(MessagePutOff):
        opened(server).submit(TO_ANN, MESSAGE)
    assert server.contents == []


def test_a_session_ended_while_idle_is_noticed(script: Make) -> None:
    server = script()
    submitter = opened(server)
    assert submitter.usable
    server.answers["NOOP"] = None
    submitter._client.send(("NOOP",))
    time.sleep(0.1)
    assert not submitter.usable
    submitter.close()


def test_what_the_server_can_not_take_is_not_sent(script: Make) -> None:
    server = script({"EHLO": "250-mx.test\r\n250 SIZE 100"})
    submitter = opened(server)
    with pytest.raises(Permanent) as large:
        submitter.submit(TO_ANN, b"x" * 101)
    assert large.value.code == "5.3.4"
    with pytest.raises(Permanent) as eight_bit:
        submitter.submit(TO_ANN, b"\xff")
    assert eight_bit.value.code == "5.6.3"
    with pytest.raises(Permanent) as foreign:
        submitter.submit(Envelope("a@b.test", ("jörg@c.test",)), b"x")
    assert foreign.value.code == "5.6.7"
    with pytest.raises(Permanent):
        submitter.submit(Envelope("a@b.test", ()), b"x")
    assert len(server.seen) == 1
    assert submitter.usable
    assert submitter.submit(TO_ANN, b"x").reply == 250


def test_extensions_only_where_needed(script: Make) -> None:
    server = script()
    submitter = opened(server)
    submitter.submit(Envelope("a@b.test", ("ann@bücher.example",)), b"x\xff")
    submitter.submit(Envelope("a@b.test", ("jörg@bücher.example",)), b"x")
    assert "MAIL FROM:<a@b.test> SIZE=2 BODY=8BITMIME" in server.seen
    assert "RCPT TO:<ann@xn--bcher-kva.example>" in server.seen
    assert "MAIL FROM:<a@b.test> SIZE=1 SMTPUTF8" in server.seen
    assert "RCPT TO:<jörg@xn--bcher-kva.example>" in server.seen


@pytest.mark.parametrize(
    "evil", ["a@b.test>\r\nRSET", "a\r\nDATA\r\n@b.test", "ä\r\n@b.test", "ä>@b.test", "ä b@b.test", "a@b\0"]
)
def test_no_address_becomes_a_command(script: Make, evil: str) -> None:
    server = script()
    submitter = opened(server)
    with pytest.raises(Permanent):
        submitter.submit(Envelope(evil, ("ann@customer.test",)), MESSAGE)
    taken = submitter.submit(Envelope("", (evil, "ann@customer.test")), MESSAGE)
    assert [refusal.recipient for refusal in taken.refused] == [evil]
    assert [command.partition(" ")[0] for command in server.seen] == ["EHLO", "MAIL", "RCPT", "DATA"]


def test_many_recipients_go_in_windows(script: Make) -> None:
    server = script({"RCPT TO:<r77@": "550 5.1.1 No"})
    everybody = Envelope("a@b.test", tuple(f"r{number}@c.test" for number in range(300)))
    taken = opened(server).submit(everybody, MESSAGE)
    assert [refusal.recipient for refusal in taken.refused] == ["r77@c.test"]
    assert sum(command.startswith("RCPT") for command in server.seen) == 300


@pytest.mark.parametrize(
    ("greeting", "error", "code"),
    [
        ("554 5.7.1 Go away", Permanent, "5.7.1"),
        ("421 4.3.2 Busy", Transient, "4.3.2"),
        ("HTTP/1.1 400 Bad Request", Transient, "4.5.0"),
        (None, Transient, "4.4.2"),
        ("220-" + "x" * 100_000, Transient, "4.5.0"),
        ("220-x\r\n" * 200 + "220 x", Transient, "4.5.0"),
    ],
)
def test_greetings(script: Make, greeting: str | None, error: type[Permanent], code: str) -> None:
    with pytest.raises(error) as refused:
        opened(script(greeting=greeting))
    assert refused.value.code == code
    assert len(str(refused.value)) < 1000


def test_a_silent_or_dripping_server_is_given_up() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                while True:
                    connection.sendall(b"2")
                    time.sleep(0.1)
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    begun = time.monotonic()
    with pytest.raises(Transient, match="in time"):
        SmtpSubmitter(values(port, SMTPTimeout=1), surroundings())
    assert time.monotonic() - begun < 10
    listener.close()
    with pytest.raises(Transient, match="refused the connection"):
        SmtpSubmitter(values(port), surroundings())


def test_the_servers_words_are_bounded_and_clean(script: Make) -> None:
    with pytest.raises(Permanent) as refused:
        opened(script({"MAIL": "550 5.7.1 \x1b[31m" + "bad\x07 " * 500})).submit(TO_ANN, MESSAGE)
    assert len(str(refused.value)) < 600
    assert str(refused.value).isprintable()


@given(st.binary(max_size=200))
def test_wire_content(octets: bytes) -> None:
    wire = wire_content(octets)
    assert wire.endswith(b".\r\n")
    assert wire.count(b"\r\n") == wire.count(b"\n") == wire.count(b"\r")
    lines = wire.split(b"\r\n")
    assert lines.index(b".") == len(lines) - 2
    unstuffed = b"\r\n".join(line.removeprefix(b".") for line in lines[:-2])
    ends = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    assert unstuffed == ends


# --- login ----------------------------------------------------------------------------------------------------------

ACCOUNT = {"SMTPAccountName": "support", "SMTPPassword": "geheim-ß"}
PLAIN = base64.b64encode(b"\0support\0" + "geheim-ß".encode()).decode()


def auth_script(script: Make, offered: str, answer: str = "235 2.7.0 Ok", challenge: str = "") -> Script:
    return script(
        {
            "EHLO": f"250-mx.test\r\n250 AUTH {offered}",
            "AUTH PLAIN": answer,
            "AUTH LOGIN": "334 VXNlcm5hbWU6",
            "c3VwcG9ydA==": "334 UGFzc3dvcmQ6",
            base64.b64encode("geheim-ß".encode()).decode(): answer,
            "AUTH CRAM-MD5": f"334 {base64.b64encode(challenge.encode()).decode()}",
            base64.b64encode(b"support " + cram(challenge).encode()).decode(): answer,
        }
    )


def cram(challenge: str) -> str:
    return hmac.new("geheim-ß".encode(), challenge.encode(), "md5").hexdigest()


@pytest.mark.parametrize("offered", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2 LOGIN", "LOGIN PLAIN\r\n250-AUTH=LOGIN"])
def test_logins(script: Make, offered: str) -> None:
    offered = offered.replace("\r\n250-", " ") if "\r\n" in offered else offered
    server = auth_script(script, offered, challenge="<1@mx.test>")
    assert opened(server, **ACCOUNT).usable
    assert len([line for line in server.seen if line.startswith("AUTH")]) == 1


@pytest.mark.parametrize("offered", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_refused_login_is_tried_once(script: Make, offered: str) -> None:
    server = auth_script(script, f"{offered} X", "535 5.7.8 Wrong", challenge="<1@mx.test>")
    with pytest.raises(AuthenticationFailed) as refused:
        opened(server, **ACCOUNT)
    assert refused.value.code == "5.7.8"
    assert "geheim" not in str(refused.value)
    assert len([line for line in server.seen if line.startswith("AUTH")]) == 1


def test_a_login_that_can_not_be_checked_now(script: Make) -> None:
    with pytest.raises(Transient) as refused:
        opened(auth_script(script, "PLAIN", "454 4.7.0 Temporary authentication failure"), **ACCOUNT)
    assert refused.value.code == "4.7.0"


def test_no_way_to_log_in(script: Make) -> None:
    with pytest.raises(Permanent) as refused:
        opened(auth_script(script, "GSSAPI"), **ACCOUNT)
    assert "GSSAPI" in refused.value.sentence


def test_no_password_in_the_clear(script: Make) -> None:
    server = script()
    plain = values(server.port, **ACCOUNT, SMTPServer="127.0.0.1")
    assert plain.text("SMTPServer") == "127.0.0.1"
    client = SmtpClient(plain)
    client.host = "mail.example.com"
    with pytest.raises(Permanent, match="unencrypted"):
        client.log_in()


def test_the_log_holds_no_secret(script: Make) -> None:
    for offered in ("PLAIN", "LOGIN", "CRAM-MD5"):
        log: list[str] = []
        server = auth_script(script, offered, f"535 5.7.8 Wrong: {PLAIN} geheim-ß", challenge="<1@mx.test>")
        with pytest.raises(AuthenticationFailed) as refused:
            SmtpSubmitter(values(server.port, **ACCOUNT), surroundings(log))
        for told in ("\n".join(log), str(refused.value)):
            assert PLAIN not in told
            assert "geheim" not in told
            assert "Z2VoZWlt" not in told
        assert "C: (login)" in log
        assert any(line.startswith("S: 535") for line in log)


def test_the_conversation_is_logged(script: Make) -> None:
    log: list[str] = []
    submitter = SmtpSubmitter(values(script().port), surroundings(log))
    submitter.submit(TO_ANN, MESSAGE)
    submitter.close()
    assert "C: RCPT TO:<ann@customer.test>" in log
    assert f"C: ({len(wire_content(MESSAGE))} octets of content)" in log
    assert "S: 250 2.0.0 Ok: queued as 4F1A" in log
    assert log[-1] == "S: 221 Bye"


# --- TLS, against a real server -------------------------------------------------------------------------------------


class Inbox:
    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Received) -> str:  # noqa: N802 - aiosmtpd's
        assert isinstance(envelope.content, bytes)
        self.received.append(envelope.content)
        return "250 2.0.0 Taken"


def authenticate(server: SMTP, session: Session, envelope: Received, mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=data.password == "geheim-ß".encode(), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["starttls", "tls"])
def secured(request: pytest.FixtureRequest, certificate: ServerCertificate) -> Iterator[tuple[Inbox, Values]]:
    context = certificate.server_context()
    inbox = Inbox()
    encryption = (
        {"ssl_context": context} if request.param == "tls" else {"tls_context": context, "require_starttls": True}
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(
        inbox, hostname="127.0.0.1", port=port, authenticator=authenticate, auth_required=True,
        auth_require_tls=request.param != "tls", **encryption,
    )  # fmt: skip
    controller.start()
    yield inbox, values(port, SMTPEncryption=request.param, CertificateAuthority=str(certificate.authority), **ACCOUNT)
    controller.stop()


def changed(before: Values, **more: object) -> Values:
    return resolve((*parameters.SMTP, *parameters.ENCRYPTION), {**before, **more})


def test_over_tls(secured: tuple[Inbox, Values]) -> None:
    inbox, usual = secured
    submitter = SmtpSubmitter(usual, surroundings())
    for _ in range(3):
        assert submitter.usable
        assert submitter.submit(TO_ANN, MESSAGE).text == "2.0.0 Taken"
    large = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 400_000
    submitter.submit(TO_ANN, large)
    submitter.close()
    assert inbox.received == [MESSAGE, MESSAGE, MESSAGE, large]


def test_the_certificate_must_be_trusted(secured: tuple[Inbox, Values], certificate: ServerCertificate) -> None:
    inbox, usual = secured
    with pytest.raises(Permanent, match="not trusted"):
        SmtpSubmitter(changed(usual, CertificateAuthority=""), surroundings())
    with pytest.raises(Permanent, match="fingerprint"):
        SmtpSubmitter(changed(usual, CertificateFingerprint="00" * 32), surroundings())
    pinned = changed(usual, CertificateAuthority="", CertificateFingerprint=certificate.fingerprint)
    assert SmtpSubmitter(pinned, surroundings()).submit(TO_ANN, MESSAGE).reply == 250
    with pytest.raises(AuthenticationFailed):
        SmtpSubmitter(changed(usual, SMTPPassword="wrong"), surroundings())
    assert len(inbox.received) == 1


def test_starttls_is_never_left_out(script: Make) -> None:
    server = script()
    with pytest.raises(Permanent, match="STARTTLS"):
        opened(server, SMTPEncryption="starttls", **ACCOUNT)
    assert not any(line.startswith("AUTH") for line in server.seen)


def test_words_slipped_in_before_encryption(script: Make) -> None:
    server = script({"EHLO": "250-mx\r\n250 STARTTLS", "STARTTLS": "220 Go\r\n250 AUTH PLAIN"})
    with pytest.raises(Permanent, match="more before encryption"):
        opened(server, SMTPEncryption="starttls")


# --- connection test ------------------------------------------------------------------------------------------------


def test_the_connection_test_tells_what_is_there(secured: tuple[Inbox, Values]) -> None:
    inbox, usual = secured
    steps = list(connection_test(usual, surroundings()))
    assert [(step.name, step.ok) for step in steps] == [
        (name, True) for name in ("Resolve", "Connect", "Encrypt", "Capabilities", "Log in")
    ]
    assert "CN=localhost, issued by" in steps[2].detail
    assert "PLAIN" in steps[3].detail
    assert inbox.received == []


def test_the_connection_test_ends_where_it_fails(secured: tuple[Inbox, Values], script: Make) -> None:
    _, usual = secured
    (*_, last) = connection_test(changed(usual, SMTPPassword="wrong"), surroundings())
    assert (last.name, last.ok, last.advice) == ("Log in", False, "Check SMTPAccountName and SMTPPassword.")
    (*_, last) = connection_test(changed(usual, CertificateAuthority=""), surroundings())
    assert not last.ok
    assert "not trusted" in last.detail
    (*_, last) = connection_test(values(script(greeting="silence").port, SMTPTimeout=1), surroundings())
    assert (last.name, last.ok) == ("Connect", False)
    assert "another encryption" in last.advice
    for unknown in ("no-such-host.invalid", "x" * 300, "ä" * 70, "", "a b"):
        steps = list(connection_test(values(25, SMTPServer=unknown, SMTPTimeout=1), surroundings()))
        assert not steps[-1].ok, unknown
