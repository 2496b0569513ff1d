"""Submitting: refused with every reason, the rows in line, history kept; what running components then read."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from configured_store import SAMPLE, Nothing, publish, put
from postroom.conf.errors import UsageError
from postroom.conf.parameters import Secret
from postroom.store.publishing.problems import Refused

SECOND = SAMPLE + "workflows:\n  - {name: Own, version: 3, steps: [{step: x}]}\n"
DETACHED = SAMPLE.replace("    response_group: Support\n", "")
REMOVED = """\
drivers: []
profiles: []
response_groups: []
"""


def event(profile: str, state: str = "processed") -> None:
    from postroom.store.models import Content, InboundEvent, Profile

    row = Profile.objects.get(name=profile)
    content = Content.objects.create(sha256=b"1" * 32, size=1, codec="raw", octets=b"x", created_ms=1)
    InboundEvent.objects.create(
        profile=row, group_id=row.response_group_id, content=content, size=1, state=state, accepted_ms=1
    )


def test_a_submission_makes_the_rows_and_the_configuration(store: Path, sample_driver: object) -> None:
    from postroom.store.models import Audit, Profile
    from postroom.store.publishing import configuration

    assert configuration.current_number() == 0
    assert configuration.current() == configuration.Configuration()
    submission = publish(SAMPLE, "Begin")
    assert (submission.number, submission.author, submission.reason) == (1, "tester", "Begin")
    row = Profile.objects.get(name="support@example.com")
    assert (row.state, row.response_group.name) == ("active", "Support")
    [responsibility] = row.responsibilities.all()
    [alice] = responsibility.members.all()
    assert (responsibility.name, alice.username, alice.email) == ("Support agents", "alice", "alice@example.com")
    assert not alice.has_usable_password()
    assert [a.action for a in Audit.objects.order_by("id")] == ["draft", "submit"]

    now = configuration.current()
    assert (now.number, dict(now.problems)) == (1, {})
    profile = now.profiles["support@example.com"]
    assert (profile.id, profile.kind, profile.driver, profile.group) == (row.id, "sample", "Head office", "Support")
    assert profile.values["Password"] == Secret("hunter2-profile")
    assert profile.values.number("PollingInterval") == 15
    assert profile.values.effective("PollingInterval").origin == "driver"
    group = now.groups["Support"]
    assert (group.id, group.real_time, group.active) == (row.response_group_id, False, True)
    assert group.arguments["ProcessName"] == "Process Message"
    assert group.arguments["RealTime"] is False
    assert now.templates["Acknowledgement", ""] == {"subject": "Re: {{ subject }}", "text": "We have your message."}
    assert configuration.current() is now


def test_a_draft_changes_nothing_until_it_is_submitted(store: Path, sample_driver: object) -> None:
    from postroom.store.publishing import configuration, draft

    publish(SAMPLE)
    put(REMOVED)
    assert configuration.current().profiles
    state = draft.get()
    assert (state.base, state.document.profiles) == (1, [])


def test_a_draft_that_cannot_work_is_refused_with_every_reason(store: Path, sample_driver: object) -> None:
    from postroom.store.models import Profile
    from postroom.store.publishing import configuration
    from postroom.store.publishing.submit import submit

    text = SAMPLE.replace(", Password: hunter2-profile", "").replace("ProcessName: Process", "ProcessName: No")
    put(text)
    with pytest.raises(Refused) as refused:
        submit("tester", "why", Nothing())
    assert len(refused.value.problems) == 2
    assert configuration.current_number() == 0
    assert not Profile.objects.exists()
    with pytest.raises(UsageError, match="reason"):
        submit("tester", " ", Nothing())


def test_nothing_is_submitted_twice(store: Path, sample_driver: object) -> None:
    from postroom.store.publishing.submit import NothingToSubmit, submit

    publish(SAMPLE)
    with pytest.raises(NothingToSubmit):
        submit("tester", "again", Nothing())
    with pytest.raises(NothingToSubmit):
        publish(SAMPLE)  # sealing the same password again is no change


def test_two_who_work_on_the_draft_do_not_overwrite_each_other(store: Path, sample_driver: object) -> None:
    from postroom.store.publishing import draft

    put(SAMPLE)
    state = draft.get()
    mine = draft.prepare(state.document, (), Nothing())
    draft.replace_draft(mine, "alice", state.revision)
    with pytest.raises(UsageError, match="changed by alice"):
        draft.replace_draft(mine, "bob", state.revision)
    with pytest.raises(UsageError, match="changed by alice"):
        draft.replace_draft(mine, "bob", 0)


def test_the_digest_changes_with_what_is_watched_and_nothing_else(store: Path, sample_driver: object) -> None:
    from postroom.store.publishing import configuration

    def digest(text: str) -> str:
        publish(text)
        return configuration.current().profiles["support@example.com"].digest

    first = digest(SAMPLE)
    assert digest(SAMPLE.replace("the team", "your team").replace("[alice]", "[]")) == first
    assert digest(SAMPLE.replace("PollingInterval: 15", "PollingInterval: 15, Encryption: tls")) == first
    changed = {
        digest(SAMPLE.replace("hunter2-profile", "hunter3")),
        digest(SAMPLE.replace("PollingInterval: 15", "PollingInterval: 16")),
        digest(SAMPLE.replace("real_time: false", "real_time: true")),
        digest(SAMPLE.replace("real_time: false", "active: false")),
        digest(DETACHED),
    }
    assert len(changed | {first}) == 6
    assert digest(SAMPLE) == first


def test_a_profile_with_history_loses_its_group_and_keeps_its_name(store: Path, sample_driver: object) -> None:
    from postroom.store.models import Profile
    from postroom.store.publishing import configuration

    publish(SAMPLE)
    event("support@example.com")
    publish(REMOVED)
    row = Profile.objects.get()
    assert (row.name, row.state, row.response_group, row.responsibilities.count()) == (
        "support@example.com",
        "active",
        None,
        0,
    )
    assert not configuration.current().profiles
    with pytest.raises(Refused) as refused:
        publish(SAMPLE.replace("name: support@", "name: renamed@"))
    assert "belongs to profile support@example.com, which has history" in refused.value.problems[0].sentence
    publish(SAMPLE)
    assert Profile.objects.get().response_group is not None


def test_a_profile_without_history_goes(store: Path, sample_driver: object) -> None:
    from postroom.store.models import Profile

    publish(SAMPLE)
    publish(SAMPLE.replace("name: support@", "name: renamed@"))
    assert [row.name for row in Profile.objects.all()] == ["renamed@example.com"]
    publish(REMOVED)
    assert not Profile.objects.exists()


def test_what_is_still_needed_is_not_removed(store: Path, sample_driver: object) -> None:
    from postroom.store.models import OutboundMessage, Profile
    from postroom.store.publishing import configuration

    publish(SAMPLE)
    event("support@example.com", "queued")
    OutboundMessage.objects.create(
        profile=Profile.objects.get(),
        kind="reply",
        message_id="<1@x>",
        return_address="a@b",
        recipients=["c@d"],
        subject="",
        text="",
        created_ms=1,
    )
    with pytest.raises(Refused) as refused:
        publish(REMOVED)
    words = [problem.sentence for problem in refused.value.problems]
    assert len(words) == 3
    assert "1 messages to send" in words[0]
    assert "1 events to process" in words[1]
    assert configuration.current_number() == 1
    publish(DETACHED)
    assert configuration.current().profiles["support@example.com"].group is None


def test_addresses_may_be_swapped(store: Path, sample_driver: object) -> None:
    from postroom.store.models import Profile

    def two(first: str, second: str) -> str:
        return f"""\
drivers: [{{name: d, kind: sample}}]
profiles:
  - {{name: one, address: {first}, driver: d}}
  - {{name: two, address: {second}, driver: d}}
"""

    publish(two("a@x.org", "b@x.org"))
    publish(two("b@x.org", "a@x.org"))
    assert dict(Profile.objects.values_list("name", "address")) == {"one": "b@x.org", "two": "a@x.org"}
    assert set(Profile.objects.values_list("state", flat=True)) == {"draft"}


def test_who_leaves_the_document_can_log_in_no_more(store: Path, sample_driver: object) -> None:
    from django.contrib.auth.models import User

    User.objects.create_superuser("admin", password="x")
    User.objects.create_user("outsider")
    publish(SAMPLE + "  - {name: x}\n".replace("  - {name: x}\n", ""))
    publish(SAMPLE.replace("- {name: alice,", "- {name: admin}\n  - {name: alice,"))
    publish(REMOVED)
    assert dict(User.objects.values_list("username", "is_active")) == {
        "admin": True,
        "outsider": True,
        "alice": False,
    }
    publish(SAMPLE)
    assert User.objects.get(username="alice").is_active


def test_rollback_submits_an_earlier_document_and_spares_a_draft(store: Path, sample_driver: object) -> None:
    from postroom.store.publishing import configuration, draft
    from postroom.store.publishing.submit import rollback

    publish(SAMPLE)
    publish(SECOND)
    assert configuration.current().workflows["Own"]["version"] == 3
    row = rollback(1, "tester", "", Nothing())
    assert (row.number, row.reason) == (3, "Back to submission 1")
    assert configuration.current().workflows == {}
    assert draft.get().document == draft.submitted(1)[1]
    put(REMOVED)
    rollback(2, "tester", "", Nothing())
    assert draft.get().document.profiles == []
    assert draft.get().base == 4
    for number in (0, 99):
        with pytest.raises(UsageError):
            rollback(number, "tester", "", Nothing())


def test_a_secret_that_cannot_be_opened_stops_its_profile_alone(store: Path, sample_driver: object) -> None:
    from postroom.conf.sealing import make_key_file
    from postroom.store.publishing import configuration

    other = SAMPLE.replace("profiles:\n", "profiles:\n  - {name: quiet, address: q@x.org, driver: Head office}\n")
    publish(other)
    key = (store / "key").read_bytes()
    (store / "key").unlink()
    make_key_file(store / "key")
    now = configuration.current()
    assert set(now.profiles) == {"quiet", "support@example.com"}
    assert set(now.problems) == {"support@example.com"}
    assert "not in the key file" in now.problems["support@example.com"]
    assert now.profiles["support@example.com"].values.secret("Password") is None
    time.sleep(0.01)
    (store / "key").write_bytes(key)
    assert configuration.current().problems == {}


def test_a_kind_that_is_gone_stops_its_profiles_alone(
    store: Path, sample_driver: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postroom.conf import registry
    from postroom.store.publishing import configuration

    publish(SAMPLE)
    monkeypatch.setattr(registry, "drivers", dict)
    (store / "key").touch()
    assert "sample" in configuration.current().problems["support@example.com"]


def test_a_thousand_profiles(store: Path, sample_driver: object) -> None:
    from postroom.store.models import Profile
    from postroom.store.publishing import configuration

    profiles = "".join(
        f"  - {{name: p{i}, address: p{i}@example.com, driver: Head office, response_group: Support,"
        f" responsibilities: [Support agents], overrides: {{Password: p{i}}}}}\n"
        for i in range(1000)
    )
    publish(SAMPLE.replace("profiles:\n", "profiles:\n" + profiles))
    assert Profile.objects.filter(state="active").count() == 1001
    assert len(configuration.current().profiles) == 1001
    assert Profile.responsibilities.through.objects.count() == 1001


def test_of_two_who_submit_at_once_one_is_told(store: Path, sample_driver: object) -> None:
    from django.db import connections

    from postroom.conf.errors import PostroomError
    from postroom.store.models import Submission
    from postroom.store.publishing.submit import submit

    put(SAMPLE)
    barrier = threading.Barrier(4)

    def one(name: str) -> str:
        try:
            barrier.wait()
            return f"submission {submit(name, 'at once', Nothing()).number}"
        except PostroomError as error:
            return error.sentence
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(one, "abcd"))
    assert said.count("submission 1") == 1, said
    told = {"Nothing differs from submission 1."}
    told.add("Somebody changed the configuration at the same moment; nothing was submitted.")
    assert {line for line in said if line != "submission 1"} <= told
    assert Submission.objects.count() == 1
