"""The one Django app of Postroom."""

from __future__ import annotations

from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "postroom.store"
    label = "postroom"
    default_auto_field = "django.db.models.BigAutoField"
