"""Differences are told in words; a changed driver tells whom it affects; a secret only as changed."""

from __future__ import annotations

from pathlib import Path

from configured_store import SAMPLE, publish, put
from postroom.store.publishing.difference import difference
from postroom.store.publishing.document import Document


def test_changes_are_told_in_words(store: Path, sample_driver: object) -> None:
    before = put(SAMPLE).document
    text = (
        SAMPLE.replace("PollingInterval: 15", "PollingInterval: 20, Delete: false, Password: hunter4")
        .replace("hunter2-profile", "hunter3")
        .replace("AccountName: support, ", "PollingInterval: 30, ")
        .replace("real_time: false", "real_time: true\n    concurrency: 4")
        .replace("AcknowledgementTemplate: Acknowledgement", "MaxAttempts: 2")
        .replace("- {name: alice, ", "- {name: bob}\n  - {name: alice, ")
        .replace("your message.", "your\\nletter")
        .replace("{name: Support agents, members: [alice]}", "{name: Support agents, members: []}")
    )
    after = put(text).document
    assert difference(before, after) == [
        "driver Head office: PollingInterval 15 → 20",
        "driver Head office: Delete set to false",
        "driver Head office: Password set",
        "  affects profile support@example.com: Delete true → false",
        "profile support@example.com: AccountName no longer set (was support)",
        "profile support@example.com: Password changed",
        "profile support@example.com: PollingInterval set to 30",
        "response group Support: real_time false → true",
        "response group Support: AcknowledgementTemplate no longer set (was Acknowledgement)",
        "response group Support: MaxAttempts set to 2",
        "response group Support: concurrency 0 → 4",
        "responsibility Support agents: members alice → nothing",
        "user bob: added",
        "template Acknowledgement: text changed",
    ]
    assert "hunter" not in str(difference(before, after))
    assert difference(Document(), before)[0] == "driver Head office: added"
    assert difference(before, Document())[-1] == "template Acknowledgement: removed"
    assert difference(before, before) == []


def test_a_secret_sealed_anew_is_no_change(store: Path, sample_driver: object) -> None:
    from postroom.conf.parameters import Secret
    from postroom.conf.sealing import seal

    before = put(SAMPLE).document
    after = before.model_copy(deep=True)
    after.profiles[0].overrides["Password"] = seal(Secret("hunter2-profile"), "profile:support@example.com/Password")
    assert after != before
    assert difference(before, after) == []


def test_many_affected_profiles_are_counted(store: Path, sample_driver: object) -> None:
    profiles = "".join(f"  - {{name: p{i}, address: p{i}@x.org, driver: Head office}}\n" for i in range(30))
    text = SAMPLE.replace("profiles:\n", "profiles:\n" + profiles)
    before, after = put(text).document, put(text.replace("Interval: 15", "Interval: 5")).document
    lines = difference(before, after)
    assert lines[1] == "  affects profile p0: PollingInterval 15 → 5"
    assert lines[-1] == "  … and 11 more effective values"


def test_a_submission_keeps_its_difference(store: Path, sample_driver: object) -> None:
    publish(SAMPLE)
    row = publish(SAMPLE.replace("Interval: 15", "Interval: 5"))
    assert row.difference.splitlines()[0] == "driver Head office: PollingInterval 15 → 5"
