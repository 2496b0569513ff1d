"""Failure mail is grouped: at once after a quiet time, then together."""

from __future__ import annotations

from installation import Installation


def test_notices_go_at_once_and_then_grouped(installation: Installation) -> None:
    from postroom.store import notices
    from postroom.store.database import transaction
    from postroom.store.models import Notice, ResponseGroup

    group = ResponseGroup.objects.create(name="Support").pk
    assert notices.due_groups() == {}
    notices.add(group, "event", "1", "It broke.")
    assert notices.due_groups() == {group: 1}
    with transaction("tell") as cursor:
        text, count = notices.take(cursor, group)
    assert (text, count) == ("Event 1:\n    It broke.", 1)
    for event in range(2, 30):
        notices.add(group, "event", str(event), "It broke again.")
    assert notices.due_groups() == {}
    Notice.objects.filter(sent_ms__isnull=False).update(sent_ms=1)
    assert notices.due_groups() == {group: 28}
    with transaction("tell") as cursor:
        text, count = notices.take(cursor, group)
        assert notices.take(cursor, group) == ("", 0)
    assert count == 28
    assert text.startswith("Event 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 18 more:")
