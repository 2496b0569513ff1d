"""A synchronous SMTP client over one connection: replies, TLS, login, a transaction's commands (RFC 5321, 3207, 4954).

Not on smtplib, for four reasons: it can't send commands together (RFC 2920), bounds only each read and not a reply,
tries every login mechanism in turn with the same wrong password, and can't say whether the end of the content had
been handed over when a connection broke.

Guarantees: every wait ends; a reply has a bounded size; what a server said before STARTTLS is forgotten, and more said
than asked for there ends the connection; no password is sent in the clear or logged. Raises `OSError` or `EOFError`
when the connection fails: `failed` makes them errors for people.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from postroom.conf.errors import AuthenticationFailed, Permanent, PostroomError, Transient
from postroom.conf.parameters import Values
from postroom.drivers.parameters import port
from postroom.drivers.protocols.dialogue import Dialogue
from postroom.drivers.protocols.tls import check_peer, check_plaintext, client_context, connection_error
from postroom.mail.status import status_of

_LONGEST_LINE = 8_192
_MOST_LINES = 100
_CHUNK = 64 * 1024
_QUIT_SECONDS = 3.0
_REPLY = re.compile(rb"([2-5]\d\d)(?:([ -])|\s*$)")
_HOST_NAME = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer: `text` is its words on one line, fit to show."""

    code: int
    text: str
    lines: tuple[bytes, ...] = ()

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def status(self) -> str:
        """The RFC 3463 code."""
        return status_of(self.code, self.text)


class SmtpClient:
    """Not connected until `connect`; then `secure`, `log_in`. Used by one thread at a time."""

    def __init__(self, values: Values, debug: Callable[[str], None] | None = None) -> None:
        self.values = values
        self.host = values.text("SMTPServer").strip().strip("[]")
        self.port = port(values, "SMTP")
        self.encryption = values.text("SMTPEncryption")
        self.timeout = float(values.number("SMTPTimeout"))
        self.features: dict[str, str] = {}
        self.greeting = ""
        self.dialogue = Dialogue(debug)
        self._sock: socket.socket | None = None
        self._buffer = bytearray()

    # --- connection ---------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, with TLS at once if that is the encryption, and read the greeting.

        Each address of the host has SMTPTimeout; looking up its name takes as long as the system's resolver allows.
        """
        sock = socket.create_connection((self.host, self.port), self.timeout)
        self._sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.encryption == "tls":
            self._wrap(sock)
        reply = self.read()
        if not reply.ok:
            raise self.error(reply, "does not serve us")
        self.greeting = reply.text

    def secure(self) -> None:
        """Say who we are and learn what is offered; upgrade with STARTTLS if that is the encryption.

        Raises `Permanent` if the server does not offer the upgrade: the session never goes on unencrypted.
        """
        self._hello()
        if self.encryption != "starttls":
            return
        if "STARTTLS" not in self.features:
            raise Permanent(
                f"{self.host}:{self.port} does not offer STARTTLS.",
                code="5.7.10",
                advice="Set SMTPEncryption to tls and SMTPPort to 465, if the server has that.",
            )
        reply = self.command("STARTTLS")
        if not reply.ok:
            raise self.error(reply, "refused STARTTLS")
        if self._buffer:
            raise Permanent(f"{self.host}:{self.port} sent more before encryption than was asked for.", code="5.7.5")
        self._wrap(self._connected())
        self._hello()

    def log_in(self) -> bool:
        """Log in if there is an account; False if there is none.

        Raises `AuthenticationFailed`, or `Transient` if the server can't check the password at the moment.
        """
        account = self.values.text("SMTPAccountName")
        if not account:
            return False
        secret = self.values.secret("SMTPPassword")
        password = secret.reveal() if secret else ""
        check_plaintext(self.values, self.encryption, self.host)
        if "\0" in account + password:
            raise Permanent("SMTPAccountName or SMTPPassword holds a NUL, which SMTP can't carry.", code="5.3.5")
        self.dialogue.hide(password, f"\0{account}\0{password}")
        offered = self.features.get("AUTH", "").upper().split()
        order = ("CRAM-MD5", "PLAIN", "LOGIN") if self.encryption == "none" else ("PLAIN", "LOGIN", "CRAM-MD5")
        mechanism = next((name for name in order if name in offered), None)
        if mechanism is None:
            raise Permanent(
                f"{self.host}:{self.port} offers no login by password (AUTH {' '.join(offered)[:100] or 'missing'}).",
                code="5.7.4",
                advice="Perhaps it does so only over TLS, or on another port.",
            )
        reply = self._authenticate(mechanism, account.encode(), password.encode())
        if reply.code != 235:
            if 400 <= reply.code < 500:
                raise self.error(reply, "can't check the login at the moment")
            raise AuthenticationFailed(
                f"{self.host}:{self.port} refused the account {account}: {reply.code} {reply.text}",
                code=reply.status if reply.code >= 500 else None,
                advice="Check SMTPAccountName and SMTPPassword.",
            )
        return True

    def _authenticate(self, mechanism: str, account: bytes, password: bytes) -> Reply:
        if mechanism == "PLAIN":
            return self._secretly(b"AUTH PLAIN " + base64.b64encode(b"\0" + account + b"\0" + password))
        reply = self._secretly(b"AUTH " + mechanism.encode())
        if mechanism == "LOGIN":
            for answer in (account, password):
                if reply.code != 334:
                    return reply
                reply = self._secretly(base64.b64encode(answer))
            return reply
        if reply.code != 334:
            return reply
        with contextlib.suppress(ValueError):
            challenge = base64.b64decode(reply.lines[-1], validate=True)
            digest = hmac.new(password, challenge, "md5").hexdigest()
            return self._secretly(base64.b64encode(account + b" " + digest.encode()))
        return self._secretly(b"*")

    def _secretly(self, line: bytes) -> Reply:
        self.dialogue.sent(b"(login)")
        self.hand_over(line + b"\r\n")
        return self.read()

    def _hello(self) -> None:
        name = self._own_name()
        reply = self.command(f"EHLO {name}")
        self.features = {}
        if reply.ok:
            for line in reply.lines[1:]:
                keyword, _, rest = line.decode("ascii", "replace").replace("=", " ", 1).partition(" ")
                keyword = keyword.upper()
                self.features[keyword] = f"{self.features.get(keyword, '')} {rest}".strip()
        elif reply.code != 421:
            reply = self.command(f"HELO {name}")
        if not reply.ok:
            raise self.error(reply, "refused our greeting")

    def _own_name(self) -> str:
        """Our host's full name, else the address that the connection comes from (RFC 5321 section 4.1.3)."""
        name = socket.gethostname()
        if _HOST_NAME.fullmatch(name):
            return name
        address = str(self._connected().getsockname()[0]).partition("%")[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _wrap(self, sock: socket.socket) -> None:
        sock.settimeout(self.timeout)
        wrapped = client_context(self.values).wrap_socket(sock, server_hostname=self.host)
        self._sock = wrapped
        check_peer(wrapped, self.values)

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate as DER, None without TLS."""
        return self._sock.getpeercert(binary_form=True) if isinstance(self._sock, ssl.SSLSocket) else None

    @property
    def silent(self) -> bool:
        """Whether the connection is open and the server has said nothing unasked, such as 421 or a farewell."""
        if self._sock is None or self._buffer:
            return False
        try:
            self._sock.setblocking(False)
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def close(self, *, politely: bool) -> None:
        """End the connection, with QUIT if `politely`; never raises, bounded to a few seconds."""
        if self._sock is None:
            return
        if politely:
            self.timeout = min(self.timeout, _QUIT_SECONDS)
            with contextlib.suppress(OSError, EOFError, PostroomError):
                self.command("QUIT")
        with contextlib.suppress(OSError):
            self._sock.close()
        self._sock = None
        self._buffer.clear()

    # --- octets -------------------------------------------------------------------------------------------------------

    def command(self, line: str) -> Reply:
        """Send one command and read its reply."""
        self.send((line,))
        return self.read()

    def send(self, lines: Sequence[str]) -> None:
        """Send commands together. The caller reads as many replies."""
        octets = b"".join(line.encode("utf-8") + b"\r\n" for line in lines)
        if self.dialogue.logging:
            for line in lines:
                self.dialogue.sent(line.encode("utf-8"))
        self.hand_over(octets)

    def hand_over(self, octets: bytes) -> None:
        """Give the octets to the network. If it returns, all of them are on their way; if it raises, some are not."""
        sock, sent = self._connected(), 0
        sock.settimeout(self.timeout)
        view = memoryview(octets)
        while sent < len(octets):
            sent += sock.send(view[sent : sent + _CHUNK])

    def read(self, seconds: float | None = None) -> Reply:
        """The next reply; within SMTPTimeout unless `seconds` says otherwise.

        Raises `Transient` for what is no SMTP, `TimeoutError`, `EOFError`, `OSError`.
        """
        deadline = time.monotonic() + (self.timeout if seconds is None else seconds)
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = self._line(deadline)
            found = _REPLY.match(line)
            if not found:
                break
            lines.append(line[found.end() :].strip())
            if found[2] != b"-":
                text = self.dialogue.words(b" ".join(lines))
                if self.dialogue.logging:
                    self.dialogue.received(found[1] + b" " + b" | ".join(lines))
                return Reply(int(found[1]), text, tuple(lines))
        raise Transient(f"{self.host}:{self.port} answered with something that is not SMTP.", code="4.5.0")

    def _line(self, deadline: float) -> bytes:
        sock, buffer = self._connected(), self._buffer
        while (end := buffer.find(b"\n")) < 0:
            if len(buffer) > _LONGEST_LINE:
                return bytes(buffer)  # no reply: the caller refuses it
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
            received = sock.recv(_LONGEST_LINE)
            if not received:
                raise EOFError
            buffer += received
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        return line

    def _connected(self) -> socket.socket:
        if self._sock is None:
            raise EOFError
        return self._sock

    # --- words for people ---------------------------------------------------------------------------------------------

    def failed(self, error: BaseException) -> PostroomError:
        """An exception of the connection as an error for people."""
        return connection_error(error, self.host, self.port, self.encryption)

    def error(self, reply: Reply, what: str) -> PostroomError:
        """A reply as an error for people: "mail.example.com:587 `what`: 454 …"."""
        kind = Permanent if reply.code >= 500 else Transient
        return kind(f"{self.host}:{self.port} {what}: {reply.code} {reply.text}", code=_failure(reply))


def _failure(reply: Reply) -> str | None:
    """The status of a reply that is a failure; None for one that makes no sense there."""
    return reply.status if reply.code >= 400 else None
