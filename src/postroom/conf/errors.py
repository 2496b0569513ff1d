"""The two kinds of error that Postroom knows, and the sentence each carries for people.

Every failure is `Transient` (worth another attempt) or `Permanent` (a person must act), has an RFC 3463 status
code, and a sentence that may be shown as it stands: it says what happened and never holds a secret. An exception
of any other class is treated as transient until its attempts run out.
"""

from __future__ import annotations


class PostroomError(Exception):
    """An error that may be shown to a person.

    `sentence` says what happened and to what; `code` is an RFC 3463 status ("4.4.1"); `advice`, where there is one,
    says what to do.
    """

    default_code = "5.0.0"

    def __init__(self, sentence: str, *, code: str | None = None, advice: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.default_code
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}".strip()


class Transient(PostroomError):
    """It may work later: a server away, a lock held, a quota full."""

    default_code = "4.0.0"


class Permanent(PostroomError):
    """It won't work until somebody changes something."""

    default_code = "5.0.0"


class AuthenticationFailed(Permanent):
    """The server refused the account or its password: retried rarely, and reported once."""

    default_code = "5.7.8"


class UnknownOutcome(Transient):
    """The message may or may not have been taken: the connection was lost after the final dot, before the answer."""

    default_code = "4.4.2"


class UsageError(PostroomError):
    """What the user asked for can't be: unknown name, wrong state, bad value. The command line exits with 2."""
