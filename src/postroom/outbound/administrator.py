"""Failure mail to the administrators of response groups: what `store/notices` holds, grouped, as outbound messages."""

from __future__ import annotations

from postroom.mail.references import new_message_id
from postroom.store import notices, outbound
from postroom.store.database import transaction
from postroom.store.publishing.configuration import Configuration, ProfileConfiguration


def tell(conf: Configuration) -> None:
    """Queue failure mail for every group that has something to tell, and an administrator to hear it."""
    for group_id in notices.due_groups():
        group = next((group for group in conf.groups.values() if group.id == group_id), None)
        if group is None or not group.administrator:
            continue
        profile = _healthy(conf, group.name)
        if profile is None:
            continue
        with transaction("tell-administrator") as cursor:
            text = notices.take(cursor, group.id)
            if not text:
                continue
            outbound.queue(
                cursor,
                [
                    outbound.Owed(
                        profile=profile.id,
                        kind="notice",
                        message_id=new_message_id(profile.address.rpartition("@")[2]),
                        return_address="",
                        recipients=(group.administrator,),
                        subject=f"Postroom: response group {group.name} needs you",
                        text=f"{text}\n\nThe original messages are safe; `postroom doctor` shows what is wrong.\n",
                    )
                ],
            )


def _healthy(conf: Configuration, group: str) -> ProfileConfiguration | None:
    """The profile that failure mail of a group is sent from: the first that can run."""
    candidates = [p for p in conf.profiles.values() if p.group == group and p.name not in conf.problems]
    return min(candidates, key=lambda profile: profile.name, default=None)
