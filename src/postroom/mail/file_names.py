"""Names of attachments that are safe to show and to save.

Guarantees: never empty, at most 255 octets of UTF-8, no path, no control, bidirectional or invisible characters, no
character that a file system refuses, no dot first. Keeps the extension when it shortens. Never makes names unique.
"""

from __future__ import annotations

import re

NAME_LIMIT = 255
_READ = 4_096
_EXTENSION_LIMIT = 20

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]+"
)
_REFUSED = re.compile(r'[<>:"|?*]')
_SPACES = re.compile(r"\s+")
_EXTENSIONS = {
    "text/plain": ".txt", "text/html": ".html", "text/calendar": ".ics", "text/csv": ".csv", "text/vcard": ".vcf",
    "text/x-vcard": ".vcf", "text/enriched": ".txt", "text/markdown": ".md", "text/xml": ".xml",
    "text/x-amp-html": ".html", "text/rfc822-headers": ".txt", "application/pdf": ".pdf", "application/zip": ".zip",
    "application/msword": ".doc", "application/vnd.ms-excel": ".xls", "application/rtf": ".rtf", "text/rtf": ".rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/json": ".json", "application/xml": ".xml", "application/ics": ".ics",
    "application/pgp-signature": ".asc", "application/pgp-encrypted": ".asc", "application/pgp-keys": ".asc",
    "application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m", "application/x-pkcs7-mime": ".p7m", "application/ms-tnef": ".dat",
    "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/svg+xml": ".svg", "image/webp": ".webp",
    "image/tiff": ".tif", "image/bmp": ".bmp", "image/heic": ".heic", "audio/mpeg": ".mp3", "audio/wav": ".wav",
    "video/mp4": ".mp4", "message/rfc822": ".eml", "message/global": ".eml",
    "message/delivery-status": ".txt", "message/disposition-notification": ".txt", "message/feedback-report": ".txt",
}  # fmt: skip


def safe_name(wanted: str, default: str) -> str:
    """`wanted` made safe, or `default` (trusted) where nothing is left of it."""
    name = wanted[:_READ].replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    name = _UNSAFE.sub("", _SPACES.sub(" ", name))
    if not name.isprintable():
        name = "".join(c for c in name if c.isprintable())
    name = _SPACES.sub(" ", name)
    name = _REFUSED.sub("_", name).strip(" ").lstrip(". ").rstrip(". ")
    return _shortened(name) if name else default


def default_name(content_type: str, number: int) -> str:
    """A name for a part that brings none: "part-3.pdf"."""
    return f"part-{number}{_EXTENSIONS.get(content_type, '.bin')}"


def _shortened(name: str) -> str:
    if len(name) * 4 <= NAME_LIMIT or len(name.encode("utf-8")) <= NAME_LIMIT:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = dot + extension if stem and len(extension) <= _EXTENSION_LIMIT else ""
    stem = stem if tail else name
    room = NAME_LIMIT - len(tail.encode("utf-8"))
    return stem.encode("utf-8")[:room].decode("utf-8", "ignore").rstrip(". ") + tail
