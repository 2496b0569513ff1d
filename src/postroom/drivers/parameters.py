"""The declared parameters of the Internet SMTP drivers, in groups, and what several of them mean together.

Only parameters that do something are declared. The names are binding; a value is parsed by `conf.parameters`.
`check_incoming` and `check_outgoing` say what can't work before a profile is submitted, one sentence each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

from postroom.conf.errors import PostroomError
from postroom.conf.parameters import Parameter, Values
from postroom.drivers.contract import Action
from postroom.drivers.protocols.tls import check_plaintext, client_context, fingerprints

Service = Literal["IMAP", "POP3", "SMTP"]

_PORTS = {
    ("IMAP", "tls"): 993,
    ("IMAP", "starttls"): 143,
    ("IMAP", "none"): 143,
    ("POP3", "tls"): 995,
    ("POP3", "starttls"): 110,
    ("POP3", "none"): 110,
    ("SMTP", "tls"): 465,
    ("SMTP", "starttls"): 587,
    ("SMTP", "none"): 587,
}
_ENCRYPTIONS = ("none", "starttls", "tls")


def _service(service: Service, encryption: str, account_help: str) -> tuple[Parameter, ...]:
    """Server, port, account, password, timeout and encryption of one service."""
    direction: Literal["in", "out"] = "out" if service == "SMTP" else "in"
    group: Literal["incoming", "outgoing"] = "outgoing" if service == "SMTP" else "incoming"
    incoming = service != "SMTP"
    implicit, explicit = _PORTS[service, "tls"], _PORTS[service, "starttls"]
    return (
        Parameter(
            f"{service}Server",
            "text",
            f"Host name of the {service} server.",
            direction=direction,
            group=group,
            required=True,
        ),
        Parameter(
            f"{service}Port",
            "number",
            f"Port; empty: {implicit} with tls, else {explicit}.",
            direction=direction,
            group=group,
            minimum=1,
            maximum=65535,
        ),
        Parameter(f"{service}AccountName", "text", account_help, direction=direction, group=group, required=incoming),
        Parameter(
            f"{service}Password",
            "secret",
            "Password of the account.",
            direction=direction,
            group=group,
            required=incoming,
        ),
        Parameter(
            f"{service}Timeout",
            "number",
            f"How long the {service} server may be silent before the connection is given up.",
            60,
            direction,
            group,
            "seconds",
            minimum=1,
            maximum=900,
        ),
        Parameter(
            f"{service}Encryption",
            "choice",
            "tls: encrypted from the first octet; starttls: upgraded before the login; none: not encrypted.",
            encryption,
            direction,
            "encryption",
            choices=_ENCRYPTIONS,
        ),
    )


IMAP = (
    *_service("IMAP", "tls", "Account that the IMAP server knows, often the address itself."),
    Parameter(
        "IMAPMailbox", "list", "Mailboxes to watch; several may be listed, with commas.", ("INBOX",), "in", "incoming"
    ),
    Parameter(
        "IMAPIdle",
        "boolean",
        "Wait for new mail with IDLE where the server offers it and one mailbox is watched; else poll.",
        True,
        "in",
        "incoming",
    ),
)

POP3 = (
    *_service("POP3", "tls", "Account that the POP3 server knows, often the address itself."),
    Parameter(
        "POP3BatchSize",
        "number",
        "Most messages retrieved in one POP3 session; a small one limits what an aborted session brings again.",
        100,
        "in",
        "limits",
        "messages",
        minimum=1,
        maximum=10_000,
    ),
)

RETRIEVING = (
    Parameter(
        "PollingInterval",
        "number",
        "How often the mailbox is checked; also the longest time between two checks under IDLE.",
        30,
        "in",
        "incoming",
        "seconds",
        minimum=1,
        maximum=86_400,
    ),
    Parameter(
        "StartFrom",
        "text",
        "What a new profile does with mail that is already there: now (leave it), all, or an ISO date (2026-01-31).",
        "now",
        "in",
        "incoming",
    ),
    Parameter(
        "DeleteProcessedMessages",
        "boolean",
        "true: a message is removed from the server once it is safe here; false: it stays, and is still handled once.",
        True,
        "in",
        "incoming",
    ),
    Parameter(
        "MaxMessageSize",
        "number",
        "A larger message is not retrieved: it is recorded as excluded, with its header, and left on the server.",
        50 * 1024 * 1024,
        "in",
        "limits",
        "octets",
        minimum=1024,
        maximum=1024 * 1024 * 1024,
    ),
)

PROCESSED_MAILBOX = Parameter(
    "ProcessedMailbox",
    "text",
    "Where handled messages are moved when they are not deleted; empty: they are flagged where they are.",
    direction="in",
    group="incoming",
)

SMTP = (
    *_service("SMTP", "starttls", "Account of the submission server; empty: no authentication."),
    Parameter("FromAddress", "text", "Author address of replies; empty: the profile's.", None, "out", "content"),
    Parameter("FromName", "text", "Author name of replies.", None, "out", "content"),
    Parameter("ReplyToAddress", "text", "Address that answers go to; empty: the author's.", None, "out", "content"),
    Parameter(
        "MaxMessagesPerSession",
        "number",
        "Messages sent over one SMTP session before a new one is opened.",
        100,
        "out",
        "limits",
        "messages",
        minimum=1,
        maximum=100_000,
    ),
    Parameter(
        "MaxSessions",
        "number",
        "SMTP sessions that a profile uses at the same time.",
        2,
        "out",
        "limits",
        "sessions",
        minimum=1,
        maximum=100,
    ),
    Parameter(
        "MaxMessagesPerMinute",
        "number",
        "Most messages sent in a minute; 0: no limit.",
        0,
        "out",
        "limits",
        "messages",
        minimum=0,
        maximum=1_000_000,
    ),
    Parameter(
        "RetryFor",
        "number",
        "How long a message that is refused for now is tried again.",
        72,
        "out",
        "limits",
        "hours",
        minimum=0,
        maximum=24 * 30,
    ),
    Parameter(
        "ResendUnknown",
        "boolean",
        "true: a message whose sending has an unknown outcome goes again, with the same Message-ID; "
        "false: it waits for a person.",
        True,
        "out",
        "outgoing",
    ),
)

ENCRYPTION = (
    Parameter(
        "CertificateAuthority",
        "text",
        "Path of a PEM file with the authorities to trust instead of the system's.",
        group="encryption",
    ),
    Parameter(
        "CertificateFingerprint",
        "list",
        "SHA-256 fingerprints of the certificates to trust; chain and host name then need not verify. Name those of "
        "both servers if they differ.",
        (),
        group="encryption",
    ),
    Parameter(
        "TLSMinimumVersion", "choice", "Oldest TLS version allowed.", "1.2", group="encryption", choices=("1.2", "1.3")
    ),
    Parameter(
        "AllowPlaintextPassword",
        "boolean",
        "Allow a password to go unencrypted to a host that is not this machine.",
        False,
        group="encryption",
    ),
    Parameter("LogDebug", "boolean", "Write the conversation with the servers to the log, without secrets.", False),
)


def port(values: Values, service: Service) -> int:
    """The port of a service: as set, else the standard one for its encryption."""
    value = values[f"{service}Port"]
    return value if isinstance(value, int) else _PORTS[service, values.text(f"{service}Encryption")]


def start_from_ms(values: Values, now_ms: int) -> int | None:
    """The moment before which a new profile's mail is excluded, in milliseconds; None: nothing is.

    `now_ms` is when the profile started. Raises `PostroomError` if StartFrom is none of now, all, an ISO date.
    """
    text = values.text("StartFrom") or "now"
    if text == "now":
        return now_ms
    if text == "all":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PostroomError(f"StartFrom: must be now, all or an ISO date, not {text!r}.", code="5.3.5") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def processed_action(values: Values) -> tuple[Action, str]:
    """What `acknowledge` is asked for a message that is safe here: the action, and the mailbox of a move."""
    if values.flag("DeleteProcessedMessages"):
        return "delete", ""
    if "ProcessedMailbox" not in values:
        return "leave", ""
    target = values.text("ProcessedMailbox")
    return ("move", target) if target else ("flag", "")


def check_incoming(values: Values, service: Literal["IMAP", "POP3"]) -> list[str]:
    """What can't work about the incoming direction, one sentence each."""
    problems = [
        f"{service}{name}: {what} is missing."
        for name, what in (("Server", "the server"), ("AccountName", "the account"), ("Password", "the password"))
        if not _given(values, f"{service}{name}")
    ]
    problems += _attempt(lambda: start_from_ms(values, 0))
    problems += _plaintext(values, service)
    if service == "IMAP":
        mailboxes = values.texts("IMAPMailbox")
        if not mailboxes:
            problems.append("IMAPMailbox: at least one mailbox must be named.")
        problems += [f"IMAPMailbox: {name!r} holds control characters." for name in mailboxes if not name.isprintable()]
        if len(set(mailboxes)) != len(mailboxes):
            problems.append("IMAPMailbox: a mailbox is listed twice.")
        target = values.text("ProcessedMailbox")
        if target and not values.flag("DeleteProcessedMessages") and target in mailboxes:
            problems.append("ProcessedMailbox: must not be one of the watched mailboxes.")
    password = values.secret(f"{service}Password")
    if password and any(character in password.reveal() for character in "\r\n\0"):
        problems.append(f"{service}Password: holds a line break or NUL, which the protocol can't carry.")
    return problems


def check_outgoing(values: Values) -> list[str]:
    """What can't work about the outgoing direction, one sentence each."""
    problems = [] if values.text("SMTPServer") else ["SMTPServer: the server is missing."]
    if values.text("SMTPAccountName"):
        if not _given(values, "SMTPPassword"):
            problems.append("SMTPPassword: the password is missing.")
        problems += _plaintext(values, "SMTP")
    for name in ("FromAddress", "ReplyToAddress"):
        address = values.text(name)
        if address and "@" not in address:
            problems.append(f"{name}: {address!r} is not an address.")
    return problems


def check_trust(values: Values) -> list[str]:
    """What can't work about the certificates, one sentence each."""
    return [*_attempt(lambda: fingerprints(values)), *_attempt(lambda: client_context(values))]


def _given(values: Values, name: str) -> bool:
    secret = values.secret(name)
    return bool(secret.reveal() if secret else values.text(name))


def _plaintext(values: Values, service: Service) -> Iterator[str]:
    host = values.text(f"{service}Server")
    if host:
        for problem in _attempt(lambda: check_plaintext(values, values.text(f"{service}Encryption"), host)):
            yield f"{service}Encryption: {problem}"


def _attempt(question: Callable[[], object]) -> list[str]:
    try:
        question()
    except PostroomError as error:
        return [str(error)]
    return []
