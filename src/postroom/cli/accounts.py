"""Accounts as the command line makes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postroom.conf.errors import UsageError

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SHORTEST = 10


def check_name(name: str) -> None:
    """Raises `UsageError` if nobody can be called that."""
    if not re.fullmatch(r"[\w.@+-]{1,150}", name):
        raise UsageError(f"{name[:150]!r} can't be a login name: only letters, digits and @ . + - _ are allowed.")


def check_password(password: str) -> None:
    """Raises `UsageError` if it is too short."""
    if len(password) < SHORTEST:
        raise UsageError(f"The password is too short: it needs {SHORTEST} characters.")


def add(name: str, email: str, password: str, *, administrator: bool) -> User:
    """A new account.

    Raises `UsageError` for a name that can't be, or is taken.
    """
    from django.contrib.auth.models import User
    from django.db import IntegrityError

    from postroom.store.database import transaction

    check_name(name)
    check_password(password)
    try:
        with transaction("account"):
            return User.objects.create_user(
                name, email=email, password=password, is_staff=administrator, is_superuser=administrator
            )
    except IntegrityError:
        raise UsageError(f"There is a user {name} already.") from None


def find(name: str) -> User:
    """The account of that name.

    Raises `UsageError`.
    """
    from django.contrib.auth.models import User

    user = User.objects.filter(username=name).first()
    if user is None:
        raise UsageError(f"There is no user {name}.", advice="`postroom user list` lists them.")
    return user
