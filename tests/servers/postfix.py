"""A private Postfix: SMTP, submission (STARTTLS and AUTH) and submissions (TLS and AUTH), all on loopback.

It delivers every recipient to Dovecot by LMTP, so the customers' mailboxes are there too; nothing can leave the
machine. AUTH asks Dovecot. Three local parts are refused at RCPT: nouser@ 550 5.1.1, greylist@ 451 4.7.1,
full@ 452 4.2.2. Needs root, because Postfix's master does.
"""

from __future__ import annotations

import grp
import os
import pwd
import time
from pathlib import Path
from string import Template

from .dovecot import Dovecot
from .errors import Unavailable, program
from .ports import free_port
from .processes import ServerProcess, private_folder, remove_folder

_TEMPLATES = Path(__file__).parent / "templates"
_QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace", "private")


class Postfix:
    """`port` is by service: smtp (plain or STARTTLS, no AUTH needed), submission, submissions."""

    def __init__(self, dovecot: Dovecot) -> None:
        self._binary = program("master", "/usr/lib/postfix/sbin", "/usr/libexec/postfix", package="postfix")
        if os.geteuid() != 0:
            raise Unavailable("Postfix runs as root only: run the tests as root (./test does so with sudo)")
        self.folder = private_folder("postfix")
        self.port = {name: free_port() for name in ("smtp", "submission", "submissions")}
        self.certificate = dovecot.certificate
        self._process = ServerProcess(self.folder / "output.log")
        self._write(dovecot)
        self._make_queues()

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def log(self) -> Path:
        return self.folder / "log" / "maillog"

    def start(self) -> None:
        if not self.running:
            conf = str(self.folder / "conf")
            # -d keeps it in the foreground, in this process group
            self._process.start([self._binary, "-c", conf, "-d"], self.port.values(), environment={"MAIL_CONFIG": conf})

    def stop(self) -> None:
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

    def queued(self) -> int:
        """How many messages wait in the queue, not yet delivered."""
        return sum(
            1
            for queue in ("maildrop", "incoming", "active", "deferred")
            for path in (self.folder / "spool" / queue).rglob("*")
            if path.is_file()
        )

    def _write(self, dovecot: Dovecot) -> None:
        for name in ("conf", "spool", "data", "log"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        values = {
            "folder": self.folder,
            "daemons": Path(self._binary).parent,
            "lmtp": dovecot.port["lmtp"],
            "sasl": dovecot.port["sasl"],
            "certificate": self.certificate.certificate,
            "key": self.certificate.key,
            **self.port,
        }
        for template, target in (
            ("postfix-main.cf", "conf/main.cf"),
            ("postfix-master.cf", "conf/master.cf"),
            ("postfix-recipients.regexp", "recipients.regexp"),
        ):
            text = (_TEMPLATES / template).read_text("utf-8")
            if not template.endswith(".regexp"):  # there a $ is an anchor
                text = Template(text).substitute(values)
            path = self.folder / target
            path.write_text(text, "utf-8")
            # Postfix pauses for 2 s over a main.cf that was changed just now
            os.utime(path, (time.time() - 60,) * 2)

    def _make_queues(self) -> None:
        """What `postfix post-install create-missing` makes, without its 2 s."""
        owner, maildrop_group = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        for name in _QUEUES:
            self._make_folder(name, 0o700, owner, -1)
        self._make_folder("public", 0o2710, owner, maildrop_group)
        self._make_folder("maildrop", 0o1730, owner, maildrop_group)
        (self.folder / "spool" / "pid").mkdir()

    def _make_folder(self, name: str, mode: int, uid: int, gid: int) -> None:
        path = self.folder / "spool" / name
        path.mkdir()
        os.chown(path, uid, gid)
        path.chmod(mode)
