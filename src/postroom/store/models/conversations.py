"""What agents work on: contacts, conversations, their activities, and the message ids that tie threads together."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from postroom.store.models.configuration import Profile, ResponseGroup
from postroom.store.models.mail import InboundEvent


class Contact(models.Model):
    """Somebody who wrote to us, by address (lower case)."""

    address = models.CharField(max_length=320, unique=True)
    name = models.CharField(max_length=200, default="")
    organization = models.CharField(max_length=200, default="")
    created_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"


class Conversation(models.Model):
    """The thread of activities an agent works on: `open → pending → closed`, with or without an owner."""

    class State(models.TextChoices):
        OPEN = "open"
        PENDING = "pending"
        CLOSED = "closed"

    group = models.ForeignKey(ResponseGroup, on_delete=models.PROTECT, db_index=False)
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, db_index=False)
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    subject = models.CharField(max_length=500)
    language = models.CharField(max_length=8, default="")
    category = models.CharField(max_length=100, default="")
    tags = models.JSONField(default=list)
    created_ms = models.BigIntegerField()
    changed_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"
        indexes = [models.Index(fields=["group", "state", "-changed_ms"], name="conversation_inbox")]


class Activity(models.Model):
    """One thing that happened in a conversation: a message in or out, a note."""

    class Kind(models.TextChoices):
        INBOUND = "inbound"
        OUTBOUND = "outbound"
        NOTE = "note"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    event = models.OneToOneField(InboundEvent, null=True, on_delete=models.PROTECT)
    author = models.CharField(max_length=320)
    author_name = models.CharField(max_length=200, default="")
    subject = models.CharField(max_length=500)
    text = models.TextField()
    attachments = models.JSONField(default=list)
    created_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"


class MessageIdentifier(models.Model):
    """A Message-ID that belongs to a conversation; `ours` if we made it. Several messages may bear one id."""

    message_id = models.CharField(max_length=255, db_index=True)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, db_index=False)
    ours = models.BooleanField(default=False)

    class Meta:
        app_label = "postroom"
