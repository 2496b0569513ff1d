"""Budgets count what is used, each key and length of window for itself."""

from __future__ import annotations

import pytest

from installation import Installation


def test_two_windows_of_one_key_that_begin_together_are_two_budgets(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postroom.store import budgets
    from postroom.store.database import transaction

    midnight = 86_400_000 * 20_000
    monkeypatch.setattr(budgets, "now_ms", lambda: midnight + 60_000)
    with transaction("count") as cursor:
        budgets.count(cursor, {("author:a@x", 3600): 2, ("author:a@x", 86_400): 2, ("server", 3600): 1})
        budgets.count(cursor, {("author:a@x", 3600): 1, ("author:a@x", 86_400): 1})
    assert budgets.used({"author:a@x", "author:b@x", "server"}, 3600) == {"author:a@x": 3, "server": 1}
    assert budgets.used({"author:a@x"}, 86_400) == {"author:a@x": 3}
    monkeypatch.setattr(budgets, "now_ms", lambda: midnight + 3_600_000)
    assert budgets.used({"author:a@x"}, 3600) == {}
    assert budgets.used({"author:a@x"}, 86_400) == {"author:a@x": 3}
