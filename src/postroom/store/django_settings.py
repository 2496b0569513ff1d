"""Django's settings, derived from Postroom's own (`conf/settings`). Nothing is set up here by hand."""

from __future__ import annotations

from typing import Any

from postroom.conf.settings import settings
from postroom.store.backends import database_options

SECRET_KEY = "postroom-derives-its-keys-from-the-key-file"  # noqa: S105 - sessions and forms come with the console
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "postroom.store"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
ROOT_URLCONF = "postroom.web.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, Any] = {"default": database_options(settings())}
LOGGING_CONFIG = None
