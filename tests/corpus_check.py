"""Runs the parser over a folder of real messages and compares it with the standard library's.

    python tests/corpus_check.py FOLDER [--differences]

Prints counts: messages, seconds, crashes, last resorts, bodies that the standard library's walker has and ours lost,
differences in subject, text and attachments, the slowest messages; the same for fast-mail-parser where it is
installed. Exit status 1 on a crash or a lost body. A body is lost where the other's text has words and ours has none.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as StandardMessage
from importlib.util import find_spec
from pathlib import Path

from postroom.mail.charsets import decode
from postroom.mail.html_text import html_to_text
from postroom.mail.parse import parse

_WORDS = re.compile(r"\w+")
_SAME = 0.9


@dataclass
class View:
    """What the comparison looks at."""

    text: str = ""
    html: str = ""
    subject: str = ""
    attachments: int = 0
    elsewhere: str = ""  # the texts of attachments: text kept there is not lost


@dataclass
class Figures:
    """One engine over the folder."""

    seconds: float = 0.0
    crashes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    times: list[tuple[float, str]] = field(default_factory=list)


def ours(octets: bytes) -> View:
    message = parse(octets)
    if message.engine == "text":
        raise RuntimeError(message.defects[0])
    kept = [each for each in message.attachments if each.content_type.startswith(("text/", "message/"))]
    elsewhere = " ".join(each.octets.decode("utf-8", "replace") for each in kept)
    return View(message.text, message.html, message.subject, len(message.attachments), elsewhere)


def standard(octets: bytes) -> View:
    """compat32 with the plainest careful walker: filename or disposition=attachment makes an attachment."""
    view = View()
    message = message_from_bytes(octets)
    try:
        view.subject = str(make_header(decode_header(message.get("subject", ""))))
    except Exception:  # noqa: BLE001 - the library raises many kinds here; the raw value does
        view.subject = str(message.get("subject", ""))
    pending = [message]
    while pending:
        part = pending.pop()
        payload = part.get_payload()
        if isinstance(payload, list):
            if part.get_content_maintype() == "message":
                view.attachments += 1
            else:
                pending += reversed(payload)
            continue
        _leaf(view, part, payload)
    return view


def _leaf(view: View, part: StandardMessage, payload: object) -> None:
    kind = part.get_content_type()
    try:
        octets = part.get_payload(decode=True) or b""
        name, disposition, charset = part.get_filename(), part.get_content_disposition(), part.get_content_charset()
    except Exception:  # noqa: BLE001 - likewise
        octets, name, disposition, charset = str(payload).encode("utf-8", "replace"), None, None, None
    if kind.startswith("multipart/"):
        view.text += decode(octets)
    elif kind in ("text/plain", "text/html") and not name and disposition != "attachment":
        if kind == "text/plain":
            view.text += decode(octets, charset) + "\n"
        else:
            view.html += decode(octets, charset) + "\n"
    else:
        view.attachments += 1


def fast(octets: bytes) -> View:
    from fast_mail_parser import parse_email

    mail = parse_email(octets)
    return View("\n".join(mail.text_plain), "\n".join(mail.text_html), mail.subject, len(mail.attachments))


def words(view: View) -> Counter[str]:
    return Counter(_WORDS.findall(view.text)) or Counter(_WORDS.findall(html_to_text(view.html)))


def compare(name: str, mine: View, other: View, figures: Figures, show: bool) -> None:
    """Counts how `mine` differs from `other`."""
    theirs, own = words(other), words(mine)
    found = []
    elsewhere = Counter(_WORDS.findall(mine.elsewhere))
    if theirs and not own and sum((theirs & elsewhere).values()) * 4 < sum(theirs.values()):
        found.append("lost")
    elif sum((theirs & own).values()) < _SAME * sum(theirs.values()):
        found.append("text differs")
    if mine.subject.split() != other.subject.split():
        found.append("subject differs")
    if mine.attachments != other.attachments:
        found.append(f"attachments {'more' if mine.attachments > other.attachments else 'fewer'}")
    figures.counts.update(found)
    if found and (show or "lost" in found):
        sys.stdout.write(f"  {name}: {', '.join(found)}\n")


def timed(read: Callable[[bytes], View], octets: bytes, name: str, figures: Figures) -> View | None:
    start = time.perf_counter()
    try:
        return read(octets)
    except Exception as error:  # noqa: BLE001 - crashes are what is counted
        figures.crashes.append(f"{name}: {type(error).__name__}: {str(error)[:100]}")
        return None
    finally:
        seconds = time.perf_counter() - start
        figures.seconds += seconds
        figures.times.append((seconds, name))


def main(arguments: list[str]) -> int:
    show = "--differences" in arguments
    folders = [Path(each) for each in arguments if not each.startswith("-")]
    if len(folders) != 1 or not folders[0].is_dir():
        sys.stderr.write((__doc__ or "").partition("Prints")[0])
        return 2
    engines: dict[str, Callable[[bytes], View]] = {"ours": ours, "standard library": standard}
    if find_spec("fast_mail_parser"):
        engines["fast-mail-parser"] = fast
    figures = {name: Figures() for name in engines}
    files = sorted(path for path in folders[0].rglob("*") if path.is_file() and path.stat().st_size)
    octets_read = 0
    for path in files:
        octets = path.read_bytes()
        octets_read += len(octets)
        name = str(path.relative_to(folders[0]))
        views = {engine: timed(read, octets, name, figures[engine]) for engine, read in engines.items()}
        mine = views["ours"]
        for engine, other in views.items():
            if engine != "ours" and mine is not None and other is not None:
                compare(name, mine, other, figures[engine], show and engine == "standard library")
    sys.stdout.write(f"{len(files)} messages, {octets_read / 1e6:.1f} MB\n")
    for engine, each in figures.items():
        sys.stdout.write(f"{engine}: {each.seconds:.2f} s, {len(files) / each.seconds:.0f}/s, ")
        against = f"; ours against it: {dict(each.counts)}" if each.counts else ""
        sys.stdout.write(f"{len(each.crashes)} crashes{against}\n")
        for crash in each.crashes[:20] if engine == "ours" else []:
            sys.stdout.write(f"  {crash}\n")
    sys.stdout.write("slowest of ours:\n")
    for seconds, name in sorted(figures["ours"].times, reverse=True)[:5]:
        sys.stdout.write(f"  {seconds * 1000:.1f} ms  {name}\n")
    return 1 if figures["ours"].crashes or figures["standard library"].counts["lost"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
