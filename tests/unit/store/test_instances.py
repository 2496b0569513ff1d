"""Who is alive holds leases and claims; who is dead loses them; who was only asleep notices."""

from __future__ import annotations

import os

import pytest

from installation import Installation


@pytest.fixture
def profiles(installation: Installation) -> list[int]:
    from postroom.store.models import Profile

    return [int(Profile.objects.create(name=f"{n}@x", address=f"{n}@x", state="active").pk) for n in range(4)]


def holds(name: str, profile: int) -> bool:
    from postroom.store import instances
    from postroom.store.database import transaction

    with transaction("check") as cursor:
        return instances.holds(cursor, name, profile)


def bury() -> list[str]:
    from postroom.store import instances
    from postroom.store.database import transaction

    with transaction("bury") as cursor:
        return instances.bury(cursor)


def test_a_profile_is_watched_by_one(profiles: list[int]) -> None:
    from postroom.store import instances

    assert instances.lease("a", profiles, 2) == set(profiles[:2])
    assert instances.lease("b", profiles, 9) == set(profiles[2:])
    assert instances.lease("a", profiles, 9) == set(profiles[:2])
    assert holds("a", profiles[0])
    assert not holds("b", profiles[0])
    instances.release("a", profiles[:1])
    assert instances.lease("b", profiles, 9) == {profiles[0], *profiles[2:]}


def test_a_lease_that_ran_out_is_free(profiles: list[int]) -> None:
    from postroom.store import instances
    from postroom.store.models import Lease

    instances.lease("a", profiles, 9)
    Lease.objects.filter(profile=profiles[0]).update(until_ms=1)
    assert instances.lease("b", profiles, 9) == {profiles[0]}
    assert not holds("a", profiles[0])


def test_the_dead_are_buried_with_their_leases(profiles: list[int]) -> None:
    from postroom.store import instances
    from postroom.store.models import Instance, Lease

    alive = f"here-{os.getpid()}-x"
    instances.register(alive, ["receiver"])
    instances.register("silent", ["receiver"])
    instances.lease(alive, profiles[:1], 1)
    instances.lease("silent", profiles, 9)
    Instance.objects.filter(name="silent").update(host="elsewhere", seen_ms=1)
    bury()
    assert list(Instance.objects.values_list("name", flat=True)) == [alive]
    assert list(Lease.objects.values_list("holder", flat=True)) == [alive]
    assert not instances.beat("silent", 0)
    assert instances.beat(alive, 0)


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once(profiles: list[int]) -> None:
    from postroom.store import instances
    from postroom.store.models import Instance

    instances.register("gone", ["receiver"])
    Instance.objects.update(process_id=2**22 - 1)
    bury()
    assert Instance.objects.count() == 0


def test_leaving_frees_leases_at_once(profiles: list[int]) -> None:
    from postroom.store import instances

    instances.register("a", ["receiver"])
    instances.lease("a", profiles, 9)
    instances.leave("a")
    assert instances.lease("b", profiles, 9) == set(profiles)


def test_leases_of_profiles_that_are_configured_no_more_are_given_back(profiles: list[int]) -> None:
    from postroom.store import instances

    instances.lease("a", profiles, 9)
    instances.release_others("a", profiles[:2])
    assert instances.lease("b", profiles, 9) == set(profiles[2:])
