"""Chart data: brings rows of a query into the one long form that charts are drawn from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from infrastructure.tools.failures import bad_input
from infrastructure.tools.sandbox import SandboxAnswer
from infrastructure.tools.schemas import DrawChartArguments

OTHER = "other"
_MOST_CATEGORIES = 50
_MOST_SERIES = 9
_MOST_SLICES = 9
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_ORDERED = re.compile(
    r"\s*([-<>(]?\s*\d.*|[qtQT][1-4]\b.*|(jan|feb|f[ée]v|m[äa]r|apr|avr|ma[iy]|ju[nil]|aug|ao[uû]|sep"
    r"|o[ck]t|nov|de[cz]|d[ée]c|mon|tue|wed|thu|fri|sat|sun)[\w.]*( \d+)?)\s*",
    re.IGNORECASE,
)
_MONTH_TEXT = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")

Axis = Literal["time", "number", "category"]


@dataclass(frozen=True, slots=True)
class Point:
    """One mark: `x` is a day's epoch in milliseconds UTC, a number, or a label."""

    x: float | str
    y: float
    series: str = ""


@dataclass(frozen=True, slots=True)
class ChartData:
    """What to draw.

    Attributes:
        axis: what the horizontal axis is.
        ordered: whether the categories have an order of their own and must not be sorted.
        monthly: whether every time is the first of a month.
        notes: what was folded or left out.
    """

    points: tuple[Point, ...]
    axis: Axis
    ordered: bool
    monthly: bool
    series: tuple[str, ...]
    categories: tuple[str, ...]
    notes: tuple[str, ...]


def arrange(answer: SandboxAnswer, arguments: DrawChartArguments) -> ChartData:
    """Check the rows against the wish and bring them into long form.

    Raises:
        EffectError: no rows, an unknown column, text where figures are needed, and the like.
    """
    if not answer.rows:
        raise bad_input("The query answers no rows, so that there is nothing to draw; change it.")
    x = _column(answer, arguments.x, "x")
    ys = [_column(answer, name, "y") for name in arguments.y]
    series = None if arguments.series is None else _column(answer, arguments.series, "series")
    _check_wish(arguments)
    for index in ys:
        _check_figures(answer, index)
    axis = _axis(answer, x, arguments.kind)
    points = _points(answer, x, ys, series, axis)
    if not points:
        raise bad_input("Every row lacks a value to draw; choose other columns or filter less.")
    dropped = len(answer.rows) * len(ys) - len(points)
    notes = [f"{dropped:,} values are missing and were not drawn."] if dropped else []
    if arguments.kind == "pie":
        _check_slices(points)
    # Series keep the order of y, or else that in which the rows name them.
    order = [answer.columns[index] for index in ys] if len(ys) > 1 else []
    order += dict.fromkeys(point.series for point in points)
    return _folded(points, axis, arguments, order, notes)


def _check_wish(arguments: DrawChartArguments) -> None:
    if arguments.series is not None and len(arguments.y) > 1:
        raise bad_input("With a series column, y must name exactly one column.")
    if arguments.kind == "pie" and (len(arguments.y) > 1 or arguments.series is not None):
        raise bad_input("A pie shows one y column and no series; draw bars instead.")


def _column(answer: SandboxAnswer, name: str, role: str) -> int:
    for wanted in (name, name.lower()):
        for index, column in enumerate(answer.columns):
            if wanted in {column, column.lower()}:
                return index
    known = ", ".join(answer.columns)
    raise bad_input(f"{role} names {name!r}, but the query answers only: {known}.")


def _check_figures(answer: SandboxAnswer, index: int) -> None:
    values = [row[index] for row in answer.rows if row[index] is not None]
    strange = [value for value in values if isinstance(value, bool | str)]
    if strange:
        raise bad_input(
            f"y column {answer.columns[index]!r} is no number: {str(strange[0])[:40]!r};"
            " choose or compute a numeric column."
        )


def _axis(answer: SandboxAnswer, index: int, kind: str) -> Axis:
    sql_type = answer.types[index]
    values = [row[index] for row in answer.rows if row[index] is not None]
    if sql_type == "DATE" or sql_type.startswith("TIMESTAMP"):
        return "time"
    if values and all(isinstance(v, str) and _MONTH_TEXT.fullmatch(v) for v in values):
        return "time"
    numeric = values and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if numeric and kind in {"scatter", "line", "area"}:
        return "number"
    if kind == "scatter":
        raise bad_input(
            f"x column {answer.columns[index]!r} is neither number nor date, as a scatter chart"
            " needs it; draw bars instead."
        )
    return "category"


def _points(
    answer: SandboxAnswer, x: int, ys: Sequence[int], series: int | None, axis: Axis
) -> list[Point]:
    points = []
    for row in answer.rows:
        for y in ys:
            if row[y] is None or (row[x] is None and axis != "category"):
                continue
            name = "" if len(ys) == 1 else answer.columns[y]
            if series is not None:
                name = _label(row[series])
            points.append(Point(_place(row[x], axis), row[y], name))
    return points


def _place(value: object, axis: Axis) -> float | str:
    if axis == "number":
        return float(str(value))
    if axis == "category":
        return _label(value)
    text = str(value)
    try:
        moment = datetime.fromisoformat(f"{text}-01" if _MONTH_TEXT.fullmatch(text) else text)
    except ValueError as error:  # the database knows more years than four digits can say
        raise bad_input(f"The date {text!r} cannot be drawn; leave such rows out.") from error
    return (moment - datetime(1970, 1, 1)).total_seconds() * 1000  # noqa: DTZ001  # both are UTC


def _label(value: object) -> str:
    if value is None:
        return "(none)"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004  # as many as fit


def _check_slices(points: Sequence[Point]) -> None:
    negative = next((point for point in points if point.y < 0), None)
    if negative is not None:
        raise bad_input(
            f"A pie cannot show the negative value {negative.y:,} of {negative.x!r}; draw bars."
        )
    if not any(point.y for point in points):
        raise bad_input("All values are zero, so that a pie has no slices; draw bars.")


def _folded(
    points: list[Point],
    axis: Axis,
    arguments: DrawChartArguments,
    order: Sequence[str],
    notes: list[str],
) -> ChartData:
    monthly = axis == "time" and all(_is_month_start(point.x) for point in points)
    bars = arguments.kind in {"bar", "stacked_bar", "pie"}
    categories: tuple[str, ...] = ()
    ordered = axis != "category"
    if ordered:
        points = sorted(points, key=lambda point: float(point.x))
    if bars and axis == "time":
        points = [
            Point(day_label(point.x, monthly=monthly), point.y, point.series) for point in points
        ]
        axis = "category"
    if axis == "category":
        names = list(dict.fromkeys(str(point.x) for point in points))
        ordered = ordered or all(_ORDERED.fullmatch(name) for name in names)
        most = _MOST_SLICES if arguments.kind == "pie" else _MOST_CATEGORIES
        if not ordered or arguments.kind == "pie":
            points = _fold(points, "x", most, notes)
        categories = tuple(dict.fromkeys(str(point.x) for point in points))
    points = _fold(points, "series", _MOST_SERIES, notes)
    if bars:
        points = _added(points)
    drawn = {point.series for point in points}
    series = tuple(name for name in dict.fromkeys((*order, OTHER)) if name and name in drawn)
    return ChartData(tuple(points), axis, ordered, monthly, series, categories, tuple(notes))


def _fold(points: list[Point], part: str, most: int, notes: list[str]) -> list[Point]:
    """Keep the biggest groups and put the rest together."""
    sizes: dict[str, float] = defaultdict(float)
    for point in points:
        sizes[str(getattr(point, part))] += abs(point.y)
    if len(sizes) <= most:
        return points
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
    kept = set(ranked[: most - 1])
    what = "categories" if part == "x" else "series"
    notes.append(
        f"The {len(sizes) - len(kept):,} smallest of {len(sizes):,} {what} were added up as"
        f" {OTHER!r}."
    )
    folded = [
        point
        if str(getattr(point, part)) in kept
        else Point(
            OTHER if part == "x" else point.x, point.y, point.series if part == "x" else OTHER
        )
        for point in points
    ]
    return _added(sorted(folded, key=lambda point: getattr(point, part) == OTHER))


def _added(points: Sequence[Point]) -> list[Point]:
    """Add up points that share category and series."""
    sums: dict[tuple[float | str, str], float] = {}
    for point in points:
        key = (point.x, point.series)
        sums[key] = sums.get(key, 0) + point.y
    return [Point(x, y, series) for (x, series), y in sums.items()]


def _is_month_start(milliseconds: float | str) -> bool:
    moment = _moment(milliseconds)
    return moment.day == 1 and moment.hour == 0 and moment.minute == 0


def _moment(milliseconds: float | str) -> datetime:
    # fromtimestamp() fails before 1970 on some platforms.
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=float(milliseconds))


def day_label(milliseconds: float | str, *, monthly: bool) -> str:
    """Write a time as people read it on an axis."""
    moment = _moment(milliseconds)
    month = f"{_MONTHS[moment.month - 1]} {moment.year}"
    if monthly:
        return month
    day = f"{moment.day} {month}"
    midnight = moment.hour == moment.minute == 0
    return day if midnight else f"{day} {moment:%H:%M}"
