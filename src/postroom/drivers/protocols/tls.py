"""TLS for every protocol: one context from a profile's effective values, one check of the peer, words for people.

Guarantees: certificate chain and host name are always verified against the system's authorities or
`CertificateAuthority`; with `CertificateFingerprint` the peer's certificate must be one of those named (SHA-256 of
its DER), and then chain and host name need not verify. There is no way to verify nothing. A password never crosses
the network in the clear unless `AllowPlaintextPassword` says so (RFC 8314).

Contexts are shared: one is some hundreds of kilobytes, and a thousand connections must not hold a thousand.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import ssl
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from postroom.conf.errors import Permanent, PostroomError, Transient
from postroom.conf.parameters import Values

_MINIMUM = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_TRUST = "Set CertificateAuthority to the file of its authority, or CertificateFingerprint to the certificate's."


def client_context(values: Values) -> ssl.SSLContext:
    """The context for these values; shared, so don't change it.

    Raises `Permanent` if the file of `CertificateAuthority` can't be used.
    """
    authority = values.text("CertificateAuthority")
    pinned = bool(values.texts("CertificateFingerprint"))
    stamp = 0
    if authority:
        try:
            stamp = Path(authority).stat().st_mtime_ns
        except (OSError, ValueError) as error:
            raise _unusable_authority(authority, error) from error
    return _context(authority, stamp, pinned, values.text("TLSMinimumVersion") or "1.2")


@lru_cache(maxsize=64)
def _context(authority: str, _stamp: int, pinned: bool, minimum: str) -> ssl.SSLContext:
    # _stamp only makes a changed file a new context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _MINIMUM[minimum]
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # check_peer compares the fingerprint before anything is sent
    elif authority:
        try:
            context.load_verify_locations(cafile=authority)
        except (OSError, ValueError) as error:
            raise _unusable_authority(authority, error) from error
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def _unusable_authority(path: str, error: Exception) -> Permanent:
    words = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
    return Permanent(f"CertificateAuthority: the file {path} can't be used: {words}.", code="5.3.5")


def fingerprints(values: Values) -> frozenset[str]:
    """The trusted SHA-256 fingerprints, 64 lower-case hexadecimal digits each; empty: the authorities decide.

    Raises `Permanent` for one that is no SHA-256 fingerprint.
    """
    found = set()
    for text in values.texts("CertificateFingerprint"):
        digits = re.sub(r"(?i)^sha-?256[:=]", "", text.strip()).replace(":", "").replace(" ", "").lower()
        if not re.fullmatch("[0-9a-f]{64}", digits):
            raise Permanent(
                f"CertificateFingerprint: {text!r} is no SHA-256 fingerprint of 64 hexadecimal digits.", code="5.3.5"
            )
        found.add(digits)
    return frozenset(found)


def check_peer(ssl_object: ssl.SSLObject | ssl.SSLSocket | None, values: Values) -> None:
    """Compare the peer's certificate with `CertificateFingerprint`. Call it after the handshake, before sending.

    Raises `Permanent` if it is none of those, naming the fingerprint seen.
    """
    trusted = fingerprints(values)
    if not trusted:
        return
    der = ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None
    seen = hashlib.sha256(der).hexdigest() if der else "none"
    if seen not in trusted:
        raise Permanent(
            f"The server's certificate has the fingerprint {seen}, which CertificateFingerprint does not name.",
            code="5.7.5",
            advice="If the server has a new certificate, and you know it is the server's, set its fingerprint.",
        )


def certificate_facts(der: bytes | None) -> str:
    """Subject, issuer, expiry and fingerprint of a DER certificate, for people; never raises."""
    if not der:
        return "no certificate"
    fingerprint = hashlib.sha256(der).hexdigest()
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
        end = certificate.not_valid_after_utc
    except Exception:  # noqa: BLE001 - a stranger's certificate may be broken in any way; TLS itself has judged it
        return f"an unreadable certificate; SHA-256 {fingerprint}"
    issued = "self-signed" if subject == issuer else f"issued by {issuer}"
    return f"{subject}, {issued}, expires {end:%Y-%m-%d}; SHA-256 {fingerprint}"


def days_left(der: bytes | None) -> int | None:
    """Whole days until a DER certificate expires (negative: it has), None if that can't be read."""
    try:
        return (x509.load_der_x509_certificate(der or b"").not_valid_after_utc - datetime.now(UTC)).days
    except Exception:  # noqa: BLE001 - as above
        return None


def is_loopback(host: str) -> bool:
    """Whether the name or address stays on this machine, without asking DNS."""
    name = host.strip().strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_plaintext(values: Values, encryption: str, host: str) -> None:
    """Refuse to send a password in the clear. Call it only where a password will be sent.

    Raises `Permanent` if `encryption` is "none", the host is not loopback and AllowPlaintextPassword is not set.
    """
    if encryption == "none" and not is_loopback(host) and not values.flag("AllowPlaintextPassword"):
        raise Permanent(
            f"The password would go to {host} unencrypted.",
            code="5.7.10",
            advice="Set the encryption to tls or starttls; or, if the network is trusted, AllowPlaintextPassword.",
        )


def connection_error(error: BaseException, host: str, port: int, encryption: str = "") -> PostroomError:
    """What went wrong while connecting or shaking hands, as an error for people."""
    where = f"{host}:{port}"
    match error:
        case PostroomError():
            return error
        case ssl.SSLCertVerificationError():
            words = f"The certificate of {where} is not trusted: {error.verify_message.rstrip('.')}."
            return Permanent(words, code="5.7.5", advice=_TRUST)
        case ssl.SSLError() if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
            words = (
                f"{where} does not speak TLS at once." if encryption == "tls" else f"{where} broke the TLS handshake."
            )
            return Permanent(words, code="5.7.5", advice="Perhaps the port belongs to another encryption setting.")
        case ssl.SSLError() if error.reason and ("PROTOCOL" in error.reason or "VERSION" in error.reason):
            words = f"{where} offers no TLS version that TLSMinimumVersion allows ({error.reason})."
            return Permanent(words, code="5.7.5")
        case ssl.SSLError():
            return Transient(f"TLS with {where} failed: {error.reason or error}.", code="4.7.5")
        case TimeoutError():
            return Transient(f"{where} did not answer in time.", code="4.4.1")
        case socket.gaierror():
            return Transient(f"The name {host} can't be resolved: {error.strerror}.", code="4.4.3")
        case ConnectionRefusedError():
            return Transient(f"{where} refused the connection.", code="4.4.1")
        case ConnectionError() | EOFError():
            return Transient(f"{where} ended the connection.", code="4.4.2")
        case UnicodeError():
            return Permanent(f"{host!r} is no host name.", code="5.4.4")
        case OSError():
            return Transient(f"{where} can't be reached: {error.strerror or error}.", code="4.4.1")
    return Transient(f"The connection to {where} failed: {type(error).__name__}.", code="4.4.1")
