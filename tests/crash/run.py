"""The crash test: real servers, hundreds of messages, every component killed over and over; nothing lost or doubled.

    python tests/crash/run.py --database postgresql --kills 100 --messages 300 --seed 1

Exit status 0 if every message has exactly one event and one acknowledgement submitted, the mail server is empty and
`postroom ledger reconcile` finds no difference; 1 if not. What was done stays in the folder that is named then.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from acceptance.running import ALL_ROLES, Postroom
from crash.killing import Killing, Kills
from crash.report import report
from crash.scene import Scene
from crash.verdict import Verdict, judge
from servers.certificates import issue
from servers.dovecot import Dovecot
from servers.oauth import TokenServer
from servers.postgres import Postgres
from servers.processes import private_folder
from servers.smtp_sink import Faults, SMTPSink

# SQLite: all in one process. PostgreSQL: every role in two processes.
CREWS = {
    "sqlite": [ALL_ROLES],
    "postgresql": ["receiver", "receiver", "processor", "processor", "outbound", "outbound"],
}
FINISH_SECONDS = 180.0


def fight(
    postroom: Postroom,
    dovecot: Dovecot,
    postgres: Postgres | None,
    *,
    kills: int,
    messages: int,
    seed: int,
    harm_servers: bool = False,
) -> tuple[Kills, Verdict]:
    """Configure an installation that is there, kill, let it finish, and judge. Without `postgres` it is on SQLite."""
    with SMTPSink() as sink:
        scene = Scene(postroom, dovecot, sink, seed, postgres)
        scene.configure()
        killing = Killing(scene, CREWS["postgresql" if postgres else "sqlite"])
        done = killing.run(kills, messages, harm_servers=harm_servers)
        sink.faults = Faults()
        for serving in killing.finish(FINISH_SECONDS):
            status = serving.stop()
            if status:
                done.ended_by_itself.append(f"{serving.log} ended with {status}")
        return done, judge(scene)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=sorted(CREWS), default="sqlite")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="which run; printed")
    parser.add_argument("--spare-servers", action="store_true", help="only our processes fail, no server does")
    options = parser.parse_args()
    folder = private_folder("crash")
    tokens = TokenServer()
    dovecot = Dovecot(issue(folder), tokens)
    postgres = Postgres() if options.database == "postgresql" else None
    started = time.monotonic()
    print(f"seed {options.seed}, folder {folder}", flush=True)  # noqa: T201
    try:
        dovecot.start()
        if postgres:
            postgres.start()
        url = postgres.fresh_database() if postgres else f"sqlite:///{folder / 'data' / 'postroom.sqlite3'}"
        with Postroom(folder, url) as postroom:
            postroom.init()
            kills, verdict = fight(
                postroom,
                dovecot,
                postgres,
                kills=options.kills,
                messages=options.messages,
                seed=options.seed,
                harm_servers=not options.spare_servers,
            )
            if verdict.faults:
                print(postroom.state())  # noqa: T201
    finally:
        dovecot.close()
        if postgres:
            postgres.close()
        tokens.close()
    print(report(options.database, kills, verdict, time.monotonic() - started))  # noqa: T201
    if verdict.faults:
        print(f"Database, contents and logs are kept in {folder}.")  # noqa: T201
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
