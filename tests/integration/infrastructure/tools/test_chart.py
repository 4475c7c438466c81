"""Chart: every kind is drawn as safe, reproducible SVG, or refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from domain.effect import FailureKind
from infrastructure.tools.chart import render
from tests.support.tool_session import ToolSession

SALES = "day,region,revenue,expenses\n" + "".join(
    f"2026-{month:02}-01,{region},{month * 10 + len(region)},{month * 7 + 1}\n"
    for month in range(1, 7)
    for region in ("North", "East", "Zenith")
)


@pytest.fixture
def sales(session: ToolSession) -> ToolSession:
    session.add("sales.csv", SALES)
    return session


def wish(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Money",
        "kind": "bar",
        "sql": "SELECT day, sum(revenue) AS revenue, sum(expenses) AS expenses FROM sales"
        " GROUP BY 1 ORDER BY 1",
        "x": "day",
        "y": ["revenue", "expenses"],
        "file_name": "chart.svg",
        **changes,
    }


def drawn(session: ToolSession, **changes: Any) -> tuple[str, dict[str, Any]]:
    answer = session.use("draw_chart", **wish(**changes))
    return (session.output / "chart.svg").read_text(encoding="utf-8"), answer


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314  # our own file
    return [node.text for node in root.iter("{http://www.w3.org/2000/svg}text") if node.text]


@pytest.mark.parametrize("kind", ["bar", "stacked_bar", "line", "area"])
@pytest.mark.parametrize("x", ["day", "month(day)::INT", "strftime(day, '%Y-%m')", "region"])
def test_every_kind_is_well_formed_and_the_same_each_time(
    sales: ToolSession, kind: str, x: str
) -> None:
    sql = f"SELECT {x} AS x, sum(revenue) AS revenue, sum(expenses) AS expenses FROM sales GROUP BY 1 ORDER BY 1"  # noqa: E501, S608  # a case
    first, answer = drawn(sales, kind=kind, sql=sql, x="x")
    second, _ = drawn(sales, kind=kind, sql=sql, x="x")
    assert first == second
    assert "Money" in texts(first)
    assert answer["marks"] in {6, 12}
    assert answer["file"] == "chart.svg"


def test_pies_and_scatters_are_drawn_too(sales: ToolSession) -> None:
    sql = "SELECT region, sum(revenue) AS revenue FROM sales GROUP BY 1"
    pie, _ = drawn(sales, kind="pie", sql=sql, x="region", y=["revenue"])
    assert any(text.startswith("Zenith") and text.endswith("%") for text in texts(pie))
    scatter, answer = drawn(
        sales, kind="scatter", sql="FROM sales", x="revenue", y=["expenses"], series="region"
    )
    assert answer["marks"] == 18
    assert "North" in texts(scatter)


@pytest.mark.parametrize("kind", ["bar", "stacked_bar", "line", "area"])
def test_the_legend_keeps_the_order_of_y(sales: ToolSession, kind: str) -> None:
    svg, _ = drawn(sales, kind=kind)
    legend = [text for text in texts(svg) if text in {"revenue", "expenses"}]
    assert legend == ["revenue", "expenses"]
    assert 0 < svg.index("#0072B2") < svg.index("#E69F00")


@pytest.mark.parametrize("kind", ["bar", "stacked_bar", "line", "area"])
def test_the_legend_keeps_the_order_of_first_appearance(sales: ToolSession, kind: str) -> None:
    sql = "SELECT day, region, revenue FROM sales ORDER BY day, region DESC"
    svg, _ = drawn(sales, kind=kind, sql=sql, y=["revenue"], series="region")
    legend = [text for text in texts(svg) if text in {"North", "East", "Zenith"}]
    assert legend == ["Zenith", "North", "East"]


def test_a_first_row_without_a_value_does_not_turn_the_order(sales: ToolSession) -> None:
    sql = "SELECT * FROM (VALUES ('a', NULL, 1), ('b', 2, 3)) t(day, revenue, expenses)"
    svg, answer = drawn(sales, sql=sql)
    legend = [text for text in texts(svg) if text in {"revenue", "expenses"}]
    assert legend == ["revenue", "expenses"]
    assert answer["notes"] == ["1 values are missing and were not drawn."]


def test_text_of_data_and_titles_is_escaped(sales: ToolSession) -> None:
    evil = "</text><script>alert(1)</script>\"'&"
    sql = f"SELECT * FROM (VALUES ($a${evil}$a$, 1, 2), ('b', 2, 3)) t(day, revenue, expenses)"  # noqa: S608
    svg, _ = drawn(sales, sql=sql, title=evil, x_label=evil, y_label=evil, unit=evil)
    assert "<script" not in svg
    assert any("<script>" in text for text in texts(svg))


def test_a_chart_never_uses_the_network() -> None:
    spec = {
        "data": {"url": "http://127.0.0.1:9/x.json"},
        "mark": "point",
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:9/x\.json"):
        render(spec)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sql": "SELECT * FROM sales WHERE false"}, "nothing to draw"),
        (
            {"sql": "SELECT 'a' AS day, NULL::INT AS revenue, NULL::INT AS expenses"},
            "lacks a value",
        ),
        ({"y": ["region"], "sql": "FROM sales"}, "'region' is no number: 'North'"),
        ({"y": ["profit"]}, "the query answers only: day, revenue, expenses"),
        ({"sql": "SELECT DATE '99999-01-01' AS day, 1 AS revenue, 2 AS expenses"}, "'99999-01-01'"),
        ({"series": "day"}, "y must name exactly one column"),
        ({"kind": "pie"}, "A pie shows one y column"),
        ({"kind": "pie", "y": ["n"], "sql": "SELECT 'a' AS day, -1 AS n"}, "negative value -1"),
        ({"kind": "pie", "y": ["n"], "sql": "SELECT 'a' AS day, 0 AS n"}, "All values are zero"),
        ({"kind": "scatter", "x": "region", "y": ["revenue"], "sql": "FROM sales"}, "draw bars"),
        ({"file_name": "chart.png"}, "must end with '.svg'"),
        ({"sql": "SELECT nothing FROM sales"}, "sales has day, region"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(
    sales: ToolSession, changes: dict[str, Any], words: str
) -> None:
    failure = sales.failure("draw_chart", **wish(**changes))
    assert failure.kind is FailureKind.BAD_INPUT
    assert words in failure.message
    assert not list(sales.output.glob("*"))


def test_too_many_rows_are_refused(sales: ToolSession) -> None:
    sql = "SELECT range AS day, 1 AS revenue, 2 AS expenses FROM range(5001)"
    assert sales.failure("draw_chart", **wish(sql=sql)).kind is FailureKind.TOO_LARGE


def test_many_categories_and_slices_are_folded_with_a_note(sales: ToolSession) -> None:
    sql = "SELECT 'group ' || (range // 26) || '-' || chr((65 + range % 26)::INT) AS g, range + 1 AS n FROM range(60)"  # noqa: E501
    svg, answer = drawn(sales, sql=sql, x="g", y=["n"])
    assert answer["marks"] == 50
    assert "The 11 smallest of 60 categories" in answer["notes"][0]
    assert "other" in texts(svg)
    _, answer = drawn(sales, sql=sql, x="g", y=["n"], kind="pie")
    assert answer["marks"] == 9


def test_negative_bars_units_and_percent_are_labelled(sales: ToolSession) -> None:
    for x in ("'long name of group ' || range", "range"):
        sql = f"SELECT {x} AS g, (range - 1) * 12.5 AS n FROM range(3)"  # noqa: S608  # a case
        svg, _ = drawn(sales, sql=sql, x="g", y=["n"], unit="%")
        assert {"-12.5%", "12.5%"} <= {text.replace("\u2212", "-") for text in texts(svg)}
    big, _ = drawn(sales, sql="SELECT 'a' AS g, 2500000 AS n", x="g", y=["n"], unit="EUR")
    assert "n (EUR)" in texts(big)
    assert "2.5M" in texts(big)


def test_the_name_of_the_file_gets_its_ending(sales: ToolSession, tmp_path: Path) -> None:
    answer = sales.use("draw_chart", **wish(file_name="money"))
    assert answer["file"] == "money.svg"
    assert (tmp_path / "out" / "money.svg").exists()
