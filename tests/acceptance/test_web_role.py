"""The web role tells the truth of its process: healthy, ready, and its figures."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from acceptance.running import Postroom, document, message, profile
from servers.dovecot import Dovecot
from servers.ports import free_port
from servers.smtp_sink import SMTPSink


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_healthy_ready_and_measured(
    postroom: Postroom, dovecot: Dovecot, smtp_sink: SMTPSink, support: str, customer: str
) -> None:
    port = free_port()
    postroom.environment["POSTROOM_WEB_BIND"] = f"127.0.0.1:{port}"
    postroom.apply(document(dovecot.port, smtp_sink.port, [profile(support)]))
    serving = postroom.serve(roles="receiver,processor,outbound,web")
    postroom.until(lambda: fetch(port, "/readyz")[0] == 200, "the process is ready")
    status, body = fetch(port, "/healthz")
    assert status == 200
    components = json.loads(body)["components"]
    assert set(components) == {"receiver", "realtime", "processor", "outbound", "web"}
    assert set(components.values()) == {"running"}
    dovecot.deliver(support, message(customer, support))
    postroom.until_submitted(1)
    figures = fetch(port, "/metrics")[1]
    assert 'postroom_messages_accepted_total{disposition="event"} 1.0' in figures
    assert 'postroom_events_processed_total{result="processed"} 1.0' in figures
    assert 'postroom_messages_submitted_total{result="submitted"} 1.0' in figures
    lag = f'postroom_profile_lag_seconds{{profile="{support}"}}'
    postroom.until(lambda: lag in fetch(port, "/metrics")[1], "the profile's lag is told")
    assert fetch(port, "/nothing")[0] == 404
    assert serving.stop() == 0
    assert fetch(port, "/healthz")[0] == 0


def test_an_address_that_is_taken_is_a_clear_error(postroom_on_sqlite: Postroom, smtp_sink: SMTPSink) -> None:
    postroom_on_sqlite.environment["POSTROOM_WEB_BIND"] = f"127.0.0.1:{smtp_sink.port}"
    serving = postroom_on_sqlite.serve(roles="web", wait=False)
    assert serving.process.wait(20) == 2
    assert f"can't listen on 127.0.0.1:{smtp_sink.port}" in serving.said()
    assert "Traceback" not in serving.said()
