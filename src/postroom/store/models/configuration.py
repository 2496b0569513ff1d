"""What is configured: numbered submissions, the draft, and the rows that other tables refer to.

A submission's document is the whole configuration, immutable; `publishing/submit` writes it and brings the rows of
profiles, response groups and responsibilities into line in the same transaction.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower


class Submission(models.Model):
    """A numbered configuration. The one with the highest number is in force."""

    number = models.PositiveIntegerField(primary_key=True)
    document = models.JSONField()
    author = models.CharField(max_length=150)
    reason = models.TextField()
    difference = models.TextField(default="")
    created_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"


class Draft(models.Model):
    """The one draft (id 1): a document, the submission it began from, and a revision that stops lost updates."""

    document = models.JSONField()
    base = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)
    author = models.CharField(max_length=150, default="")
    changed_ms = models.BigIntegerField(default=0)

    class Meta:
        app_label = "postroom"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_draft")]


class ResponseGroup(models.Model):
    """Profiles handled alike. What runs is in the submission; here is what rows refer to and SQL asks for."""

    name = models.CharField(max_length=200, unique=True)
    retired = models.BooleanField(default=False)

    class Meta:
        app_label = "postroom"


class Responsibility(models.Model):
    """Who may answer from which profiles."""

    name = models.CharField(max_length=200, unique=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="responsibilities")

    class Meta:
        app_label = "postroom"


class Profile(models.Model):
    """One mailbox. Never deleted: history keeps its name."""

    class State(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        RETIRING = "retiring"
        RETIRED = "retired"

    name = models.CharField(max_length=200, unique=True)
    address = models.CharField(max_length=320)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    response_group = models.ForeignKey(ResponseGroup, null=True, on_delete=models.PROTECT, related_name="profiles")
    responsibilities = models.ManyToManyField(Responsibility, related_name="profiles")

    class Meta:
        app_label = "postroom"
        constraints = [
            # An address belongs to one profile; a retired profile gives it free.
            models.UniqueConstraint(
                Lower("address"), name="address_of_one_profile", condition=~models.Q(state="retired")
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "active", "retiring", "retired"]), name="profile_state"
            ),
        ]
