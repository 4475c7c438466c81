"""Charts of a report: the same drawing as the agents' charts, ready to stand inside a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from infrastructure.tools.chart import render
from infrastructure.tools.chart_data import arrange
from infrastructure.tools.chart_spec import Spec, write_spec
from infrastructure.tools.sandbox import SandboxAnswer
from infrastructure.tools.schemas import DrawChartArguments

Kind = Literal["bar", "stacked_bar", "line"]
Axis = Literal["VARCHAR", "DATE", "TIMESTAMP"]

_CLIP = re.compile(r'(?<= id="clip)|(?<=url\(#clip)')
_START = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\b(width|height)="([\d.]+)"')
_BAND = "#0072B2"


@dataclass(frozen=True)
class Chart:
    """What to draw.

    Attributes:
        rows: x, then one value for each of `values`, or a value and the name of its series.
        values: names of the values; with `by_series` exactly one.
        axis: SQL type of x.
        time_format: how times stand on the axis (d3-time-format).
        lows_highs: bounds of a band around a part of the line: x, low, high.
    """

    title: str
    kind: Kind
    rows: Sequence[tuple[Any, ...]]
    values: tuple[str, ...]
    axis: Axis = "VARCHAR"
    by_series: bool = False
    x_label: str = ""
    y_label: str = ""
    unit: str = ""
    time_format: str = ""
    lows_highs: Sequence[tuple[float, float, float]] = ()


def draw(chart: Chart, number: int) -> Markup:
    """Draw a chart as an SVG element.

    Args:
        number: distinguishes the charts of a page.
    """
    names = ["x", *chart.values, *(["series"] if chart.by_series else [])]
    wish = DrawChartArguments(
        title=chart.title,
        kind=chart.kind,
        sql="-",
        x="x",
        y=chart.values,
        series="series" if chart.by_series else None,
        x_label=chart.x_label,
        y_label=chart.y_label or chart.values[0],
        unit=chart.unit,
        file_name="chart.svg",
    )
    types = [chart.axis, *["DOUBLE"] * len(chart.values), *(["VARCHAR"] if chart.by_series else [])]
    answer = SandboxAnswer(names, types, [list(row) for row in chart.rows], len(chart.rows))
    spec = write_spec(arrange(answer, wish), wish)
    description = str(spec["description"])
    del spec["title"]  # the page has a heading for it
    spec.update(background=None, padding=4)
    if chart.time_format:
        spec["encoding"]["x"]["axis"].update(
            format=chart.time_format, labelSeparation=10, labelFlush=True
        )
    if chart.lows_highs:
        _add_band(spec, chart.lows_highs)
    return _inline(render(spec), chart.title, description, number)


def _add_band(spec: Spec, bounds: Sequence[tuple[float, float, float]]) -> None:
    """Lay the line over a band; both share the axes."""
    encoding, mark = spec.pop("encoding"), spec.pop("mark")
    band = {
        "x": {"field": "x", "type": "temporal"},
        "y": {"field": "low", "type": "quantitative"},
        "y2": {"field": "high"},
    }
    spec["layer"] = [
        {
            "data": {"values": [{"x": x, "low": low, "high": high} for x, low, high in bounds]},
            "mark": {"type": "area", "color": _BAND, "opacity": 0.2},
            "encoding": band,
        },
        {"mark": mark, "encoding": encoding},
    ]


def _inline(svg: str, title: str, description: str, number: int) -> Markup:
    """Give an SVG document ids of its own and words for those who do not see it."""
    svg = _CLIP.sub(f"-{number}-", svg)
    start = _START.search(svg)
    if start is None:  # pragma: no cover - the library writes one element
        raise ValueError("the drawing is no SVG element")
    sizes = {name: float(size) for name, size in _SIZE.findall(start[0])}
    width, height = sizes["width"], sizes["height"]
    opening = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' class="chart" role="img" aria-labelledby="chart-{number}-title chart-{number}-text"'
        ' viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        '<title id="chart-{number}-title">{title}</title>'
        '<desc id="chart-{number}-text">{description}</desc>'
    ).format(number=number, width=width, height=height, title=title, description=description)
    return opening + Markup(svg[start.end() :])  # noqa: S704 - its text was escaped when drawn
