"""Make the store usable in this process: Django set up, connections of threads kept and closed."""

from __future__ import annotations

import os

import django
from django.apps import apps


def setup() -> None:
    """Set Django up once; cheap afterwards. Must run before anything imports models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "postroom.store.django_settings")
    if not apps.ready:
        django.setup()


def migrate() -> None:
    """Bring the database's schema up to date."""
    from django.core.management import call_command

    setup()
    call_command("migrate", verbosity=0, interactive=False)
