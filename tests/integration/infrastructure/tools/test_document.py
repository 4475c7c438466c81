"""Document: whatever a model writes, nothing in the page becomes active."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest

from domain.effect import FailureKind
from tests.support.tool_session import ToolSession

HARMLESS = re.compile(
    "html|head|meta|title|style|body|main|h[1-3]|p|a|img|div|table|thead|tbody|tr|th|td|strong|em"
    "|s|code|pre|blockquote|ul|ol|li|hr|br"
)


class Page(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page(session: ToolSession, markdown: str, **wishes: str) -> str:
    session.use("write_document", title=wishes.pop("title", "T"), markdown=markdown, **wishes)
    return (session.output / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<style>*{display:none}</style>",
        "<iframe src='https://x'></iframe>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](java%0ascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        "[x](file:///etc/passwd)",
        "[x](//evil.example/x)",
        "[x](/etc/passwd)",
        "[x](../../x)",
        "[x](\\\\evil\\x)",
        "<javascript:alert(1)>",
        '[x](https://a.example "onclick=alert(1)")',
        '[x](https://a.example/"onmouseover="alert(1))',
        "[x]: javascript:alert(1)\n\n[x]",
        "| a |\n|:-:|\n| <b onclick=x>b</b> |",
        "```html\n<script>alert(1)</script>\n```",
        '``` x" onload="alert(1)\ncode\n```',
        "</main></body><script>alert(1)</script>",
    ],
)
def test_nothing_a_model_writes_becomes_active(session: ToolSession, markdown: str) -> None:
    found = Page(page(session, markdown, title="<script>alert(1)</script>"))
    for tag, attributes in found.tags:
        assert HARMLESS.fullmatch(tag)
        assert not [name for name in attributes if name.startswith("on")]
        assert tag in {"style", "meta"} or "style" not in attributes
        if tag == "a":
            assert str(attributes["href"]).startswith("https://a.example")
            assert attributes["rel"] == "noopener noreferrer nofollow"


def test_the_page_forbids_scripts_and_the_network(session: ToolSession) -> None:
    (policy,) = [
        attributes["content"]
        for tag, attributes in Page(page(session, "x")).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy


def test_terminal_escapes_and_direction_marks_are_taken_out(session: ToolSession) -> None:
    page(session, "a\x1b[31mred\x1b]0;title\x07 \u202egnp.exe\x00 b\r\nc", title="\x1b[2JT\x07")
    text = (session.output / "report.md").read_text(encoding="utf-8")
    assert text == "# T\n\nared gnp.exe b\nc\n"


def test_images_of_the_output_folder_are_embedded(session: ToolSession) -> None:
    session.output.mkdir()
    (session.output / "c.svg").write_text("<svg/>")
    found = Page(page(session, "![Chart](c.svg)"))
    (image,) = [attributes for tag, attributes in found.tags if tag == "img"]
    assert image["alt"] == "Chart"
    data = re.fullmatch("data:image/svg[+]xml;base64,(.*)", str(image["src"]))
    assert data is not None
    assert base64.b64decode(data[1]) == b"<svg/>"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("https://evil.example/x.png", FailureKind.BAD_INPUT),
        ("data:image/svg+xml,x.svg", FailureKind.BAD_INPUT),
        ("report.html", FailureKind.BAD_INPUT),
        ("missing.svg", FailureKind.NOT_FOUND),
        ("../x.svg", FailureKind.NOT_ALLOWED),
        ("in.png", FailureKind.BAD_INPUT),
    ],
)
def test_other_images_are_refused_by_name(
    session: ToolSession, source: str, kind: FailureKind
) -> None:
    session.add("in.png", b"\x89PNG")
    failure = session.failure("write_document", title="T", markdown=f"![x]({source})")
    assert failure.kind is kind
    assert source in failure.message


def test_the_same_text_gives_the_same_bytes(session: ToolSession) -> None:
    text = "# Own title\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n~~old~~ [w](https://a.example)"
    first = page(session, text)
    assert page(session, text) == first
    assert first.count("<h1>") == 1
    assert '<td class="right">2</td>' in first
    assert '<a href="https://a.example" rel=' in first


def test_an_odd_language_becomes_english_and_a_long_text_is_refused(session: ToolSession) -> None:
    assert '<html lang="en">' in page(session, "x", language='"><script>')
    assert '<html lang="de-AT">' in page(session, "x", language="de-AT")
    assert (
        "shorten" in session.failure("write_document", title="T", markdown="x" * 2_000_001).message
    )
