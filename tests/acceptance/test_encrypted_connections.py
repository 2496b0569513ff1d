"""STARTTLS and TLS with the authority that is to be trusted; without it nothing is retrieved, and health says why."""

from __future__ import annotations

from acceptance.running import Postroom, document, message, profile
from servers.certificates import ServerCertificate, issue
from servers.dovecot import PASSWORD, Dovecot
from servers.postfix import Postfix
from servers.processes import private_folder, remove_folder

KINDS = [
    (protocol, encryption, port)
    for protocol, ports in (("IMAP", ("imap", "imaps")), ("POP3", ("pop3", "pop3s")))
    for encryption, port in zip(("starttls", "tls"), ports, strict=True)
]


def test_encrypted_with_a_trusted_authority_and_refused_with_another(
    postroom_on_sqlite: Postroom, dovecot: Dovecot, postfix: Postfix, certificate: ServerCertificate, mailbox: str
) -> None:
    postroom = postroom_on_sqlite
    folder = private_folder("stranger")
    stranger = issue(folder)
    profiles, good, bad = [], [], []
    for protocol, encryption, port in KINDS:
        for trusted, addresses in ((True, good), (False, bad)):
            address = f"{protocol}-{encryption}-{'good' if trusted else 'bad'}-{mailbox}@test.local".lower()
            addresses.append(address)
            authority = certificate.authority if trusted else stranger.authority
            # Every way to submit with a login is used by one of them.
            secure = "starttls" if protocol == "IMAP" else "tls"
            values = {
                f"{protocol}Encryption": encryption,
                f"{protocol}Port": dovecot.port[port],
                "CertificateAuthority": str(authority),
                "SMTPEncryption": secure,
                "SMTPPort": postfix.port["submission" if secure == "starttls" else "submissions"],
                "SMTPAccountName": address.partition("@")[0],
                "SMTPPassword": PASSWORD,
            }
            profiles.append(profile(address, protocol, **values))
            dovecot.deliver(address, message(f"ann-{mailbox}-{len(profiles)}@customer.example", address))
    postroom.apply(document(dovecot.port, postfix.port["smtp"], profiles))
    postroom.serve()
    for address in good:
        postroom.until_processed(1, address)
    postroom.until_submitted(len(good))
    for address in bad:
        postroom.until(lambda address=address: postroom.health(address).get("failures", 0) > 0, f"{address} fails")
        health = postroom.health(address)
        assert health["state"] == "failing"
        assert "certificate" in health["reason"].lower(), health["reason"]
        assert "localhost" in health["reason"]
        assert postroom.ledger(address) == []
        assert len(dovecot.messages(address)) == 1
        assert dovecot.logins(address) == []
        assert dovecot.failed_logins(address) == []
    assert len(postroom.events()) == len(good)
    assert "Both directions work" in postroom.command("profile", "test", good[0])
    assert "certificate" in postroom.command("profile", "test", bad[0], status=1)
    remove_folder(folder)
