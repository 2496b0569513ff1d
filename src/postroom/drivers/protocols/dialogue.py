"""What is said to a server and by it, in a form that may be shown: bounded, printable, without secrets.

Every server's words pass through here before they stand in an error, an outcome or the log of LogDebug. Never shows
a password, nor its Base64 form, even if the server repeats it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

_LONGEST = 300


class Dialogue:
    """The conversation of one connection: hides the secrets it was told of, and logs if there is a log."""

    __slots__ = ("_debug", "_secrets", "logging")

    def __init__(self, debug: Callable[[str], None] | None = None) -> None:
        self._debug = debug
        self._secrets: tuple[str, ...] = ()
        self.logging = debug is not None

    def hide(self, *secrets: str) -> None:
        """From now on show none of these, nor their Base64 forms."""
        forms = {form for text in secrets if text for form in (text, base64.b64encode(text.encode()).decode())}
        self._secrets = tuple(sorted({*self._secrets, *forms}, key=len, reverse=True))

    def words(self, octets: bytes) -> str:
        """The server's words for people: printable, one line, at most 300 characters."""
        text = octets.decode("utf-8", "replace")
        for secret in self._secrets:
            text = text.replace(secret, "…")
        text = "".join(character if character.isprintable() else " " for character in text[: _LONGEST + 1]).strip()
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"

    def sent(self, octets: bytes) -> None:
        if self._debug:
            self._debug(f"C: {self.words(octets)}")

    def received(self, octets: bytes) -> None:
        if self._debug:
            self._debug(f"S: {self.words(octets)}")
