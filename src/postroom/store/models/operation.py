"""How the system is doing: who is alive, who watches what, budgets, notices, health, audit."""

from __future__ import annotations

from django.db import models

from postroom.store.models.configuration import Profile, ResponseGroup


class Instance(models.Model):
    """A running process. It is alive while `seen_ms` is fresh; what it held is taken back when it is not."""

    name = models.CharField(max_length=64, primary_key=True)
    host = models.CharField(max_length=255)
    process_id = models.PositiveIntegerField()
    roles = models.CharField(max_length=200)
    submission = models.PositiveIntegerField(default=0)
    started_ms = models.BigIntegerField()
    seen_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"


class Lease(models.Model):
    """Who watches a profile, until when."""

    profile = models.OneToOneField(Profile, primary_key=True, on_delete=models.CASCADE)
    holder = models.CharField(max_length=64)
    until_ms = models.BigIntegerField()

    class Meta:
        app_label = "postroom"


class ProfileHealth(models.Model):
    """How the watching of a profile goes, in words and figures."""

    profile = models.OneToOneField(Profile, primary_key=True, on_delete=models.CASCADE)
    state = models.CharField(max_length=20, default="starting")
    last_success_ms = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    next_attempt_ms = models.BigIntegerField(default=0)
    reason = models.TextField(default="")
    reported = models.BooleanField(default=False)
    changed_ms = models.BigIntegerField(default=0)

    class Meta:
        app_label = "postroom"


class Budget(models.Model):
    """How much of an acknowledgement budget is used in one window."""

    key = models.CharField(max_length=400)
    window_ms = models.BigIntegerField()
    used = models.PositiveIntegerField()

    class Meta:
        app_label = "postroom"
        constraints = [models.UniqueConstraint(fields=["key", "window_ms"], name="budget_window")]


class Notice(models.Model):
    """Something that a response group's administrator is told, grouped with others of its kind."""

    group = models.ForeignKey(ResponseGroup, on_delete=models.CASCADE)
    kind = models.CharField(max_length=20)
    about = models.CharField(max_length=200)
    text = models.TextField()
    created_ms = models.BigIntegerField()
    sent_ms = models.BigIntegerField(null=True)

    class Meta:
        app_label = "postroom"
        indexes = [models.Index(fields=["group"], name="notice_unsent", condition=models.Q(sent_ms=None))]


class Audit(models.Model):
    """Who did what, when, to what: append-only."""

    at_ms = models.BigIntegerField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=50)
    subject = models.CharField(max_length=255)
    detail = models.TextField(default="")

    class Meta:
        app_label = "postroom"
        indexes = [models.Index(fields=["subject"], name="audit_subject")]
