"""Languages of short customer texts; "" rather than a guess."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mail.language import language


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "Where is my order? I have been waiting for two weeks."),
        ("de", "Wo ist meine Bestellung? Ich warte seit zwei Wochen."),
        ("de", "WO IST MEINE BESTELLUNG? ICH WARTE SEIT ZWEI WOCHEN."),
        ("fr", "Où est ma commande ?"),
        ("es", "¿Dónde está mi pedido?"),
        ("it", "Dov'è il mio ordine, per favore?"),
        ("nl", "Waar blijft mijn bestelling?"),
        ("pl", "Gdzie jest moje zamówienie?"),
        ("ru", "Где мой заказ?"),
        ("ja", "注文した商品はどこですか"),
        ("zh", "我的订单在哪里"),
        ("ko", "제 주문은 어디에 있나요"),
        ("ar", "أين طلبي من فضلك"),
    ],
)
def test_language(code: str, text: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize(
    "text", ["", "ok", "4711 0815 4711", "https://example.com/eine/lange/adresse", "asdkjh qwlekj zmxncb qwpoei"]
)
def test_too_little_to_tell(text: str) -> None:
    assert language(text) == ""


def test_quotes_signatures_and_addresses_do_not_count() -> None:
    quoted = "\n".join(["> This is a long English text that somebody quoted in the answer."] * 30)
    assert language(f"Vielen Dank, das hat mir sehr geholfen.\n{quoted}\n") == "de"
    assert language("Vielen Dank, das hat mir sehr geholfen.\n-- \nBest regards from all of us at the office") == "de"


def test_many_threads_at_once() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(language("Where is my order, please?"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["en"] * 16


@settings(max_examples=200)
@given(st.text(max_size=3000))
def test_any_text_gives_a_code_or_nothing(text: str) -> None:
    code = language(text)
    assert code == "" or (len(code) == 2 and code.islower())
