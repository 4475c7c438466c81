"""Charts: draws the development and the breakdowns of a period, or the one chart asked for."""

# ruff: noqa: S608 - names and values are quoted by `identifier` and `literal`

from __future__ import annotations

import re
from collections.abc import Sequence

from application.briefs import ExecuteBrief, Submission
from domain.effect import Failure
from domain.value import Value
from infrastructure.models.offline.answer import answer_statement, remarks, require_matched
from infrastructure.models.offline.asked import Asked, read_question
from infrastructure.models.offline.facts import EXPENSES, REVENUE, Facts
from infrastructure.models.offline.findings import (
    Breakdown,
    breakdown_statement,
    read_breakdowns,
    shown_months,
)
from infrastructure.models.offline.language import plain
from infrastructure.models.offline.periods import Span
from infrastructure.models.offline.reading import facts_of
from infrastructure.models.offline.requests import Kind, recognise
from infrastructure.models.offline.sql import by_dimension, by_month, entries, identifier
from infrastructure.models.offline.work import Call, StoppedError, Work, query, try_all
from infrastructure.tools.schemas import DrawChartAnswer, DrawChartArguments

_MOST_BARS = 10
_FEWEST_MONTHS = 2


class Chart(Value):
    """A chart that was drawn; `about` is `months`, `result` or `line:column`."""

    file: str
    title: str
    about: str


class Drawing(Value):
    """What differs from chart to chart; the rest is shared."""

    title: str
    kind: str
    sql: str
    x: str
    y: tuple[str, ...]


class Sketch(Value):
    """A chart to draw."""

    about: str
    arguments: DrawChartArguments


def draw_charts(brief: ExecuteBrief) -> Work[Submission]:
    """Draw in parallel; a chart that fails is named, and only without any the task fails."""
    facts = yield from facts_of(brief)
    wish = recognise(brief.request, brief.files)
    said: list[str] = []
    sketches: list[Sketch] = []
    if wish.kind is Kind.CHART:
        asked = yield from read_question(brief.request, facts)
        sketches, said = _asked_sketches(brief.request, facts, asked)
    if not sketches:
        sketches = yield from _standard_sketches(facts)
    if not sketches:
        raise StoppedError(
            f"{facts.file} gives nothing to draw: it has neither dates nor columns to group by."
        )
    outcomes = yield from try_all(*(Call("draw_chart", s.arguments) for s in sketches))
    charts: list[Chart] = []
    for sketch, outcome in zip(sketches, outcomes, strict=True):
        if isinstance(outcome, Failure):
            said.append(f"{sketch.arguments.title} could not be drawn: {outcome.message}")
            continue
        drawn = DrawChartAnswer.model_validate(outcome.content)
        charts.append(Chart(file=drawn.file, title=sketch.arguments.title, about=sketch.about))
    if not charts:
        raise StoppedError(said[-1])
    return Submission(
        done=True,
        summary="\n\n".join([*(f"![{c.title}]({c.file})" for c in charts), *said]),
        data={"charts": [chart.model_dump(mode="json") for chart in charts]},
    )


def _standard_sketches(facts: Facts) -> Work[list[Sketch]]:
    sketches = []
    months = shown_months(facts)
    if months is not None and months.months >= _FEWEST_MONTHS:
        sketches.append(_development(facts, months))
        if facts.has_result:
            sketches.append(_result(facts, months))
    statement = breakdown_statement(facts)
    if statement is not None:
        (answer,) = yield from query(statement, limit=1000)
        first: dict[str, Breakdown] = {}
        for breakdown in read_breakdowns(facts, answer):
            first.setdefault(breakdown.line, breakdown)
        sketches += [_breakdown(facts, breakdown) for breakdown in first.values()]
    return sketches


def _development(facts: Facts, months: Span) -> Sketch:
    columns = ", ".join(
        f"{identifier(line.key)} AS {identifier(line.label)}" for line in facts.lines
    )
    names = " and ".join(line.label.lower() for line in facts.lines)
    return _sketch(
        facts,
        "months",
        Drawing(
            title=f"{names[:1].upper()}{names[1:]} by month",
            kind="bar",
            sql=f'SELECT month AS "Month", {columns}\nFROM'
            f" ({by_month(facts, facts.lines, months)})\nORDER BY month",
            x="Month",
            y=tuple(line.label for line in facts.lines),
        ),
    )


def _result(facts: Facts, months: Span) -> Sketch:
    difference = f"COALESCE({identifier(REVENUE)}, 0) - COALESCE({identifier(EXPENSES)}, 0)"
    return _sketch(
        facts,
        "result",
        Drawing(
            title="Result by month",
            kind="line",
            sql=f'SELECT month AS "Month", {difference} AS "Result"'
            f" FROM ({by_month(facts, facts.lines, months)}) ORDER BY month",
            x="Month",
            y=("Result",),
        ),
    )


def _breakdown(facts: Facts, breakdown: Breakdown) -> Sketch:
    line = next(line for line in facts.lines if line.key == breakdown.line)
    before = facts.previous or facts.year_earlier
    spans = [facts.period, before] if before else [facts.period]
    labels = [span.label if span else line.label for span in spans]
    columns = ", ".join(f"s{n} AS {identifier(label)}" for n, label in enumerate(labels))
    heading = _heading(breakdown.column, labels)
    top = f", top {_MOST_BARS}" if len(breakdown.groups) > _MOST_BARS else ""
    return _sketch(
        facts,
        f"{line.key}:{breakdown.column}",
        Drawing(
            title=f"{line.label} by {breakdown.column}, {facts.period_label}{top}",
            kind="bar",
            sql=f"{entries(facts, (line,))}SELECT value AS {identifier(heading)}, {columns}\nFROM"
            f" ({by_dimension(facts, breakdown.column, line, spans)})\n"
            f"ORDER BY s0 DESC, value LIMIT {_MOST_BARS}",
            x=heading,
            y=tuple(labels),
        ),
    )


def _heading(column: str, others: Sequence[str]) -> str:
    """Name the axis after its column, unless another column of the chart has that name."""
    taken = {name.casefold() for name in others}
    return f"{column} group" if column.casefold() in taken else column


def _asked_sketches(request: str, facts: Facts, asked: Asked) -> tuple[list[Sketch], list[str]]:
    """Sketch the one chart a request describes; none when it names nothing to draw."""
    if not (asked.groups or asked.each or asked.named or asked.filters):
        return [], []
    require_matched(request, facts, asked)
    if not asked.groups and not asked.each:
        by_time = facts.date_sql is not None
        guess = {"each": "month"} if by_time else {"groups": facts.dimensions[:1]}
        asked = asked.model_copy(update=guess)
    if asked.each and not facts.date_sql:
        return [], [f"{facts.file} has no dates, so nothing can be drawn over time."]
    if not asked.groups and not asked.each:
        return [], []
    column = asked.each or asked.groups[0]
    heading = _heading(column, [asked.line.label])
    sql = (
        f"SELECT grp AS {identifier(heading)}, figure AS {identifier(asked.line.label)} FROM"
        f" ({answer_statement(facts, asked)})"
    )
    order = "1" if asked.each else f"2 {'ASC' if asked.ascending else 'DESC'}, 1"
    limit = asked.top or (None if asked.each else 3 * _MOST_BARS)
    sketch = _sketch(
        facts,
        f"{asked.line.key}:{column}",
        Drawing(
            title=_title(facts, asked, column),
            kind=_kind(request, over_time=asked.each is not None),
            sql=f"{sql} ORDER BY {order}" + (f" LIMIT {limit}" if limit else ""),
            x=heading,
            y=(asked.line.label,),
        ),
        money=asked.line.key != "quantity",
    )
    return [sketch], remarks(facts, asked)


def _title(facts: Facts, asked: Asked, column: str) -> str:
    figure = asked.operation.value if asked.operation.value != "total" else ""
    name = f"{figure} {asked.line.label}".strip()
    return f"{name[:1].upper()}{name[1:]} by {column}, {facts.period_label}{asked.filter_text}"


def _kind(request: str, *, over_time: bool) -> str:
    words = plain(request)
    for pattern, kind in (
        (r"\bpie|kreis|torten|camembert|circular|torta", "pie"),
        (r"\bline|linien|courbe|lineas?\b|linea", "line"),
        (r"\barea chart|flachen", "area"),
        (r"\bbars?\b|balken|saulen|barres|barras", "bar"),
    ):
        if re.search(pattern, words):
            return kind
    return "line" if over_time else "bar"


def _sketch(facts: Facts, about: str, drawing: Drawing, *, money: bool = True) -> Sketch:
    """Add what all charts share: the file's name, the axis labels and the unit."""
    stem = "_".join(re.findall(r"[a-z0-9]+", plain(about))) or "figures"
    shared = {
        "x_label": drawing.x,
        "y_label": drawing.y[0] if len(drawing.y) == 1 else "Amount",
        "unit": facts.currency if money else "",
        "file_name": f"chart_{stem[:50]}.svg",
    }
    arguments = DrawChartArguments.model_validate(drawing.model_dump() | shared)
    return Sketch(about=about, arguments=arguments)
