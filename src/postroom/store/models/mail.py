"""What has arrived: raw contents, the ledger of every message on a server, inbound events and their stories."""

from __future__ import annotations

from django.db import models

from postroom.store.models.configuration import Profile, ResponseGroup


class Content(models.Model):
    """The exact octets of a message, once for each SHA-256: in `octets` (compressed) or in the file `path`."""

    sha256 = models.BinaryField(primary_key=True, max_length=32)
    size = models.BigIntegerField()
    codec = models.CharField(max_length=8)
    octets = models.BinaryField(null=True)
    path = models.CharField(max_length=200, null=True)
    created_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"


class WatchedMailbox(models.Model):
    """A mailbox of a profile: since when it is watched, and what the last complete listing saw."""

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT)
    name = models.CharField(max_length=255)
    epoch = models.BigIntegerField(default=0)
    started_ms = models.BigIntegerField()
    listed_ms = models.BigIntegerField(default=0)
    messages = models.BigIntegerField(default=0)

    class Meta:
        app_label = "postroom"
        constraints = [models.UniqueConstraint(fields=["profile", "name"], name="mailbox_of_profile")]


class InboundEvent(models.Model):
    """A durable event: `queued → processing → processed | paused | failed | discarded`."""

    class State(models.TextChoices):
        QUEUED = "queued"
        PROCESSING = "processing"
        PROCESSED = "processed"
        PAUSED = "paused"
        FAILED = "failed"
        DISCARDED = "discarded"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ResponseGroup, on_delete=models.PROTECT, db_index=False)
    content = models.ForeignKey(Content, on_delete=models.PROTECT, db_index=False)
    mailbox = models.CharField(max_length=255, default="")
    size = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    outcome = models.CharField(max_length=20, default="")
    reason = models.TextField(default="")
    realtime = models.BooleanField(default=True)
    receiver = models.CharField(max_length=64, default="")
    attempts = models.PositiveIntegerField(default=0)
    deaths = models.PositiveIntegerField(default=0)
    released = models.BooleanField(default=False)
    holder = models.CharField(max_length=64, default="")
    next_attempt_ms = models.BigIntegerField(default=0)
    received_ms = models.BigIntegerField(null=True)
    accepted_ms = models.BigIntegerField()
    processed_ms = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=500, default="")
    author = models.CharField(max_length=320, default="")
    message_id = models.CharField(max_length=998, default="")
    conversation = models.ForeignKey("postroom.Conversation", null=True, on_delete=models.PROTECT, db_index=False)

    class Meta:
        app_label = "postroom"
        indexes = [
            models.Index(fields=["realtime", "id"], name="event_queued", condition=models.Q(state="queued")),
            models.Index(
                fields=["state", "id"],
                name="event_unfinished",
                condition=~models.Q(state__in=["processed", "discarded"]),
            ),
            models.Index(fields=["group", "id"], name="event_group"),
        ]


class LedgerEntry(models.Model):
    """One message on a server and its disposition. Identity: (profile, mailbox, epoch, source_id).

    `acknowledged_ms` is when the server confirmed what we told it (or the message was found gone); NULL: still to do.
    """

    class Disposition(models.TextChoices):
        EVENT = "event"
        DUPLICATE = "duplicate"
        EXCLUDED = "excluded"
        VANISHED = "vanished"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, db_index=False)
    mailbox = models.CharField(max_length=255)
    epoch = models.BigIntegerField()
    source_id = models.CharField(max_length=255)
    digest = models.BinaryField(null=True, max_length=32)
    size = models.BigIntegerField()
    disposition = models.CharField(max_length=10, choices=Disposition.choices)
    reason = models.TextField(default="")
    event = models.ForeignKey(InboundEvent, null=True, on_delete=models.PROTECT)
    action = models.CharField(max_length=10, default="leave")
    acknowledged_ms = models.BigIntegerField(null=True)
    removed = models.BooleanField(default=False)
    acknowledge_failures = models.PositiveIntegerField(default=0)
    acknowledge_reason = models.TextField(default="")
    created_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"
        constraints = [
            models.UniqueConstraint(fields=["profile", "mailbox", "epoch", "source_id"], name="one_retrieval_one_entry")
        ]
        indexes = [
            models.Index(fields=["profile", "digest"], name="ledger_digest"),
            models.Index(
                fields=["profile", "mailbox"], name="ledger_unacknowledged", condition=models.Q(acknowledged_ms=None)
            ),
        ]


class EventTrace(models.Model):
    """The story of one processing of an event: the workflow's steps with their reasons, as JSON."""

    event = models.ForeignKey(InboundEvent, on_delete=models.CASCADE)
    workflow = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    submission = models.PositiveIntegerField()
    parser = models.PositiveIntegerField()
    steps = models.TextField()
    created_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"
