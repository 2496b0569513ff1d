"""The web role's addresses."""

from __future__ import annotations

from django.urls import path

from postroom.web import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics_page),
]
