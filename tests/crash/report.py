"""The crash test's report."""

from __future__ import annotations

from crash.killing import Kills
from crash.verdict import Verdict

MOST_TOLD = 15


def report(database: str, kills: Kills, verdict: Verdict, seconds: float) -> str:
    """For people: what was killed, what became of the messages."""
    lines = [
        f"Crash test on {database}: {kills.total} kills, {verdict.messages} messages, {seconds:.0f} s",
        *(f"  {count:4}  killed {_where(kind)}" for kind, count in sorted(kills.by_kind.items())),
        *(f"  {count:4}  {what}" for what, count in sorted(kills.servers.items())),
        f"  {len(verdict.lost):4}  lost",
        f"  {len(verdict.doubled):4}  doubled",
        f"  {len(verdict.other):4}  other faults",
        f"  {verdict.honest_duplicates:4}  honest duplicates (same Message-ID, of {verdict.unknown} unknown outcomes)",
    ]
    lines += [f"  remark: {text} ({count})" for text, count in verdict.remarks.most_common(MOST_TOLD)]
    lines += [f"  remark: {text}" for text in kills.ended_by_itself[:MOST_TOLD]]
    lines += [f"FAULT: {text}" for text in verdict.faults[:MOST_TOLD]]
    if len(verdict.faults) > MOST_TOLD:
        lines.append(f"… and {len(verdict.faults) - MOST_TOLD} more faults")
    return "\n".join(lines)


def _where(kind: str) -> str:
    name, _, moment = kind.partition(":")
    return f"at the commit {name}, {moment} it" if moment else f"at {kind}"
