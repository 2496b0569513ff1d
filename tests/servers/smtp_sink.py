"""A submission server that keeps what it is sent, and fails where a test wants it to.

It runs in a thread of its own. `received` holds every message that it has answered, or would have answered, with 250.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .certificates import ServerCertificate
from .ports import free_port


@dataclass(frozen=True, slots=True)
class Received:
    """One message as the server took it. `octets` has CRLF line ends; `session` counts connections from 1."""

    return_address: str
    recipients: tuple[str, ...]
    octets: bytes
    session: int
    options: tuple[str, ...]
    answered: bool


@dataclass
class Faults:
    """What goes wrong. Empty: nothing. Read at each command, so a test may change them at any time.

    Replies are a code and a text, such as "451 4.7.1 try again later".
    """

    refuse_recipient: dict[str, str] = field(default_factory=dict)
    refuse_sender: dict[str, str] = field(default_factory=dict)
    refuse_message: str = ""
    drop_at_data: int = 0  # so many connections are cut when DATA comes
    drop_after_data: int = 0  # so many messages are kept, but the connection is cut before the 250
    delay: float = 0.0  # seconds before the answer to RCPT and to the final dot


class SMTPSink:
    """`with SMTPSink() as sink`: `sink.port`, `sink.received`, `sink.faults`.

    `credentials` (user to password) makes AUTH required. `tls` needs a certificate.
    """

    def __init__(
        self,
        *,
        tls: Literal["none", "starttls", "tls"] = "none",
        certificate: ServerCertificate | None = None,
        credentials: dict[str, str] | None = None,
    ) -> None:
        if tls != "none" and certificate is None:
            raise ValueError("TLS needs a certificate")
        self.port = free_port()
        self.faults = Faults()
        self.credentials = credentials
        self.received: list[Received] = []
        self.sessions = 0
        self.logins = 0
        self._tls, self._certificate = tls, certificate
        self._changed = threading.Condition()
        self._controller: Controller | None = None

    def start(self) -> None:
        context = self._certificate.server_context() if self._certificate and self._tls != "none" else None
        self._controller = _Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=context if self._tls == "tls" else None,
            tls_context=context if self._tls == "starttls" else None,
            require_starttls=self._tls == "starttls",
            authenticator=self._authenticate if self.credentials is not None else None,
            auth_require_tls=False,
            decode_data=False,
            enable_SMTPUTF8=True,
            data_size_limit=64 * 1024 * 1024,
        )
        before = self.sessions
        self._controller.start()
        self.sessions = before  # aiosmtpd connects once itself

    def stop(self) -> None:
        """Stop listening and cut every connection; what was received stays."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Received]:
        """The messages, once there are `count` of them. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.received) >= count, seconds):
                raise TimeoutError(f"{len(self.received)} messages of {count} after {seconds} s")
            return list(self.received)

    def __enter__(self) -> SMTPSink:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        good = (
            isinstance(data, LoginPassword)
            and (self.credentials or {}).get(data.login.decode("utf-8", "replace")) == data.password.decode()
        )
        self.logins += good
        return AuthResult(success=good, handled=good)

    # --- what aiosmtpd calls -----------------------------------------------------------------------------------------

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.faults.refuse_sender.get(address)
        if self.credentials is not None and not session.authenticated:
            reply = "530 5.7.0 Authentication required"
        if reply is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply or "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.faults.delay)
        reply = self.faults.refuse_recipient.get(address)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 OK"

    async def handle_DATA(self, server: _Session, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.faults.delay)
        if self.faults.refuse_message:
            return self.faults.refuse_message
        dropped = self.faults.drop_after_data > 0
        received = Received(
            return_address=(envelope.mail_from or "").removeprefix("<>"),  # so aiosmtpd calls the null one
            recipients=tuple(envelope.rcpt_tos),
            octets=envelope.original_content or b"",
            session=server.number,
            options=tuple(envelope.mail_options),
            answered=not dropped,
        )
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        if dropped:
            self.faults.drop_after_data -= 1
            _cut(server)
        return f"250 2.0.0 taken as {len(self.received)}"


class _Session(SMTP):
    number = 0

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        faults: Faults = self.event_handler.faults
        if faults.drop_at_data > 0:
            faults.drop_at_data -= 1
            _cut(self)
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        session = _Session(self.handler, **self.SMTP_kwargs)
        self.handler.sessions += 1
        session.number = self.handler.sessions
        return session


def _cut(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
