"""Submit messages to an SMTP server over one kept-open session (RFC 5321, 6409, 2920, 1870, 6152, 6531).

Guarantees: what the server took is reported as taken, what it refused as refused, in its own words; `UnknownOutcome`
only if the whole content, with its final dot, was handed to the network and no answer came. Commands go together
where the server offers PIPELINING. Content is sent as it is, but for its line ends (always CRLF, so that nothing can
be smuggled past a server) and dot-stuffing. Every wait is bounded by SMTPTimeout; the answer to the final dot, which
takes longest and decides most, by five times that.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

from postroom.conf.errors import AuthenticationFailed, Permanent, PostroomError, Transient, UnknownOutcome
from postroom.conf.parameters import Values
from postroom.drivers.contract import Envelope, Refusal, Submitted, Surroundings, TestStep
from postroom.drivers.protocols.smtp_client import Reply, SmtpClient
from postroom.drivers.protocols.tls import certificate_facts, days_left, is_loopback
from postroom.mail.domains import ascii_domain
from postroom.mail.header_encoding import wire_address

_FINAL_ANSWER = 5  # times SMTPTimeout
_LAST_WORDS_SECONDS = 2.0
_WINDOW = 50  # commands on their way without an answer: few enough for any socket buffer
_EXPIRES_SOON = 14  # days
_BARE_ENDS = re.compile(rb"\r\n|\r|\n")
_UNSAFE = re.compile("[\x00-\x20<>\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class MessageRefused(Permanent):
    """The server refused the message for good. `reply` is its SMTP code; `refused` says more of recipients."""

    reply = 0
    refused: tuple[Refusal, ...] = ()


class MessagePutOff(Transient):
    """The server refused the message for now; attributes as of `MessageRefused`."""

    reply = 0
    refused: tuple[Refusal, ...] = ()


class SmtpSubmitter:
    """The contract is `postroom.drivers.contract.Submitter`. Made open: connected, secured, logged in.

    Raises `Transient`, `Permanent` or `AuthenticationFailed`.
    """

    def __init__(self, values: Values, surroundings: Surroundings) -> None:
        self._client = client = SmtpClient(values, surroundings.debug)
        self._server = f"{client.host}:{client.port}"
        self._usable = False
        try:
            client.connect()
            client.secure()
            client.log_in()
        except (OSError, EOFError, UnicodeError) as error:
            raise client.failed(error) from error
        else:
            self._usable = True
        finally:
            if not self._usable:
                client.close(politely=False)

    @property
    def usable(self) -> bool:
        """Whether another message can be sent: a server that has closed the session, or says so, is noticed here."""
        self._usable = self._usable and self._client.silent
        return self._usable

    def close(self) -> None:
        self._client.close(politely=self._usable)
        self._usable = False

    def submit(self, envelope: Envelope, octets: bytes) -> Submitted:
        if not self._usable:
            raise Transient("The session with the submission server has ended.", code="4.4.2")
        paths, refused = self._paths(envelope)
        content = wire_content(octets)
        mail = self._mail_command(
            envelope.return_address, octets, utf8=any(not path.isascii() for path in paths.values())
        )
        self._usable = False  # until it is known that the session is in order
        try:
            taken = self._transact(mail, paths, content, refused)
        except (MessageRefused, MessagePutOff) as error:
            self._usable = error.reply != 421 and self._reset()
            raise
        except (OSError, EOFError) as error:
            raise self._client.failed(error) from error
        self._usable = True
        return taken

    # --- before anything is sent --------------------------------------------------------------------------------------

    def _paths(self, envelope: Envelope) -> tuple[dict[str, str], list[Refusal]]:
        """Recipients by how they are written, and those that can't be."""
        paths: dict[str, str] = {}
        refused: list[Refusal] = []
        for recipient in envelope.recipients:
            try:
                paths[recipient] = self._path(recipient)
            except Permanent as error:
                refused.append(Refusal(recipient, 553, error.code, str(error)))
        if not paths:
            words = "; ".join(refusal.text for refusal in refused)[:500] or "it has none"
            code = refused[0].code if refused else "5.1.3"
            raise _refusal(553, code, f"The message has no recipient that can be written to: {words}", refused)
        return paths, refused

    def _path(self, address: str) -> str:
        try:
            return wire_address(address)
        except Permanent as error:
            if error.code != "5.6.7" or "SMTPUTF8" not in self._client.features:
                raise
        local, _, domain = address.rpartition("@")
        if _UNSAFE.search(local):
            raise Permanent(f"{address[:100]!r} is no mail address.", code="5.1.3")
        return f"{local}@{ascii_domain(domain)}"

    def _mail_command(self, return_address: str, octets: bytes, *, utf8: bool) -> str:
        path = self._path(return_address) if return_address else ""
        features = self._client.features
        parameters = ""
        if "SIZE" in features:
            limit = features["SIZE"][:18]
            if limit.isascii() and limit.isdigit() and 0 < int(limit) < len(octets):
                sentence = f"The message has {len(octets)} octets; {self._server} takes at most {limit}."
                raise _refusal(552, "5.3.4", sentence)
            parameters += f" SIZE={len(octets)}"
        if not octets.isascii():
            if "8BITMIME" not in features:
                sentence = f"The message is not ASCII, and {self._server} does not offer 8BITMIME."
                raise _refusal(554, "5.6.3", sentence)
            parameters += " BODY=8BITMIME"
        if utf8 or not path.isascii():
            parameters += " SMTPUTF8"
        return f"MAIL FROM:<{path}>{parameters}"

    # --- the transaction ----------------------------------------------------------------------------------------------

    def _transact(self, mail: str, paths: dict[str, str], content: bytes, refused: list[Refusal]) -> Submitted:
        begun, answers, data = self._exchange(mail, [f"RCPT TO:<{path}>" for path in paths.values()])
        not_written = len(refused)
        for recipient, answer in zip(paths, answers, strict=False):
            if not answer.ok:
                refused.append(Refusal(recipient, answer.code, _status(answer), answer.text))
        nobody = len(refused) - not_written == len(paths)
        if data is not None and data.code == 354 and (not begun.ok or nobody):
            # RFC 2920 section 3.1: DATA was accepted all the same; an empty content ends it
            self._client.hand_over(b".\r\n")
            self._client.read()
        if not begun.ok:
            raise self._refused(begun, begun.text, refused)
        if nobody:
            later = min(answers, key=lambda answer: (answer.code != 421, answer.code >= 500))
            raise self._refused(later, "; ".join(f"{r.recipient}: {r.text}" for r in refused)[:500], refused)
        if data is None or data.code != 354:
            failing = data or answers[-1]
            raise self._refused(failing, failing.text, refused)
        answer = self._send_content(content)
        if not answer.ok:
            raise self._refused(answer, answer.text, refused)
        return Submitted(self._server, answer.code, answer.text, tuple(refused))

    def _exchange(self, mail: str, recipients: list[str]) -> tuple[Reply, list[Reply], Reply | None]:
        """The replies to MAIL, to each RCPT, and to DATA (None if it was not sent)."""
        client = self._client
        if "PIPELINING" in client.features:
            commands = [mail, *recipients, "DATA"]
            replies: list[Reply] = []
            for start in range(0, len(commands), _WINDOW):
                window = commands[start : start + _WINDOW]
                client.send(window)
                for _ in window:
                    replies.append(client.read())
                    if replies[-1].code == 421:  # it closes the session, and answers nothing more
                        return replies[0], replies[1:], None
                if not replies[0].ok and start + _WINDOW < len(commands):
                    return replies[0], replies[1:], None
            return replies[0], replies[1:-1], replies[-1]
        begun = client.command(mail)
        answers: list[Reply] = []
        if begun.ok:
            for recipient in recipients:
                answers.append(client.command(recipient))
                if answers[-1].code == 421:
                    return begun, answers, None
        return begun, answers, client.command("DATA") if any(answer.ok for answer in answers) else None

    def _send_content(self, content: bytes) -> Reply:
        client = self._client
        if client.dialogue.logging:
            client.dialogue.sent(b"(%d octets of content)" % len(content))
        try:
            client.hand_over(content)
        except OSError:
            # Something of it, the final dot at least, never left: the server can't have taken it. It may have said why.
            with contextlib.suppress(OSError, EOFError, Transient):
                reply = client.read(_LAST_WORDS_SECONDS)
                if reply.code >= 400:
                    return reply
            raise
        try:
            answer = client.read(_FINAL_ANSWER * client.timeout)
        except (OSError, EOFError, Transient) as error:
            raise self._unknown(client.failed(error).sentence) from error
        if 300 <= answer.code < 400:
            raise self._unknown(f"{answer.code} {answer.text}")
        return answer

    def _unknown(self, words: str) -> UnknownOutcome:
        return UnknownOutcome(f"{self._server} has the whole message, but did not say whether it took it: {words}")

    def _reset(self) -> bool:
        """Whether the session is in order again after a refusal."""
        try:
            return self._client.command("RSET").ok
        except (OSError, EOFError, PostroomError):
            return False

    def _refused(self, reply: Reply, words: str, refused: list[Refusal]) -> PostroomError:
        if reply.code == 530:
            return AuthenticationFailed(
                f"{self._server} demands a login: {reply.code} {reply.text}",
                code=reply.status,
                advice="Set SMTPAccountName and SMTPPassword.",
            )
        return _refusal(
            reply.code, _status(reply), f"{self._server} refused the message: {reply.code} {words}", refused
        )


def wire_content(octets: bytes) -> bytes:
    """The content as it follows DATA: CRLF line ends, dots stuffed, ended by the final dot."""
    if not octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r"):
        octets = _BARE_ENDS.sub(b"\r\n", octets)
    if b"\r\n." in octets:
        octets = octets.replace(b"\r\n.", b"\r\n..")
    if octets.startswith(b"."):
        octets = b"." + octets
    return octets + (b".\r\n" if not octets or octets.endswith(b"\r\n") else b"\r\n.\r\n")


def _status(reply: Reply) -> str:
    return reply.status if reply.code >= 400 else "4.5.0"


def _refusal(reply: int, code: str, sentence: str, refused: list[Refusal] | None = None) -> PostroomError:
    error = (MessageRefused if reply >= 500 else MessagePutOff)(sentence, code=code)
    error.reply, error.refused = reply, tuple(refused or ())
    return error


def test_submitter(values: Values, surroundings: Surroundings) -> Iterator[TestStep]:
    """Try the session step by step, without sending a message; ends with the first that fails, and never raises."""
    client = SmtpClient(values, surroundings.debug)
    doing = "Resolve"
    try:
        found = socket.getaddrinfo(client.host, client.port, type=socket.SOCK_STREAM)
        yield TestStep(doing, True, f"{client.host} is {', '.join(dict.fromkeys(str(item[4][0]) for item in found))}.")
        doing = "Connect"
        client.connect()
        yield TestStep(doing, True, f"{client.host}:{client.port}: {client.greeting}")
        doing = "Encrypt"
        client.secure()
        yield _encrypted(client)
        doing = "Capabilities"
        yield TestStep(doing, True, _offered(client))
        doing = "Log in"
        if client.log_in():
            yield TestStep(doing, True, "The account and its password are accepted.")
        else:
            advice = "" if is_loopback(client.host) else "Most submission servers demand an account."
            yield TestStep(
                doing, True, "No account is set: mail is sent without a login.", advice, warning=bool(advice)
            )
    except PostroomError as error:
        yield TestStep(doing, False, error.sentence, error.advice)
    except (OSError, EOFError, UnicodeError) as error:
        failure = client.failed(error)
        advice = failure.advice
        if doing == "Connect" and isinstance(error, TimeoutError):
            advice = "Check SMTPServer and SMTPPort; perhaps the port belongs to another encryption setting."
        yield TestStep(doing, False, failure.sentence, advice)
    except Exception as error:  # noqa: BLE001 - a test says what happened, whatever happened
        yield TestStep(doing, False, f"It failed unexpectedly: {type(error).__name__}.")
    finally:
        client.close(politely=doing == "Log in")


def _encrypted(client: SmtpClient) -> TestStep:
    certificate = client.certificate
    if certificate is None:
        local = is_loopback(client.host)
        advice = "" if local else "Set SMTPEncryption to tls or starttls."
        return TestStep("Encrypt", True, "The connection is not encrypted.", advice, warning=not local)
    left = days_left(certificate)
    soon = left is not None and left < _EXPIRES_SOON
    advice = f"The certificate ends in {left} days." if soon else ""
    return TestStep("Encrypt", True, certificate_facts(certificate), advice, warning=soon)


def _offered(client: SmtpClient) -> str:
    features = client.features
    size = features.get("SIZE", "")
    facts = [f"messages up to {size} octets" if size.isdigit() and size.strip("0") else "no limit of size is stated"]
    facts.append(f"login by {', '.join(features['AUTH'].split()[:10])}" if features.get("AUTH") else "no login")
    facts += [name for name in ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING") if name in features]
    return client.dialogue.words("; ".join(facts).encode())
