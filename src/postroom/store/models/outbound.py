"""What is owed: outbound messages and the delivery ledger of every attempt."""

from __future__ import annotations

from django.db import models

from postroom.store.models.configuration import Profile
from postroom.store.models.conversations import Conversation
from postroom.store.models.mail import InboundEvent


class OutboundMessage(models.Model):
    """A message to send: `queued → submitting → submitted → delivered | bounced`, and
    `paused | failed | unknown | cancelled`. It is composed from these fields when it is submitted, always to the same
    octets with the same Message-ID.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        SUBMITTING = "submitting"
        SUBMITTED = "submitted"
        DELIVERED = "delivered"
        BOUNCED = "bounced"
        PAUSED = "paused"
        FAILED = "failed"
        UNKNOWN = "unknown"
        CANCELLED = "cancelled"

    class Kind(models.TextChoices):
        ACKNOWLEDGEMENT = "acknowledgement"
        REPLY = "reply"
        NOTICE = "notice"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    event = models.ForeignKey(InboundEvent, null=True, on_delete=models.PROTECT, db_index=False)
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.PROTECT)
    message_id = models.CharField(max_length=255, unique=True)
    return_address = models.CharField(max_length=320)
    recipients = models.JSONField()
    subject = models.CharField(max_length=998)
    text = models.TextField()
    in_reply_to = models.CharField(max_length=998, default="")
    references = models.TextField(default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    holder = models.CharField(max_length=64, default="")
    next_attempt_ms = models.BigIntegerField(default=0)
    retried_ms = models.BigIntegerField(null=True)
    code = models.CharField(max_length=12, default="")
    reason = models.TextField(default="")
    created_ms = models.BigIntegerField()
    submitted_ms = models.BigIntegerField(null=True)

    class Meta:
        app_label = "postroom"
        constraints = [
            # However often an event is processed, it is acknowledged once.
            models.UniqueConstraint(
                fields=["event"], name="one_acknowledgement_an_event", condition=models.Q(kind="acknowledgement")
            )
        ]
        indexes = [
            models.Index(
                fields=["state", "next_attempt_ms"],
                name="outbound_owed",
                condition=models.Q(state__in=["queued", "submitting", "paused", "unknown"]),
            ),
            models.Index(fields=["profile", "-created_ms"], name="outbound_profile"),
        ]


class DeliveryAttempt(models.Model):
    """One attempt to submit, or what a delivery report said, with the server's words."""

    outbound = models.ForeignKey(OutboundMessage, on_delete=models.CASCADE)
    at_ms = models.BigIntegerField()
    server = models.CharField(max_length=255, default="")
    recipient = models.CharField(max_length=320, default="")
    result = models.CharField(max_length=10)
    reply = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=12, default="")
    text = models.TextField(default="")

    class Meta:
        app_label = "postroom"
