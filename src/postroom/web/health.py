"""`/healthz`, `/readyz` and `/metrics`: whether this process moves, whether it can work, and its figures."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from postroom.conf import liveness, metrics
from postroom.store.database import reading


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while every component of this process goes round; 503 names the stuck one: restart the process."""
    states = liveness.states()
    stuck = "stuck" in states.values()
    return JsonResponse({"status": "stuck" if stuck else "ok", "components": states}, status=503 if stuck else 200)


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database answers and every component has started; 503 otherwise."""
    states = liveness.states()
    try:
        with reading() as cursor:
            cursor.execute("SELECT COUNT(*) FROM postroom_submission")
            cursor.fetchone()
        database = "ok"
    except DatabaseError:
        connection.close()
        database = "not reachable"
    ready = database == "ok" and all(state == "running" for state in states.values())
    body = {"status": "ready" if ready else "not ready", "database": database, "components": states}
    return JsonResponse(body, status=200 if ready else 503)


def metrics_page(request: HttpRequest) -> HttpResponse:
    """The figures of this process, and what waits in the store."""
    for table, gauge, done in (
        ("postroom_inboundevent", metrics.EVENTS, ("processed", "discarded")),
        ("postroom_outboundmessage", metrics.OUTBOUND, ("submitted", "delivered", "bounced", "cancelled", "failed")),
    ):
        gauge.clear()
        with reading() as cursor:
            marks = ", ".join(f"'{state}'" for state in done)
            cursor.execute(f"SELECT state, COUNT(*) FROM {table} WHERE state NOT IN ({marks}) GROUP BY state")  # noqa: S608
            for state, count in cursor.fetchall():
                gauge.labels(state).set(count)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
