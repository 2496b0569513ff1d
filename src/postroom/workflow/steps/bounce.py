"""Bounce: is it a delivery report, and about which message of ours? And is it automatic mail of another kind?

A delivery report is no customer's message: it is recorded at the reply that it reports on, joins that reply's
conversation as an activity so that an agent sees it, and the workflow ends. A bounce reopens the conversation.

How far it is believed (RFC 3464, RFC 3462):
- a certain report (message/delivery-status) that names the Message-ID of a message of ours changes that message's
  state. Nobody can guess the id;
- everything else (a report in prose, or one that names no id of ours but an address that we wrote to lately) is
  recorded as *probable*: shown to people, changing no state of the outbound message;
- a certain report on nothing of ours is kept as a processed event with its reason and becomes no activity: it is most
  often the echo of somebody else's forged mail. `ProcessUnknownReports` lets it through;
- a report in prose on nothing of ours may be a person's message after all: it goes on as automatic mail.

Automatic mail of other kinds (absence notes, receipts, abuse reports) goes on with `facts.automatic`: it is kept, but
changes no state and is never acknowledged.
"""

from __future__ import annotations

from typing import Any, Literal

from postroom.conf.parameters import Parameter, Values
from postroom.mail.automatic import automatic
from postroom.mail.reports import Report, read_report
from postroom.workflow.contract import AddActivity, Context, Decided, Decision, FoundOutbound, RecordReport, Step
from postroom.workflow.words import one_line, quoted

_MOST_RECIPIENTS = 100
_MOST_BY_ADDRESS = 10  # looking one up by its address is dear
_STATUS: dict[str, Literal["delivered", "bounced", "delayed"]] = {
    "failed": "bounced",
    "delayed": "delayed",
    "delivered": "delivered",
}


class Bounce:
    name = "bounce"
    title = "Bounces and other automatic mail"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "ProcessUnknownReports",
            "boolean",
            "True: a delivery report on a message that is not ours goes on as automatic mail and becomes an activity. "
            "False: it is kept as a processed event only.",
            default=False,
            direction="in",
        ),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        why = automatic(context.message)
        if not why:
            return Decided("A person wrote it, as far as can be told.")
        report = read_report(context.message, context.octets())
        if report is None or report.kind != "delivery":
            return Decided(f"{why} It changes no state and is not acknowledged.", facts={"automatic": why})
        facts: dict[str, Any] = {"automatic": why, "report": True}
        records = _records(context, report)
        if records:
            return _recorded(context, records, facts)
        if report.certain and not values.flag("ProcessUnknownReports"):
            return Decided(
                "A delivery report on no message of ours: it is kept as an event only.", facts=facts, stop=True
            )
        return Decided(f"{why} It reports on no message of ours and goes on as automatic mail.", facts=facts)


def _records(context: Context, report: Report) -> list[tuple[FoundOutbound, RecordReport]]:
    """What the report says of messages of ours."""
    by_id = context.lookup.outbound_by_message_ids(report.original_message_ids) if report.original_message_ids else None
    records: list[tuple[FoundOutbound, RecordReport]] = []
    for reported in report.recipients[: _MOST_RECIPIENTS if by_id else _MOST_BY_ADDRESS]:
        status = _STATUS.get(reported.action)
        found = by_id or context.lookup.outbound_by_recipient(reported.address)
        if status is None or found is None:
            continue
        probable = not (report.certain and by_id)
        recipient = _recipient(found, reported.address)
        said = one_line(reported.text, 500)
        records.append((found, RecordReport(found.id, recipient, status, one_line(reported.code, 20), said, probable)))
    return records


def _recipient(found: FoundOutbound, address: str) -> str:
    """The recipient as we wrote to it. A report on a forwarded message names the address where it was forwarded to."""
    for recipient in found.recipients:
        if recipient.lower() == address.lower():
            return recipient
    return found.recipients[0] if len(found.recipients) == 1 else address


def _recorded(context: Context, records: list[tuple[FoundOutbound, RecordReport]], facts: dict[str, Any]) -> Decided:
    decisions: list[Decision] = [record for _, record in records]
    bounced = {found.conversation for found, record in records if record.status == "bounced"}
    conversations = dict.fromkeys(found.conversation for found, _ in records if found.conversation)
    subject = one_line(context.message.subject, 500)
    decisions += [AddActivity(number, subject, reopen=number in bounced) for number in conversations]
    if conversations:
        facts |= {"conversation": next(iter(conversations)), "thread_evidence": "The delivery report"}
    words = "; ".join(f"{_said(record)} (message {record.outbound})" for _, record in records[:5])
    more = f"; and {len(records) - 5} more" if len(records) > 5 else ""
    return Decided(f"A delivery report: {words}{more}.", tuple(decisions), facts, stop=True)


def _said(record: RecordReport) -> str:
    doubt = "probably " if record.probable else ""
    code = f" {record.code}" if record.code else ""
    return f"{doubt}{record.status}{code} for {quoted(record.recipient)}"


step: Step = Bounce()
