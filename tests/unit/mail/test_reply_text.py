"""The reply is separated from quote and signature, in many languages, and nothing is ever lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mail.reply_text import split_reply

ANSWER = "Yes, please go ahead.\n\n"
HEADERS = [
    "On Mon, 3 Mar 2025 at 10:15, Ann Customer <ann@customer.test> wrote:",
    "On Mon, 3 Mar 2025 at 10:15, Ann Customer <\nann@customer.test> wrote:",
    'On 3 March 2025 10:15, "Ann Customer" <ann@customer.test> wrote:',
    "Ann Customer <ann@customer.test> wrote:",
    "Am 03.03.2025 um 10:15 schrieb Ann Customer:",
    "Ann Customer <ann@customer.test> schrieb am Mo., 3.\nMärz 2025 um 10:15 Uhr:",
    "Le lun. 3 mars 2025 à 10:15, Ann Customer <ann@customer.test> a écrit :",
    "El lun, 3 mar 2025 a las 10:15, Ann Customer (<ann@customer.test>) escribió:",
    "Il giorno lun 3 mar 2025 alle ore 10:15 Ann Customer <ann@customer.test> ha scritto:",
    "Op ma 3 mrt 2025 om 10:15 schreef Ann Customer <ann@customer.test>:",
    "Em seg., 3 de mar. de 2025 às 10:15, Ann Customer <ann@customer.test> escreveu:",
    "Den mån 3 mars 2025 kl 10:15 skrev Ann Customer <ann@customer.test>:",
    "pon., 3 mar 2025 o 10:15 Ann Customer <ann@customer.test> napisał(a):",
    "пн, 3 мар. 2025 г. в 10:15, Ann Customer <ann@customer.test>:",
    "3 марта 2025 г., 10:15 пользователь Ann <ann@customer.test> написал:",
    "2025年3月3日(月) 10:15 Ann Customer <ann@customer.test>:",
    "在 2025年3月3日，上午10:15，Ann Customer <ann@customer.test> 写道：",
    "2025년 3월 3일 (월) 오전 10:15, Ann Customer <ann@customer.test>님이 작성:",
    "---- On Mon, 03 Mar 2025 10:15:00 +0100 Ann <ann@customer.test> wrote ----",
]
BLOCKS = [
    "From: Ann Customer <ann@customer.test>\nSent: Monday, March 3, 2025 10:15 AM\nTo: Support\nSubject: Order\n",
    "________________________________\nVon: Ann\nGesendet: Montag, 3. März 2025\nAn: Support\nBetreff: Bestellung\n",
    "*De :* Ann\n*Envoyé :* lundi 3 mars 2025\n*À :* Support\n*Objet :* Commande\n",
    "De: Ann\nEnviado el: lunes, 3 de marzo de 2025\nPara: Support\nAsunto: Pedido\n",
    "发件人: Ann\n发送时间: 2025年3月3日 10:15\n收件人: Support\n主题: 订单\n",
    "-----Original Message-----\nFrom: Ann\n",
    "-----Ursprüngliche Nachricht-----\nVon: Ann\n",
    "---------- Forwarded message ---------\n",
    "Begin forwarded message:\n",
    "##- Please type your reply above this line -##\n",
]


def check_whole(text: str) -> None:
    view = split_reply(text)
    assert "".join(text[span.start : span.end] for span in view.spans) == text
    for kind, part in (("reply", view.reply), ("quoted", view.quoted), ("signature", view.signature)):
        assert "".join(text[span.start : span.end] for span in view.spans if span.kind == kind) == part
    assert all(before.kind != after.kind for before, after in zip(view.spans, view.spans[1:], strict=False))


@pytest.mark.parametrize("header", HEADERS)
def test_an_answer_above_a_marked_quote(header: str) -> None:
    view = split_reply(f"{ANSWER}{header}\n\n> Shall I?\n>\n> Ann\n")
    assert view.reply == ANSWER
    assert view.quoted == f"{header}\n\n> Shall I?\n>\n> Ann\n"


@pytest.mark.parametrize("header", HEADERS)
def test_an_answer_above_an_unmarked_quote(header: str) -> None:
    assert split_reply(f"{ANSWER}{header}\n\nShall I?\n\nAnn\n").reply == ANSWER


@pytest.mark.parametrize("block", BLOCKS)
def test_an_answer_above_a_copied_message(block: str) -> None:
    view = split_reply(f"{ANSWER}{block}\nShall I?\n")
    assert view.reply == ANSWER
    assert view.quoted == f"{block}\nShall I?\n"


@pytest.mark.parametrize("header", HEADERS)
def test_an_answer_below_the_quote(header: str) -> None:
    view = split_reply(f"{header}\n> Shall I?\n\nYes, please.\n")
    assert view.reply == "Yes, please.\n"
    assert view.quoted == f"{header}\n> Shall I?\n\n"


def test_an_answer_between_the_lines_is_kept_whole() -> None:
    text = "Hello,\n\nOn 3 March 2025 10:15, Ann wrote:\n> Shall I?\nYes.\n> And when?\nTomorrow.\n"
    assert split_reply(text).reply == text
    trailing = text + "\nOn 2 March 2025 10:15, Bob wrote:\n> Older\n"
    assert split_reply(trailing).reply == text + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "> Only a quote.\n",
        "> A quote.\n\nAnd what I think of it.\n",
        "---------- Forwarded message ---------\nFrom: Ann <ann@a.test>\nDate: today\nSubject: x\nTo: us\n\nHi\n",
        "On Mon, 3 Mar 2025 at 10:15, Ann <ann@customer.test> wrote:\n\nShall I?\n",
        "It should be:\n\n    2 + 2\n",
        "From: the very beginning it did not work.\n",
        "On Monday I wrote 3 letters, and they said:\nno.\n",
        "I paid on 3.3.2025 as you wrote, see below:\n100 EUR\n",
        "```\n####\n# code\n####\n```\n",
        "",
        "\n\n",
    ],
)
def test_what_is_no_quote_is_kept(text: str) -> None:
    assert split_reply(text).reply == text


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nBob Miller\nExample Ltd\n+44 20 7946 0000\n",
        "--\nBob\n",
        "—\nBob\n",
        "__\nBob\n",
        "Sent from my iPhone\n",
        "Von meinem iPhone gesendet\n",
        "Envoyé de mon iPhone\n",
        "Get Outlook for Android<https://aka.ms/x>\n",
        "从我的 iPhone 发送\n",
        "iPhoneから送信\n",
        "-- \nBob\n\nSent from my phone\n",
    ],
)
def test_signatures(signature: str) -> None:
    view = split_reply(f"{ANSWER}{signature}")
    assert (view.reply, view.signature, view.quoted) == (ANSWER, signature, "")
    quoting = split_reply(f"{ANSWER}{signature}\nOn 3 March 2025 10:15, Ann wrote:\n> Shall I?\n")
    assert quoting.reply == ANSWER
    assert quoting.signature.strip() == signature.strip()
    assert quoting.quoted.startswith("On 3 March")


def test_a_signature_below_the_quote() -> None:
    view = split_reply(f"{ANSWER}On 3 March 2025 10:15, Ann wrote:\n> Shall I?\n-- \nBob\n")
    assert (view.reply, view.signature) == (ANSWER, "-- \nBob\n")


def test_what_is_no_signature() -> None:
    for text in ("Sent from you to me it broke.\n", "Options:\n--\n" + "word\n" * 30, "a -- b\n"):
        assert split_reply(text).signature == ""


def test_crlf_is_kept() -> None:
    text = "Yes.\r\n\r\nOn 3 March 2025 10:15, Ann wrote:\r\n> Shall I?\r\n"
    view = split_reply(text)
    assert view.reply == "Yes.\r\n\r\n"
    check_whole(text)


LINES = st.sampled_from(
    [
        *HEADERS,
        *BLOCKS,
        "> quote",
        ">> deeper",
        "",
        " ",
        "text",
        "-- ",
        "--",
        "Sent from my phone",
        "____________",
        "a\r",
        "x\x0c",
        "\u2028",
    ]
)


@settings(max_examples=400)
@given(st.lists(LINES | st.text(max_size=60), max_size=30), st.sampled_from(["\n", "\r\n", "\r"]))
def test_nothing_is_lost(lines: list[str], end: str) -> None:
    check_whole(end.join(lines))


@given(st.text())
def test_nothing_is_lost_of_any_text(text: str) -> None:
    check_whole(text)


@pytest.mark.parametrize(
    "piece",
    [
        "On 1.1.2025 ",
        "wrote ",
        "From: a\n",
        ">",
        "> \n",
        "-",
        "--\n",
        "a@b <",
        " ",
        "\n",
        "(",
        "x" * 500 + "\n",
        "On 1 wrote:\n",
    ],
)
def test_a_megabyte_of_anything(piece: str) -> None:
    check_whole(piece * (1_000_000 // len(piece)))
