"""The scene of the crash test: mailboxes on a real Dovecot, customers, a submission server that counts what they got.

Four profiles: IMAP and POP3, each in a real-time and in a nonreal-time response group. Every message is of another
customer, so that each is owed exactly one acknowledgement. Sizes differ: most are small, some are kept as files, a
few come through the spool.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import dataclass

from acceptance.running import Postroom, document, group, message, profile
from servers.dovecot import Dovecot
from servers.postgres import Postgres
from servers.smtp_sink import SMTPSink

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was put on the mail server. `digest` is of its octets with CRLF, as the server gives them."""

    number: int
    address: str
    customer: str
    subject: str
    digest: bytes


class Scene:
    """The servers, the installation, and every message so far."""

    def __init__(
        self, postroom: Postroom, dovecot: Dovecot, sink: SMTPSink, seed: int, postgres: Postgres | None = None
    ) -> None:
        self.postroom, self.dovecot, self.sink, self.postgres = postroom, dovecot, sink, postgres
        self.random = random.Random(seed)
        self.sent: list[Sent] = []
        run = next(_numbers)
        self.addresses = {
            f"{driver.lower()}-{kind}-{seed}-{run}@test.local": (driver, kind)
            for driver in ("IMAP", "POP3")
            for kind in ("realtime", "nonrealtime")
        }

    def configure(self) -> None:
        """Submit the configuration. A small POP3BatchSize, so that sessions end often."""
        values = {"POP3BatchSize": 4}
        profiles = [
            profile(address, driver, kind, **(values if driver == "POP3" else {}))
            for address, (driver, kind) in self.addresses.items()
        ]
        groups = [group("realtime"), group("nonrealtime", real_time=False)]
        self.postroom.apply(document(self.dovecot.port, self.sink.port, profiles, groups))

    def deliver(self) -> None:
        """Put one more message into one of the mailboxes."""
        number = len(self.sent) + 1
        address = self.random.choice(list(self.addresses))
        customer, subject = f"customer{number}@customer.example", f"Question {number}"
        size = self.random.choices((200, 20_000, 400_000, 4_600_000), (70, 22, 7, 1))[0]
        # What can't be compressed: else everything would stand in the database.
        text = "\r\n".join(self.random.randbytes(38).hex() for _ in range(max(1, size // 78)))
        octets = message(customer, address, subject, text)
        self.dovecot.deliver(address, octets)
        self.sent.append(Sent(number, address, customer, subject, hashlib.sha256(octets).digest()))

    def harm_a_server(self) -> str:
        """One of the servers fails, and is there again; returns what happened."""
        harms = [
            "the mail server",
            "the submission server cuts a connection",
            "the submission server cuts it after 250",
        ]
        harm = self.random.choice([*harms, *(["the database server"] if self.postgres else [])])
        match harm:
            case "the mail server":
                self.dovecot.kill()
                self.dovecot.start()
            case "the database server":
                assert self.postgres is not None
                self.postgres.kill()
                self.postgres.start()
            case "the submission server cuts a connection":
                self.sink.faults.drop_at_data += 1
            case _:
                self.sink.faults.drop_after_data += 1
        return harm

    def left(self) -> int:
        """How many messages are still on the mail server."""
        return sum(len(self.dovecot.messages(address)) for address in self.addresses)
