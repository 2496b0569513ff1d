"""What upstream filters say, in their header fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.junk import junk
from postroom.mail.message import Message

JUNK = [
    [("X-Spam-Flag", "YES")],
    [("X-Spam-Status", "Yes, score=12.3 required=5.0 tests=A,B autolearn=no")],
    [("X-Spam-Status", "Yes, hits=7.1 required=5.0")],
    [("X-Spam-Level", "*******")],
    [("X-Spamd-Result", "default: False [17.20 / 15.00]; SUBJ(1.0)[x]")],
    [("X-Rspamd-Action", "add header")],
    [("X-MS-Exchange-Organization-SCL", "6")],
    [("X-Forefront-Antispam-Report", "CIP:192.0.2.1;CTRY:US;LANG:en;SCL:5;SRV:;IPV:NLI;SFV:SPM;H:x;CAT:SPM;")],
    [("X-Forefront-Antispam-Report", "CIP:192.0.2.1;SCL:1;SFV:NSPM;CAT:PHSH;")],
    [("X-Bogosity", "Spam, tests=bogofilter, spamicity=1.0")],
    [("X-MailScanner-SpamCheck", "spam, SpamAssassin (score=9)")],
    [
        (
            "Authentication-Results",
            "mx.example.net; spf=fail; dmarc=fail (p=REJECT sp=REJECT dis=NONE) header.from=a.test",
        )
    ],
    [("Authentication-Results", "spf=none; dmarc=fail action=oreject header.from=a.test;compauth=fail")],
]
CLEAN = [
    [],
    [("X-Spam-Flag", "NO")],
    [("X-Spam-Status", "No, score=-1.9 required=5.0 tests=BAYES_00"), ("X-Spam-Level", "")],
    [("X-Spam-Status", "No, score=6.0 required=9.0"), ("X-Spam-Level", "******")],
    [("X-Spamd-Result", "default: False [1.20 / 15.00]")],
    [("X-MS-Exchange-Organization-SCL", "-1")],
    [("X-Forefront-Antispam-Report", "CIP:192.0.2.1;SCL:1;SFV:NSPM;CAT:NONE;")],
    [("Authentication-Results", "mx; dmarc=fail (p=NONE) header.from=a.test; spf=pass")],
    [("Authentication-Results", "mx; arc=pass (i=1); dmarc=fail (p=REJECT) header.from=a.test")],
    [("Authentication-Results", "mx; dmarc=pass (p=REJECT) header.from=a.test")],
]


@pytest.mark.parametrize("headers", JUNK)
def test_junk(headers: list[tuple[str, str]]) -> None:
    assert junk(Message(headers=headers)).endswith(".")


@pytest.mark.parametrize("headers", CLEAN)
def test_not_junk(headers: list[tuple[str, str]]) -> None:
    assert junk(Message(headers=headers)) == ""


def test_the_topmost_field_counts() -> None:
    ours_then_strangers = [("X-Spam-Flag", "YES"), ("X-Spam-Flag", "NO")]
    assert junk(Message(headers=ours_then_strangers))
    assert not junk(Message(headers=ours_then_strangers[::-1]))


def test_a_score_replaces_the_filters_verdict() -> None:
    status = Message(headers=[("X-Spam-Status", "Yes, score=6.5 required=5.0"), ("X-Spam-Flag", "YES")])
    assert junk(status, score=8) == ""
    assert junk(status, score=6.5) == "The spam filter gave it 6.5 points, 6.5 are enough."
    lenient = Message(headers=[("X-Spam-Status", "No, score=4.5 required=5.0")])
    assert junk(lenient, score=4)
    assert junk(Message(headers=[("X-Spam-Level", "****")]), score=4)
    assert not junk(Message(headers=[("X-Spam-Level", "***")]), score=4)
    assert junk(Message(headers=[("X-Rspamd-Score", "9.10")]), score=9)
    assert junk(Message(headers=[("X-Spam-Flag", "YES")]), score=9)  # it gave no points


@given(st.lists(st.tuples(st.sampled_from([name for case in JUNK for name, _ in case]), st.text())))
def test_any_value_is_read(headers: list[tuple[str, str]]) -> None:
    assert isinstance(junk(Message(headers=headers)), str)
    assert isinstance(junk(Message(headers=headers), 5), str)
