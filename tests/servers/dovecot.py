"""A private Dovecot: IMAP and POP3 (plain, STARTTLS, TLS), LMTP, and SASL for the submission server.

Any user name is a mailbox (the local part of an address, lower case) with the one password `PASSWORD`; so mailboxes
cost nothing and a test takes a name of its own. Runs as root (mail belongs to the user `mail`) or as anybody.
Dovecot notifies IDLE half a second after the delivery.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import smtplib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template

from .certificates import ServerCertificate
from .errors import Unavailable, program
from .maildir import Maildir, MaildirMessage
from .oauth import TokenServer
from .ports import free_port
from .processes import ServerProcess, private_folder, remove_folder

PASSWORD = "mailbox-password"
_TEMPLATES = Path(__file__).parent / "templates"
_LOGIN = re.compile(r" (imap|pop3)-login: .*?(?:Login|Logged in): user=<([^>]*)>, method=([\w-]+)")
_FAILED_LOGIN = re.compile(r" (imap|pop3)-login: .*?auth failed.*?user=<([^>]*)>(?:, method=([\w-]+))?")


@dataclass(frozen=True, slots=True)
class Login:
    """One line of the server's log."""

    protocol: str
    user: str
    method: str


class Dovecot:
    """`port` is by service: imap, imaps, pop3, pop3s, lmtp, sasl. They stay the same over a restart."""

    def __init__(self, certificate: ServerCertificate, tokens: TokenServer) -> None:
        self._binary = program("dovecot", "/usr/sbin", package="dovecot-core")
        for name, package in (("imap", "dovecot-imapd"), ("pop3", "dovecot-pop3d"), ("lmtp", "dovecot-lmtpd")):
            program(f"/usr/lib/dovecot/{name}", package=package)
        self.version = _version(self._binary)
        self.certificate = certificate
        self.tokens = tokens
        self.folder = private_folder("dovecot")
        self.port = {name: free_port() for name in ("imap", "imaps", "pop3", "pop3s", "lmtp", "sasl")}
        self.log = self.folder / "dovecot.log"
        self._process = ServerProcess(self.folder / "output.log")
        # Dovecot refuses mail of uid 0, so root's test mail belongs to Debian's user "mail"
        owner = pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._uid, self._gid = owner.pw_uid, owner.pw_gid
        self._write()

    # --- running -----------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        if not self.running:
            self._process.start([self._binary, "-F", "-c", str(self.folder / "dovecot.conf")], self.port.values())

    def stop(self) -> None:
        """An orderly end (about a second): clients get BYE."""
        self._process.terminate()

    def kill(self) -> None:
        """As in a crash: at once, connections are cut."""
        self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.kill()
        remove_folder(self.folder)

    # --- mail --------------------------------------------------------------------------------------------------------

    def maildir(self, user: str) -> Maildir:
        """`user` is a user name or an address."""
        return Maildir(self.folder / "mail" / _local_part(user) / "Maildir", self._uid, self._gid)

    def deliver(self, user: str, octets: bytes, mailbox: str = "INBOX") -> None:
        """Put a message straight into the maildir: fast, octets as given."""
        self.maildir(user).deliver(octets, mailbox)

    def deliver_by_lmtp(self, user: str, octets: bytes, return_address: str = "") -> None:
        """As a mail system delivers: Dovecot adds Return-Path, Delivered-To and Received."""
        with smtplib.LMTP("127.0.0.1", self.port["lmtp"]) as session:
            session.sendmail(return_address, [user], octets)

    def messages(self, user: str, mailbox: str = "INBOX") -> list[MaildirMessage]:
        return self.maildir(user).messages(mailbox)

    # --- what was seen -----------------------------------------------------------------------------------------------

    def logins(self, user: str) -> list[Login]:
        """Successful logins to the mailbox so far."""
        return self._logins(_LOGIN, user)

    def failed_logins(self, user: str) -> list[Login]:
        """Refused logins; logged when the client disconnects."""
        return self._logins(_FAILED_LOGIN, user)

    def _logins(self, pattern: re.Pattern[str], user: str) -> list[Login]:
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        found = (Login(*(group or "" for group in match.groups())) for line in lines if (match := pattern.search(line)))
        return [login for login in found if _local_part(login.user) == _local_part(user)]

    # --- configuration -----------------------------------------------------------------------------------------------

    def _write(self) -> None:
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir()
        root = os.geteuid() == 0
        me, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
        if root:
            os.chown(self.folder / "mail", self._uid, self._gid)
        values = {
            "folder": self.folder,
            "name": self.folder.name,
            "log": self.log,
            "login_user": "dovenull" if root else me,
            "internal_user": "dovecot" if root else me,
            "internal_group": "dovecot" if root else group,
            "service_user": "" if root else f"user = {me}",
            "certificate": self.certificate.certificate,
            "key": self.certificate.key,
            "password": PASSWORD,
            "mail_uid": self._uid,
            "mail_gid": self._gid,
            "introspection_url": self.tokens.introspection_url,
            **self.port,
        }
        for template, name in (
            (f"dovecot-{self.version}.conf", "dovecot.conf"),
            ("dovecot-2.3-oauth2.conf", "oauth2.conf"),
        ):
            text = Template((_TEMPLATES / template).read_text("utf-8")).substitute(values)
            (self.folder / name).write_text(text, "utf-8")


def _version(binary: str) -> str:
    """ "2.3" or "2.4": their configuration files differ. Raises `Unavailable` for another."""
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    version = ".".join(text.split(".")[:2])
    if not (_TEMPLATES / f"dovecot-{version}.conf").exists():
        raise Unavailable(
            f"Dovecot {text} is not supported by the tests: add tests/servers/templates/dovecot-{version}.conf"
        )
    return version


def _local_part(user: str) -> str:
    return user.partition("@")[0].lower()
