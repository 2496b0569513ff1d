"""Failure mail to the administrators of response groups: what `store/notices` holds, grouped, as outbound messages.

It is written by the response group's ErrorTemplate, or, without one or should it fail, as a plain list.
"""

from __future__ import annotations

import structlog

from postroom.conf.errors import PostroomError
from postroom.store import notices, outbound
from postroom.store.database import transaction
from postroom.store.publishing.configuration import Configuration, GroupConfiguration, ProfileConfiguration
from postroom.workflow import templates
from postroom.workflow.template_fields import fields


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
            text, count = notices.take(cursor, group.id)
            if not text:
                continue
            subject, body = _written(conf, group, profile, text, count)
            outbound.queue(
                cursor,
                [
                    outbound.Owed(
                        profile=profile.id,
                        kind="notice",
                        message_id=outbound.new_message_id(profile.address),
                        return_address="",
                        recipients=(group.administrator,),
                        subject=subject,
                        text=body,
                    )
                ],
            )


def _written(
    conf: Configuration, group: GroupConfiguration, profile: ProfileConfiguration, text: str, count: int
) -> tuple[str, str]:
    """Subject and text."""
    name = group.arguments.get("ErrorTemplate")
    found = [t for (its_name, _), t in sorted(conf.templates.items()) if its_name == name]
    if found:
        known = fields(
            group_name=group.name,
            profile_name=profile.name,
            profile_address=profile.address,
            error_sentence=text,
            error_count=count,
        )
        try:
            return templates.render_line(found[0]["subject"], known), templates.render(found[0]["text"], known)
        except PostroomError as error:
            structlog.get_logger().error("the error template can't be used", group=group.name, reason=str(error))
    told = f"{text}\n\nThe original messages are safe; `postroom doctor` shows what is wrong.\n"
    return f"Postroom: response group {group.name} needs you", told


def _healthy(conf: Configuration, group: str) -> ProfileConfiguration | None:
    """The profile that failure mail of a group is sent from: the first that can run."""
    candidates = [p for p in conf.profiles.values() if p.group == group and p.name not in conf.problems]
    return min(candidates, key=lambda profile: profile.name, default=None)
