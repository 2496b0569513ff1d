"""The metrics of this process, in Prometheus' conventions; the web role serves them at `/metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

PROFILE_LAG = Gauge(
    "postroom_profile_lag_seconds", "Time since the profile's mailbox was last seen completely.", ["profile"]
)
PROFILE_FAILURES = Gauge("postroom_profile_failures", "Consecutive failures of a profile.", ["profile"])
ACCEPTED = Counter("postroom_messages_accepted_total", "Messages entered in the ledger.", ["disposition"])
ROUND_SECONDS = Histogram("postroom_round_seconds", "Duration of one round of retrieval of a profile.")
ROUND_FAILURES = Counter("postroom_round_failures_total", "Rounds that failed.", ["kind"])
PROCESSED = Counter("postroom_events_processed_total", "Events that left processing.", ["result"])
PROCESS_SECONDS = Histogram("postroom_process_batch_seconds", "Duration of the processing of one batch.")
EVENT_SECONDS = Histogram(
    "postroom_event_seconds",
    "Time from accepting a message to its processed event.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)
SUBMITTED = Counter("postroom_messages_submitted_total", "Attempts to submit outbound messages.", ["result"])
EVENTS = Gauge("postroom_events", "Events that are not finished, by state.", ["state"])
OUTBOUND = Gauge("postroom_outbound_messages", "Outbound messages that are not finished, by state.", ["state"])
