"""Domain names in the form that goes over the wire (RFC 5890: A-labels).

Unlike Python's own codec, which follows the older IDNA 2003, `ß` and `ς` stay letters of their own: `faß.example` is
another domain than `fass.example`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from postroom.conf.errors import Permanent

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_LITERAL = re.compile(r"\[[A-Za-z0-9.:-]{2,60}\]")
_OTHER_DOTS = str.maketrans("。．｡", "...")


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """The domain in ASCII: `bücher.example` is `xn--bcher-kva.example`. An address literal stays as it is.

    Raises `Permanent` for what is no domain.
    """
    if _LITERAL.fullmatch(domain):
        return domain
    if len(domain) > 255:
        raise _invalid(domain)
    ascii_form = domain if domain.isascii() else _ascii_labels(domain)
    labels = ascii_form.removesuffix(".").split(".")
    if len(ascii_form) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid(domain)
    return ".".join(labels)


def _ascii_labels(domain: str) -> str:
    labels = unicodedata.normalize("NFKC", domain.translate(_OTHER_DOTS).lower()).split(".")
    for index, label in enumerate(labels):
        if not label.isascii():
            # Letters, digits and their marks only: no spaces, symbols or lone surrogates
            if not all(character == "-" or unicodedata.category(character)[0] in "LNM" for character in label):
                raise _invalid(domain)
            labels[index] = "xn--" + label.encode("punycode").decode()
    return ".".join(labels)


def _invalid(domain: str) -> Permanent:
    return Permanent(f"{domain[:100]!r} is no domain name.", code="5.1.2")
