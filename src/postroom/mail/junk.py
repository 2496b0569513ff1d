"""What did the filters in front of us say about a message?

Reads the header fields of upstream filters: SpamAssassin and those that write like it, Rspamd, Microsoft, Proofpoint
and others, and a failed DMARC check of a domain that asks for rejection (RFC 8601, RFC 7489). Keeps no statistics of
its own. Only the topmost field of each name counts: what stands below it came with the message. A forged field can
only make the forger's own message junk.
"""

from __future__ import annotations

import re

from postroom.mail.message import Message

_NUMBER = r"(-?\d{1,5}(?:\.\d{1,5})?)"
_SCORE = re.compile(rf"\b(?:score|hits)\s{{0,3}}=\s{{0,3}}{_NUMBER}", re.IGNORECASE)
_SPAMD_RESULT = re.compile(rf"\[\s{{0,3}}{_NUMBER}\s{{0,3}}/\s{{0,3}}{_NUMBER}\s{{0,3}}\]")
_PLAIN_NUMBER = re.compile(rf"^\s{{0,9}}{_NUMBER}")
_DMARC_REJECT = re.compile(
    r"\bdmarc\s?=\s?fail\b[^;]{0,200}\b(?:p\s?=\s?reject|action\s?=\s?(?:oreject|reject))\b", re.I
)
_SEALED = re.compile(r"\barc\s?=\s?pass\b", re.IGNORECASE)

# Fields that hold a verdict: name, what the value must begin with, the filter's name
_VERDICTS = (
    ("X-Spam-Flag", ("yes", "true"), "The spam filter"),
    ("X-Spam", ("yes", "spam"), "The spam filter"),
    ("X-Barracuda-Spam-Flag", ("yes",), "Barracuda"),
    ("X-Bogosity", ("spam", "yes"), "Bogofilter"),
    ("X-DSPAM-Result", ("spam",), "DSPAM"),
    ("X-MailScanner-SpamCheck", ("spam",), "MailScanner"),
    ("X-hMailServer-Spam", ("yes",), "hMailServer"),
    ("X-Proofpoint-Spam-Details", ("rule=spam", "rule=phish", "rule=malware"), "Proofpoint"),
    ("X-Rspamd-Action", ("reject", "add header", "rewrite subject", "add_header", "rewrite_subject"), "Rspamd"),
)
_MICROSOFT_VERDICTS = {"SPM": "spam", "SKB": "mail of a blocked sender", "SKS": "spam by a mail flow rule"}
_MICROSOFT_CATEGORIES = {
    "SPM": "spam",
    "HSPM": "spam",
    "PHSH": "phishing",
    "HPHISH": "phishing",
    "HPHSH": "phishing",
    "MALW": "malware",
}


def junk(message: Message, score: float | None = None) -> str:
    """Why the message is junk according to a filter in front of us, in words; "" if none says so.

    With `score`, a filter that gives points is not asked for its verdict: the message is junk from that many points
    on (Microsoft's confidence level from 0 to 9 is no such score, 5 and more is junk).
    """
    fields: dict[str, str] = {}
    for name, value in message.headers:
        fields.setdefault(name.lower(), value[:4000])
    points, verdict = _points(fields)
    if score is not None and points is not None:
        return f"The spam filter gave it {points:g} points, {score:g} are enough." if points >= score else ""
    if verdict:
        return verdict
    return _stated(fields) or _microsoft(fields) or _dmarc(fields)


def _points(fields: dict[str, str]) -> tuple[float | None, str]:
    """The points that a filter gave, and its verdict in words."""
    for name in ("x-spam-status", "x-barracuda-spam-status"):
        if status := fields.get(name):
            found = _SCORE.search(status)
            points = float(found[1]) if found else None
            if status.strip().lower().startswith("yes"):
                given = "" if points is None else f", with {points:g} points"
                return points, f"The spam filter says that it is junk{given}."
            return points, ""
    if found := _SPAMD_RESULT.search(fields.get("x-spamd-result", "")):
        points, limit = float(found[1]), float(found[2])
        return points, f"Rspamd gave it {points:g} points of {limit:g}." if points >= limit else ""
    for name in ("x-rspamd-score", "x-spam-score"):
        if found := _PLAIN_NUMBER.match(fields.get(name, "")):
            return float(found[1]), ""
    for name, sign in (("x-spam-level", "*"), ("x-spamd-bar", "+")):
        if level := fields.get(name):
            return float(len(level.strip()) - len(level.strip().lstrip(sign))), ""
    return None, ""


def _stated(fields: dict[str, str]) -> str:
    for name, starts, who in _VERDICTS:
        if fields.get(name.lower(), "").strip().lower().startswith(starts):
            return f"{who} says that it is junk ({name}: {fields[name.lower()].strip()[:40]})."
    level = fields.get("x-spam-level", "").strip()
    if "x-spam-status" not in fields and "x-spam-flag" not in fields and level.startswith("*****"):
        return f"The spam filter gave it {len(level) - len(level.lstrip('*'))} points."
    return ""


def _microsoft(fields: dict[str, str]) -> str:
    report = {
        key.strip().upper(): value.strip().upper()
        for key, _, value in (part.partition(":") for part in fields.get("x-forefront-antispam-report", "").split(";"))
    }
    if said := _MICROSOFT_VERDICTS.get(report.get("SFV", "")):
        return f"Microsoft's filter says that it is {said} (SFV:{report['SFV']})."
    if said := _MICROSOFT_CATEGORIES.get(report.get("CAT", "")):
        return f"Microsoft's filter says that it is {said} (CAT:{report['CAT']})."
    level = fields.get("x-ms-exchange-organization-scl") or report.get("SCL", "")
    found = re.match(r"\s{0,9}(-?\d)\b", level)
    if found and int(found[1]) >= 5:
        return f"Microsoft's filter says that it is spam (confidence level {found[1]})."
    return ""


def _dmarc(fields: dict[str, str]) -> str:
    results = fields.get("authentication-results", "")
    # A forwarder breaks DMARC; where its ARC seal is vouched for, the failure says nothing about the author.
    if _DMARC_REJECT.search(results) and not _SEALED.search(results):
        return (
            "The author's domain says that it did not send the message (DMARC failed, and the domain asks to reject)."
        )
    return ""
