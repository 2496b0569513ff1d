"""Text from HTML: blocks, quotes, links, lists; hostile HTML in time proportional to its length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.mail.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("a  <b>b</b>\n c<i>d</i>", "a b cd"),
        (
            "<blockquote>quoted<br>more<blockquote>deep</blockquote></blockquote>mine",
            "> quoted\n> more\n>\n> > deep\n\nmine",
        ),
        ("<ul><li>a<li>b</ul><ol><li>c</li><li>d</li></ol>", "- a\n- b\n\n1. c\n2. d"),
        ('<a href="https://example.org/x">here</a>', "here <https://example.org/x>"),
        ('<a href="https://example.org/">https://example.org</a>', "https://example.org"),
        ('<a href="mailto:a@example.org">a@example.org</a>', "a@example.org"),
        ('<a href="mailto:a@example.org?subject=x">write</a>', "write <mailto:a@example.org?subject=x>"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="https://example.org/"><img src=x alt="Logo"></a>', "[Logo] <https://example.org/>"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>  a\n    b</pre>", "  a\n    b"),
        ("&lt;b&gt; &amp; &euro;&nbsp;5 &#x41;", "<b> & € 5 A"),
        ("<style>p{}</style><script>x<y</script><title>t</title>words", "words"),
        ("a<!-- b > c -->d<!--[if mso]>e<![endif]-->f<![if !mso]>g<![endif]>h", "adfgh"),
        ('<p title="a>b">x</p>', "x"),
        ("<p title=it's>x</p>", "x"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<HTML><BODY>x</BODY></HTML>", "x"),
        ("<title>unclosed", "unclosed"),
        ("", ""),
    ],
)
def test_html(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "piece",
    [
        "<div>",
        "<b a=1>",
        "<blockquote>x",
        "<ul><li>",
        '<a href="',
        '<a "" ',
        "<",
        "<!--",
        "<title>",
        "&lt",
        "<a = ",
        "</p>",
        "<p",
    ],
)
def test_hostile_html_ends(piece: str) -> None:
    html_to_text(piece * (1_000_000 // len(piece)))


@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "</", "a", "p", "pre", "blockquote", "li", "ol", " ", "\n", "=", '"', "&#0;", "&#xD800;", "x"]
        )
    ).map("".join)
)
@settings(max_examples=300)
def test_any_html(html: str) -> None:
    text = html_to_text(html)
    text.encode("utf-8")
    assert "\0" not in text
