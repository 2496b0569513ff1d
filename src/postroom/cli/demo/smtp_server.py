"""The demo's SMTP server (aiosmtpd): takes mail for any address and puts it into that address's mailbox.

A recipient whose local part is `nouser` is taken too, and bounces: a delivery report (RFC 3464) goes to the return
address, unless that is the null one. Logins are accepted with the demo's password and not required.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .delivery_report import delivery_report
from .mailboxes import Mailboxes

LARGEST_MESSAGE = 32 * 1024 * 1024
_MOST_RECIPIENTS = 1_000


class Delivery:
    """The handler that aiosmtpd calls."""

    def __init__(self, mailboxes: Mailboxes) -> None:
        self._mailboxes = mailboxes

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(address) > 254 or not address.isprintable():
            return "553 5.1.7 that is not an address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "@" not in address or len(address) > 254 or not address.isprintable():
            return "553 5.1.3 that is not an address"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        octets = envelope.original_content or b""
        # aiosmtpd calls the null return address "<>"
        return_address = (envelope.mail_from or "").removeprefix("<>")
        received = f"Return-Path: <{return_address}>\r\n".encode() + octets
        for recipient in envelope.rcpt_tos:
            if recipient.lower().startswith("nouser@"):
                if return_address:
                    report = delivery_report(recipient, octets, return_address)
                    self._mailboxes.account(return_address).inbox.add(report)
            else:
                self._mailboxes.account(recipient).inbox.add(received)
        return "250 2.0.0 taken"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (
            self._mailboxes.log_in(data.login.decode("utf-8", "replace"), data.password.decode("utf-8", "replace"))
            is not None
        )
        return AuthResult(success=good, handled=good)


async def listen(mailboxes: Mailboxes, port: int) -> asyncio.Server:
    # aiosmtpd warns of its own old names at every login; and it logs what clients send
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    delivery = Delivery(mailboxes)

    def session() -> SMTP:
        return SMTP(
            delivery,
            hostname="mail.postroom.example",
            ident="Postroom demo",
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            authenticator=delivery.authenticate,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    return await asyncio.get_running_loop().create_server(session, "127.0.0.1", port)
