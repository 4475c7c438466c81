"""Page: well-formed, self-contained, readable without a program, and safe whatever stands in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from infrastructure.report.blocks import Figure, Headline, Page, Section, Table
from infrastructure.report.charts import Chart
from infrastructure.report.page import render_page

EVIL = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>\"'&\x00\x1b[31m]]>"
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Collects tags and attributes, and fails where elements do not close in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)

    @classmethod
    def of(cls, html: str) -> Outline:
        outline = cls()
        outline.feed(html)
        outline.close()
        assert not outline._open
        return outline


def chart(title: str = "Tasks by agent", name: str = "FIN_007") -> Chart:
    return Chart(title, "stacked_bar", [(name, 3.0, "done")], ("tasks",), by_series=True)


def page(text: str = "plain", charts: int = 1) -> Page:
    table = Table(text, (text,), ("figure",), [(text, "1"), ("other", "2")])
    figures = [Figure(chart(text, text), table, text) for _ in range(charts)]
    section = Section("agents", text, text, figures, [table])
    return Page(text, [("As of", text)], text, [Headline("1", text, text)], [section])


def test_whatever_is_said_stays_text() -> None:
    outline = Outline.of(render_page(page(EVIL)))

    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert not [name for _, name, _ in outline.attributes if name.startswith("on")]
    assert EVIL[:25] in "".join(outline.words)


def test_nothing_is_loaded_and_nothing_runs() -> None:
    html = render_page(page())
    outline = Outline.of(html)

    assert set(outline.tags).isdisjoint({"script", "link", "iframe", "object", "embed", "form"})
    for tag, name, value in outline.attributes:
        if name in {"src", "href", "action", "xlink:href", "srcset", "data"}:
            assert value.startswith("#"), (tag, name, value)
    assert not re.search(r"url\((?!#)|@import|javascript:", html)
    policy = next(value for _, _, value in outline.attributes if value.startswith("default-src"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert "script-src" not in policy


def test_every_chart_has_words_and_its_data_beside_it() -> None:
    html = render_page(page(charts=2))
    outline = Outline.of(html)

    assert outline.tags.count("svg") == outline.tags.count("details") == 2
    assert [value for tag, name, value in outline.attributes if (tag, name) == ("svg", "role")] == [
        "img",
        "img",
    ]
    named = [value for tag, name, value in outline.attributes if name == "aria-labelledby"]
    assert all(each in outline.ids for value in named for each in value.split())
    assert outline.tags.count("table") == 3
    assert '<th scope="row">plain</th><td class="number">1</td>' in html


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    html = render_page(page(charts=3))
    outline = Outline.of(html)

    assert len(outline.ids) == len(set(outline.ids))
    for _, name, value in outline.attributes:
        if name == "href":
            assert value.removeprefix("#") in outline.ids
    for clip in re.findall(r"url\(#([^)]+)\)", html):
        assert clip in outline.ids


def test_the_same_page_has_the_same_bytes() -> None:
    assert render_page(page()) == render_page(page())


def test_a_page_without_anything_says_so() -> None:
    html = render_page(Page("Report", [], "Nothing is recorded."))

    assert "Nothing is recorded." in html
    assert "<section" not in html
    assert "<nav" not in html


@pytest.mark.parametrize("kind", ["bar", "stacked_bar", "line"])
def test_charts_draw_days_hours_and_names(kind: str) -> None:
    for axis, x in (("DATE", "2026-10-03"), ("TIMESTAMP", "2026-10-03 12:00:00"), ("VARCHAR", "a")):
        drawn = Chart("T", kind, [(x, 1.0), (x, 2.0)], ("v",), axis=axis)  # type: ignore[arg-type]
        table = Table("t", ("x",), (), [])
        section = Section("s", "S", "", [Figure(drawn, table)])
        assert "<svg" in render_page(Page("P", [], sections=[section]))
