"""What the drivers declare, and what several values mean together."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from postroom.conf.errors import Permanent, PostroomError
from postroom.conf.parameters import Parameter, Values, resolve
from postroom.drivers import parameters
from postroom.drivers.internet_smtp_imap import driver as imap
from postroom.drivers.internet_smtp_pop3 import driver as pop3
from postroom.drivers.protocols.tls import (
    certificate_facts,
    check_plaintext,
    client_context,
    days_left,
    fingerprints,
    is_loopback,
)
from servers.certificates import issue

GIVEN = {
    "IMAPServer": "127.0.0.1",
    "IMAPAccountName": "a",
    "IMAPPassword": "b",
    "POP3Server": "127.0.0.1",
    "POP3AccountName": "a",
    "POP3Password": "b",
    "SMTPServer": "127.0.0.1",
}


def values(driver: object = imap, **more: object) -> Values:
    return resolve(driver.parameters, GIVEN, more)  # type: ignore[attr-defined]


@pytest.mark.parametrize("driver", [imap, pop3])
def test_each_name_is_declared_once_with_help_and_a_default_of_its_own_type(driver: object) -> None:
    declared: tuple[Parameter, ...] = driver.parameters  # type: ignore[attr-defined]
    assert len({parameter.name for parameter in declared}) == len(declared)
    for parameter in declared:
        assert parameter.help.endswith(".")
        assert parameter.parse(parameter.default) == parameter.default


@pytest.mark.parametrize("driver", [imap, pop3])
def test_what_is_given_is_enough(driver: object) -> None:
    assert driver.check(values(driver)) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("service", "encryption", "port"),
    [("IMAP", "tls", 993), ("IMAP", "starttls", 143), ("SMTP", "starttls", 587), ("SMTP", "tls", 465)],
)
def test_the_port_follows_the_encryption(service: parameters.Service, encryption: str, port: int) -> None:
    assert parameters.port(values(**{f"{service}Encryption": encryption}), service) == port
    assert parameters.port(values(**{f"{service}Port": 7}), service) == 7


def test_start_from() -> None:
    assert parameters.start_from_ms(values(StartFrom="now"), 5) == 5
    assert parameters.start_from_ms(values(StartFrom="all"), 5) is None
    assert parameters.start_from_ms(values(StartFrom="2026-01-31"), 5) == 1769817600000
    assert parameters.start_from_ms(values(StartFrom="2026-01-31T00:00:00+01:00"), 5) == 1769814000000
    with pytest.raises(PostroomError, match="StartFrom"):
        parameters.start_from_ms(values(StartFrom="31.1.2026"), 5)


def test_the_action_follows_the_parameters() -> None:
    assert parameters.processed_action(values()) == ("delete", "")
    keep = values(DeleteProcessedMessages=False)
    assert parameters.processed_action(keep) == ("flag", "")
    move = values(DeleteProcessedMessages=False, ProcessedMailbox="Done")
    assert parameters.processed_action(move) == ("move", "Done")
    assert parameters.processed_action(values(pop3, DeleteProcessedMessages=False)) == ("leave", "")


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"IMAPServer": ""}, "IMAPServer"),
        ({"SMTPAccountName": "x"}, "SMTPPassword"),
        ({"IMAPMailbox": ["a", "a"]}, "IMAPMailbox"),
        ({"IMAPMailbox": ["a\r\nb"]}, "IMAPMailbox"),
        ({"IMAPPassword": "a\r\nb"}, "IMAPPassword"),
        ({"DeleteProcessedMessages": False, "ProcessedMailbox": "INBOX"}, "ProcessedMailbox"),
        ({"CertificateFingerprint": "abc"}, "CertificateFingerprint"),
        ({"CertificateAuthority": "/nowhere"}, "CertificateAuthority"),
        ({"FromAddress": "nobody"}, "FromAddress"),
        ({"IMAPServer": "mail.example.com", "IMAPEncryption": "none"}, "IMAPEncryption"),
    ],
)
def test_what_cannot_work_is_named(more: dict[str, object], named: str) -> None:
    (problem,) = imap.check(values(**more))
    assert problem.startswith(f"{named}: ")


def test_no_account_means_no_authentication_when_sending() -> None:
    assert imap.check(values(SMTPServer="relay.example.com", SMTPEncryption="none")) == []


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.1.2.3", True), ("[::1]", True), ("mail.localhost.", True), ("10.0.0.1", False),
     ("localhost.example.com", False), ("127.0.0.1.example.com", False), ("", False)],
)  # fmt: skip
def test_loopback_is_judged_without_dns(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    if not loopback:
        with pytest.raises(Permanent, match="unencrypted"):
            check_plaintext(values(), "none", host)
        check_plaintext(values(AllowPlaintextPassword=True), "none", host)
    check_plaintext(values(), "tls", host)


def test_contexts_are_shared_until_their_file_changes(tmp_path: Path) -> None:
    files = issue(tmp_path)
    trusting = values(CertificateAuthority=str(files.authority))
    first = client_context(trusting)
    assert client_context(trusting) is first
    issue(tmp_path)
    assert client_context(trusting) is not first
    files.authority.write_text("no certificate")
    with pytest.raises(Permanent, match="CertificateAuthority"):
        client_context(trusting)


def test_fingerprints_are_read_in_every_common_form() -> None:
    plain = "ab" * 32
    colons = ":".join(["AB"] * 32)
    assert fingerprints(values(CertificateFingerprint=[colons, f"SHA256:{plain}"])) == {plain}
    assert fingerprints(values()) == frozenset()


def test_certificates_are_described(tmp_path: Path) -> None:
    files = issue(tmp_path)
    der = ssl.PEM_cert_to_DER_cert(files.certificate.read_text())
    facts = certificate_facts(der)
    assert "CN=localhost" in facts
    assert files.fingerprint in facts
    assert days_left(der) == 1
    assert "unreadable" in certificate_facts(b"x")
    assert certificate_facts(None) == "no certificate"
    assert days_left(b"x") is None
