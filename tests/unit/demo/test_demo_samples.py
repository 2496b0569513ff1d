"""Every sample is what its title says, and the ready-made workflow puts it where the demo says it will be."""

from __future__ import annotations

from collections import Counter

import pytest

from postroom.cli.demo.samples import MAX_MESSAGE_SIZE, SALES, SUPPORT, Place, Sample, samples
from postroom.mail.loops import sign
from postroom.mail.message import Message
from postroom.mail.parse import parse
from postroom.workflow.contract import Acknowledge, AddActivity, FoundConversation, Quarantine
from postroom.workflow.engine import run
from postroom.workflow.ready_made import ready_made
from postroom.workflow.testing import SIGNING_KEY, FakeLookup, context_for

SAMPLES = samples(lambda message_id: sign(message_id, SIGNING_KEY))
BY_TITLE = {sample.title: sample for sample in SAMPLES}


def parsed(title: str) -> Message:
    return parse(BY_TITLE[title].octets)


def conversations_of(address: str) -> dict[str, FoundConversation]:
    """As they stand after the mail of this address: one for each author."""
    found = {}
    for sample in SAMPLES:
        message = parse(sample.octets)
        if sample.address == address and message.message_id and message.author:
            found[message.message_id] = FoundConversation(1, "", "open", "", (message.author.key,), 1)
    return found


def test_titles_are_unique_and_there_is_one_of_each_place() -> None:
    assert len(BY_TITLE) == len(SAMPLES) >= 22
    assert {sample.expected for sample in SAMPLES} == set(Place)
    assert set(Counter(sample.address for sample in SAMPLES)) == {SUPPORT, SALES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.title)
def test_the_ready_made_workflow_puts_it_where_it_is_expected(sample: Sample) -> None:
    if sample.expected is Place.TOO_LARGE:
        assert len(sample.octets) > MAX_MESSAGE_SIZE
        return
    assert len(sample.octets) < MAX_MESSAGE_SIZE
    lookup = FakeLookup(
        conversations=conversations_of(sample.address),
        ours={SUPPORT, SALES},
        templates={"Acknowledgement": {"subject": "Re: {{ subject }}", "text": "We have it."}},
    )
    context = context_for(
        parse(sample.octets),
        octets=sample.octets,
        lookup=lookup,
        arguments={"ProcessName": "Process Message", "AcknowledgementTemplate": "Acknowledgement"},
        address=sample.address,
        own_domains=frozenset({"postroom.example"}),
    )
    workflow = ready_made("Process Message")
    assert workflow is not None
    result = run(workflow, context)
    kinds = {type(decision) for decision in result.decisions}
    quarantined = [decision.kind for decision in result.decisions if isinstance(decision, Quarantine)]
    where, _, why = sample.expected.value.partition(": ")
    reasons = " ".join(record.reason for record in result.records)
    assert (Acknowledge in kinds) == (sample.expected is Place.ACKNOWLEDGED), reasons
    assert (AddActivity in kinds) == where.startswith("activity"), reasons
    assert quarantined == ([why] if where == "quarantined" else []), reasons
    assert bool(result.facts.conversation) == (sample.expected is Place.FOLLOW_UP), reasons
    assert bool(result.facts.automatic) == (sample.expected in {Place.AUTOMATIC, Place.REPORT}), reasons
    assert result.facts.report == (sample.expected is Place.REPORT), reasons


@pytest.mark.parametrize(
    ("title", "author", "subject", "words"),
    [
        ("German, ISO-8859-1", "Jürgen Groß", "Rückgabe des Kühlschranks", "paßt nicht in die Küche"),
        ("French, quoted-printable", "Amélie Dubois", "Délai de livraison", "une étagère en chêne"),
        ("Spanish, header in plain UTF-8 (RFC 6532)", "José Núñez", "¿Envían también a las", "¿Cuánto costaría"),
        ("Japanese, Shift_JIS", "佐藤 花子", "椅子の組み立てについて", "説明書を送って"),
        ("Russian, KOI8-R", "Ольга Иванова", "Не работает лампа", "Можно ли обменять"),
        ("Chinese, GB18030", "王小明", "询问办公桌的价格", "我们公司需要二十张办公桌"),
    ],
)
def test_languages_can_be_read(title: str, author: str, subject: str, words: str) -> None:
    message = parsed(title)
    assert message.author is not None
    assert message.author.name == author
    assert subject in message.subject
    assert words in message.text
    assert message.defects == ()


def test_attachments_are_there() -> None:
    message = parsed("Text and HTML, with an image and two attachments")
    names = [(attachment.name, attachment.content_type) for attachment in message.attachments]
    assert ("list.csv", "text/csv") in names
    assert ("Floor plan – 2nd floor.pdf", "application/pdf") in names
    assert ("logo.png", "image/png") in names
    assert "cid:logo@office.example" in message.html
    assert message.defects == ()
    assert [item.kind for item in parsed("A calendar invitation").attachments] == ["calendar"]
    assert [item.kind for item in parsed("A message with another inside").attachments] == ["message"]


def test_what_is_broken_is_broken_and_what_can_be_read_is_read() -> None:
    message = parsed("Malformed: broken base64, no last boundary")
    assert "The shelf came damaged" in message.text
    assert message.defects
    assert all("/" not in attachment.name for attachment in message.attachments)
    assert parsed("Without a Message-ID").message_id == ""
    assert parsed("Without any header").headers == []
    assert "kept and shown" in parsed("Without any header").text


def test_outlooks_container_is_opened() -> None:
    attachments = parsed("From Outlook: winmail.dat").attachments
    assert [(item.name, item.octets) for item in attachments if item.name == "conditions.txt"] == [
        ("conditions.txt", b"Payment within 30 days.\r\n")
    ]


def test_copies_are_the_same_octets() -> None:
    both = [sample for sample in SAMPLES if sample.title.startswith("To both addresses")]
    assert len({sample.octets for sample in both}) == 1
    assert {sample.address for sample in both} == {SUPPORT, SALES}
    twice = [sample for sample in SAMPLES if sample.title.startswith("Delivered twice")]
    assert [sample.address for sample in twice] == [SUPPORT, SUPPORT]
    assert len({sample.octets for sample in twice}) == 1


def test_every_line_ends_in_crlf() -> None:
    for sample in SAMPLES:
        assert b"\n" not in sample.octets.replace(b"\r\n", b""), sample.title


def test_addresses_are_reserved_ones() -> None:
    """A sample that leaves the machine by mistake reaches nobody (RFC 2606)."""
    for sample in SAMPLES:
        message = parse(sample.octets)
        for address in (*message.authors, *message.to, *message.cc, *message.reply_to):
            assert address.domain.endswith(".example"), sample.title
