"""Chart spec: writes the Vega-Lite description of a chart; no part of it comes from a model.

Data, titles and labels are plain strings in it; field names are fixed.
"""

from __future__ import annotations

from typing import Any

from infrastructure.tools.chart_data import OTHER, ChartData, Point
from infrastructure.tools.schemas import DrawChartArguments

# Okabe and Ito's palette, readable with every kind of colour vision.
_PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#8C6D1F", "#004D6E",
    "#7A4E9F", "#6B6B6B",
)  # fmt: skip
_OTHER_COLOUR = "#9AA0A6"
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_INK, _SOFT, _GRID = "#202124", "#5F6368", "#E4E7EB"
_WIDTH, _HEIGHT = 640, 340
_LONG_LABEL = 12
_MANY_BARS = 9
_LABELLED_BARS = 16
_LABELLED_POINTS = 13

Spec = dict[str, Any]
_RANKED: Spec = {"field": "rank", "type": "quantitative"}


def write_spec(data: ChartData, wish: DrawChartArguments) -> Spec:
    """Describe the chart in Vega-Lite."""
    if wish.kind == "pie":
        layers = _pie(data)
    elif wish.kind in {"bar", "stacked_bar"}:
        layers = _bars(data, wish)
    else:
        layers = _marks_over_axis(data, wish)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": _description(data, wish),
        "title": {"text": _wrapped(wish.title), "anchor": "start", "offset": 16},
        "background": "#FFFFFF",
        "padding": 16,
        "data": {"values": [_row(point, data.series) for point in data.points]},
        "config": _config(),
        **layers,
    }


def _row(point: Point, series: tuple[str, ...]) -> dict[str, Any]:
    rank = series.index(point.series) if point.series in series else 0
    return {"x": point.x, "y": point.y, "s": point.series, "rank": rank}


def _description(data: ChartData, wish: DrawChartArguments) -> str:
    """Say in words what a reader who cannot see the chart needs."""
    high = max(data.points, key=lambda point: point.y)
    low = min(data.points, key=lambda point: point.y)
    kind = wish.kind.replace("_", " ")
    unit = f" {wish.unit}" if wish.unit else ""
    return (
        f"{wish.title}: {kind} chart with {len(data.points)} values,"
        f" from {low.y:,}{unit} to {high.y:,}{unit}."
    )


def _wrapped(title: str) -> list[str] | str:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) > 70:  # noqa: PLR2004  # characters over the chart's width
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[0] if len(lines) == 1 else lines


def _config() -> Spec:
    axis = {
        "labelColor": _SOFT, "titleColor": _INK, "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "titlePadding": 10, "labelPadding": 6, "gridColor": _GRID,
        "domainColor": "#9AA0A6", "tickColor": "#9AA0A6", "labelLimit": 220,
    }  # fmt: skip
    return {
        "font": _FONT,
        "view": {"stroke": None},
        "title": {"fontSize": 17, "color": _INK, "fontWeight": "bold"},
        "axis": axis,
        "legend": {
            "labelColor": _INK, "labelFontSize": 12, "title": None, "orient": "top",
            "symbolType": "square", "labelLimit": 220, "columns": 4, "offset": 8,
        },
        "text": {"color": _INK, "fontSize": 12},
    }  # fmt: skip


def _value_title(wish: DrawChartArguments) -> str:
    title = wish.y_label or (wish.y[0] if len(wish.y) == 1 else "")
    if not wish.unit or wish.unit == "%":
        return title
    return f"{title} ({wish.unit})" if title else wish.unit


def _value_format(data: ChartData, unit: str) -> str:
    """Write the Vega expression that formats a number by the magnitude of all of them."""
    largest = max(abs(point.y) for point in data.points)
    whole = all(float(point.y).is_integer() for point in data.points)
    if largest >= 100_000:  # noqa: PLR2004  # six digits are hard to read
        text = "replace(format({0}, '.3~s'), 'G', 'B')"
    elif whole or largest >= 1000:  # noqa: PLR2004  # fractions do not matter any more
        text = "format({0}, ',.0f')"
    else:
        text = "format({0}, ',.2~f')"
    return f"{text} + '%'" if unit == "%" else text


def _value_axis(data: ChartData, wish: DrawChartArguments) -> Spec:
    scale_format = _value_format(data, wish.unit)
    if "~s" not in scale_format:
        # Ticks between whole values need their fraction.
        scale_format = scale_format.replace(",.0f", ",.2~f")
    return {
        "title": _value_title(wish) or None,
        "labelExpr": scale_format.format("datum.value"),
        "tickCount": 6,
        "domain": False,
        "ticks": False,
    }


def _colour(data: ChartData, names: tuple[str, ...] | None = None) -> Spec:
    names = names if names is not None else data.series
    if not names:
        return {"value": _PALETTE[0]}
    colours = [
        _OTHER_COLOUR if name == OTHER else _PALETTE[i % len(_PALETTE)]
        for i, name in enumerate(names)
    ]
    return {
        "field": "s",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(names), "range": colours},
        "legend": {} if len(names) > 1 else None,
    }


def _bar_order(data: ChartData) -> list[str]:
    """Sort bars by size unless their names have an order; the rest comes last."""
    if data.ordered:
        return list(data.categories)
    sizes = dict.fromkeys(data.categories, 0.0)
    for point in data.points:
        sizes[str(point.x)] += point.y
    return sorted(sizes, key=lambda name: (name == OTHER, -sizes[name], name))


def _bars(data: ChartData, wish: DrawChartArguments) -> Spec:
    order = _bar_order(data)
    long_names = any(len(name) > _LONG_LABEL for name in order) and not data.ordered
    flat = not data.ordered and (long_names or len(order) > _MANY_BARS)
    along, across = ("y", "x") if flat else ("x", "y")
    grouped = wish.kind == "bar" and len(data.series) > 1
    names: Spec = {"field": "x", "type": "nominal", "sort": order, "title": wish.x_label or None}
    names["axis"] = {"ticks": False, "labelLimit": 220, **({} if flat else _slanted(order))}
    names["scale"] = {"paddingInner": 0.2 if grouped else 0.25, "paddingOuter": 0.15}
    value: Spec = {"field": "y", "type": "quantitative", "axis": _value_axis(data, wish)}
    value["stack"] = "zero" if wish.kind == "stacked_bar" else None
    encoding: Spec = {along: names, across: value, "color": _colour(data)}
    if grouped:
        encoding[f"{along}Offset"] = {"field": "s", "type": "nominal", "sort": list(data.series)}
    elif data.series:
        encoding["order"] = _RANKED
    # A second layer is drawn over the same axes, hence the shared encoding.
    layers: list[Spec] = [{"mark": {"type": "bar", "cornerRadiusEnd": 2}}]
    if len(order) <= _LABELLED_BARS and len(data.points) == len(order) and len(data.series) <= 1:
        layers.append(_bar_labels(data, wish, flat=flat))
    across_size = {"step": 14 if grouped else 26}
    return {
        "width": _WIDTH if flat or len(order) * 10 < _WIDTH else {"step": 10},
        "height": across_size if flat else _HEIGHT,
        "encoding": encoding,
        "layer": layers,
    }


def _slanted(order: list[str]) -> Spec:
    """Turn names that would not fit side by side."""
    room = _WIDTH / max(len(order), 1)
    if max(len(name) for name in order) * 7 <= room:
        return {"labelAngle": 0}
    return {"labelAngle": -40, "labelAlign": "right", "labelOverlap": "greedy"}


def _bar_labels(data: ChartData, wish: DrawChartArguments, *, flat: bool) -> Spec:
    text = _value_format(data, wish.unit).format("datum.y")
    below = any(point.y < 0 for point in data.points)
    place: Spec = {"align": "left", "dx": 5} if flat else {"baseline": "bottom", "dy": -4}
    if below:
        # Beside a negative bar the text stands on the other end.
        side = {"expr": "datum.y < 0 ? 'right' : 'left'"} if flat else None
        place = (
            {"align": side, "dx": {"expr": "datum.y < 0 ? -5 : 5"}}
            if flat
            else {
                "baseline": {"expr": "datum.y < 0 ? 'top' : 'bottom'"},
                "dy": {"expr": "datum.y < 0 ? 4 : -4"},
            }
        )
    return {
        "transform": [{"calculate": text, "as": "label"}],
        "mark": {"type": "text", "aria": False, **place},
        "encoding": {"text": {"field": "label"}, "color": {"value": _INK}},
    }


def _marks_over_axis(data: ChartData, wish: DrawChartArguments) -> Spec:
    encoding: Spec = {
        "x": _horizontal(data, wish),
        "y": {"field": "y", "type": "quantitative", "axis": _value_axis(data, wish)},
        "color": _colour(data),
    }
    if wish.kind == "scatter":
        encoding["y"]["scale"] = {"zero": False}
        mark: Spec = {"type": "point", "filled": True, "size": 55, "opacity": 0.75}
    elif wish.kind == "area":
        mark = {"type": "area", "opacity": 0.75, "line": True}
        encoding["y"]["stack"] = "zero" if len(data.series) > 1 else None
        encoding["order"] = _RANKED
    else:
        few = len({point.x for point in data.points}) <= 2 * _LABELLED_POINTS
        mark = {"type": "line", "strokeWidth": 2.5, "point": {"size": 45} if few else False}
        encoding["y"]["scale"] = {"zero": _near_zero(data)}
    return {"width": _WIDTH, "height": _HEIGHT, "encoding": encoding, "mark": mark}


def _near_zero(data: ChartData) -> bool:
    """Whether the axis should start at zero: not when all values are far from it."""
    values = [point.y for point in data.points]
    flat = max(values) - min(values) < 0.25 * max(values)  # a line nobody could read
    return min(values) <= 0 or not flat


def _horizontal(data: ChartData, wish: DrawChartArguments) -> Spec:
    axis: Spec = {"grid": False, "labelFlush": False}
    place: Spec = {"field": "x", "title": wish.x_label or None, "axis": axis}
    if data.axis == "category":
        order = list(data.categories)
        axis.update(_slanted(order))
        return {**place, "type": "nominal", "sort": order, "scale": {"type": "point"}}
    if data.axis == "number":
        axis["labelExpr"] = "format(datum.value, '~f')"
        return {**place, "type": "quantitative", "scale": {"zero": False, "nice": True}}
    moments = sorted({float(point.x) for point in data.points})
    if len(moments) <= _LABELLED_POINTS:
        axis["values"] = moments
    axis["labelOverlap"] = "greedy"
    axis["format"] = "%b %Y" if data.monthly else "%-d %b %Y"
    return {**place, "type": "temporal", "scale": {"type": "utc"}}


def _pie(data: ChartData) -> Spec:
    total = sum(point.y for point in data.points)
    ranked = sorted(data.points, key=lambda p: (p.x == OTHER, -p.y, str(p.x)))
    names = tuple(f"{point.x}  {100 * point.y / total:.1f}%" for point in ranked)
    rows = [
        {"s": name, "y": point.y, "rank": rank}
        for rank, (name, point) in enumerate(zip(names, ranked, strict=True))
    ]
    colour = _colour(data, names)
    if ranked[-1].x == OTHER:
        colour["scale"]["range"][-1] = _OTHER_COLOUR
    colour["legend"] = {"orient": "right", "columns": 1, "symbolType": "circle", "offset": 24}
    return {
        "width": 320,
        "height": 320,
        "data": {"values": rows},
        "mark": {"type": "arc", "outerRadius": 155, "innerRadius": 70, "stroke": "#FFFFFF"},
        "encoding": {
            "theta": {"field": "y", "type": "quantitative", "stack": True},
            "color": colour,
            "order": _RANKED,
        },
    }
