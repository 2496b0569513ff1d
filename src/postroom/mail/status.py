"""Status codes of mail systems in words (RFC 3463, RFC 5248, the IANA registry of enhanced status codes).

`status_of` finds the enhanced code in a server's answer, or gives the usual one of the reply code; `meaning` is a
sentence for people. Neither ever raises.
"""

from __future__ import annotations

import re

# Not part of an IP address or a version number; the class digit is checked against the reply.
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)", re.ASCII)

_USUAL = {
    421: "4.3.2",
    450: "4.2.0",
    451: "4.3.0",
    452: "4.3.1",
    454: "4.7.0",
    455: "4.5.4",
    500: "5.5.2",
    501: "5.5.4",
    502: "5.5.1",
    503: "5.5.1",
    504: "5.5.4",
    521: "5.3.2",
    523: "5.7.10",
    530: "5.7.0",
    534: "5.7.9",
    535: "5.7.8",
    538: "5.7.11",
    551: "5.1.6",
    552: "5.2.2",
    553: "5.1.3",
    555: "5.5.4",
    556: "5.1.10",
}

_MEANING = {
    "1.0": "Something is wrong with the address.",
    "1.1": "The recipient's mailbox does not exist.",
    "1.2": "The recipient's domain does not exist or takes no mail.",
    "1.3": "The recipient's address is not written correctly.",
    "1.4": "The recipient's address is ambiguous.",
    "1.5": "The recipient's address is valid.",
    "1.6": "The recipient has moved, and the new address is not known.",
    "1.7": "The sender's address is not written correctly.",
    "1.8": "The sender's domain does not exist or takes no mail.",
    "1.9": "The message was passed to a system that sends no reports.",
    "1.10": "The recipient's domain takes no mail.",
    "2.0": "Something is wrong with the recipient's mailbox.",
    "2.1": "The recipient's mailbox is disabled.",
    "2.2": "The recipient's mailbox is full.",
    "2.3": "The message is larger than the recipient's mailbox allows.",
    "2.4": "The mailing list could not be expanded.",
    "3.0": "Something is wrong with the receiving mail system.",
    "3.1": "The receiving mail system's storage is full.",
    "3.2": "The receiving mail system takes no messages at the moment.",
    "3.3": "The receiving mail system lacks a feature that the message needs.",
    "3.4": "The message is larger than the mail system allows.",
    "3.5": "The mail system is configured wrongly.",
    "4.0": "Something is wrong with the network or the routing.",
    "4.1": "The receiving mail system did not answer.",
    "4.2": "The connection was lost.",
    "4.3": "A directory or name server failed.",
    "4.4": "No way to the recipient's domain is known.",
    "4.5": "The mail system is overloaded.",
    "4.6": "The message went round in a loop.",
    "4.7": "The message could not be delivered in time.",
    "5.0": "The two mail systems did not understand each other.",
    "5.1": "The mail system does not allow this command.",
    "5.2": "The mail system did not understand the command.",
    "5.3": "The message has more recipients than the mail system allows.",
    "5.4": "The mail system did not accept a command's argument.",
    "5.5": "The two mail systems speak different versions of the protocol.",
    "5.6": "The login was too long for the mail system.",
    "6.0": "Something is wrong with the message's content.",
    "6.1": "The mail system does not support the kind of content.",
    "6.2": "The content would have to be converted, which is not allowed.",
    "6.3": "The content would have to be converted, which the mail system can't do.",
    "6.4": "The content was converted, and something was lost.",
    "6.5": "The content could not be converted.",
    "6.6": "The content is not available.",
    "6.7": "The address needs internationalised mail, which the mail system does not support.",
    "7.0": "The message was refused for reasons of security or policy.",
    "7.1": "The mail system does not allow this message.",
    "7.2": "The sender may not write to this mailing list.",
    "7.3": "The content could not be converted securely.",
    "7.4": "The mail system lacks a security feature that the message needs.",
    "7.5": "Encryption or its certificate failed.",
    "7.6": "The mail system does not support the encryption of the message.",
    "7.7": "The message was changed on its way.",
    "7.8": "The account or its password was refused.",
    "7.9": "The way of logging in is too weak for this account.",
    "7.10": "The mail system demands encryption.",
    "7.11": "The way of logging in demands encryption.",
    "7.12": "The account's password must be changed first.",
    "7.13": "The account is disabled.",
    "7.14": "The mail system does not trust ours for this.",
    "7.15": "The priority is too low at the moment.",
    "7.16": "The message is too large for its priority.",
    "7.17": "The mailbox has changed hands.",
    "7.18": "The domain has changed hands.",
    "7.20": "No valid DKIM signature was found.",
    "7.23": "The sender's domain does not allow our server (SPF).",
    "7.24": "The sender's SPF record could not be used.",
    "7.25": "Our server's address has no valid reverse name.",
    "7.26": "Neither SPF nor DKIM confirmed the sender.",
    "7.27": "The sender's domain takes no mail (null MX).",
    "7.28": "The mail system saw a flood of mail from us.",
    "7.29": "The ARC seals are not valid.",
    "7.30": "The mail system demands an encrypted way for this message.",
}

_CLASS = {
    "2": "It succeeded.",
    "4": "It failed for now, and may work later.",
    "5": "It failed for good.",
}


def status_of(reply: int, text: str) -> str:
    """The RFC 3463 code of an SMTP answer: the one in its text, else the usual one of the reply code.

    The class is always the reply's; a reply that is none of 2xx, 4xx, 5xx counts as 4xx. "550 5.1.1 No" gives "5.1.1".
    """
    first = str(reply)[:1] if 200 <= reply <= 299 or 400 <= reply <= 599 else "4"
    found = next((match for match in _ENHANCED.finditer(text[:2000]) if match[1] == first), None)
    if found:
        return f"{first}.{int(found[2])}.{int(found[3])}"
    return _USUAL.get(reply, f"{first}.0.0")


def find_status(text: str) -> str:
    """The first enhanced code of a failure in a text, "" if there is none."""
    found = next((match for match in _ENHANCED.finditer(text[:20_000]) if match[1] != "2"), None)
    return f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else ""


def meaning(code: str) -> str:
    """A sentence for people: "5.1.1" is "The recipient's mailbox does not exist."."""
    parts = code.strip().split(".")
    if len(parts) != 3 or parts[0] not in _CLASS:
        return "The mail system gave no reason."
    if parts[0] == "2":
        return _CLASS["2"]
    subject = _MEANING.get(f"{parts[1]}.{parts[2]}") or _MEANING.get(f"{parts[1]}.0")
    return subject or _CLASS[parts[0]]
