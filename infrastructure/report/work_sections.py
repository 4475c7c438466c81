"""Work sections: sessions, cost, agents, models, decisions, messages and errors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from infrastructure.report.blocks import Figure, Section, Table
from infrastructure.report.charts import Chart
from infrastructure.report.gathering import ReportView
from infrastructure.report.wording import (
    NONE,
    milliseconds,
    minute,
    money,
    number,
    plural,
    share,
    short,
)
from projections.agent_statistics import AgentStatisticsView
from projections.error_statistics import ErrorStatisticsView
from projections.message_traffic import MessagePairView, MessageTypeView
from projections.overview import StrategyView
from projections.usage import Dimension, UsageView

MOST_BARS = 20
MOST_DAYS = 45
_DAYS_OF_WEEK, _DAYS_OF_YEAR = 7, 366
STATUSES = ("completed", "declined", "failed", "cancelled")
TURNINGS = ("forked", "rewound")
NO_DEPARTMENT = "(no department)"


def session_section(view: ReportView) -> Section:
    """Show sessions by day and status, and the costliest of them."""
    counts: dict[tuple[date, str], int] = Counter()
    days = [row.day for row in view.session_days]
    for row in view.session_days:
        counts[row.day, row.event] += row.count
    total = Counter[str]()
    for row in view.session_days:
        total[row.event] += row.count
    ended = sum(total[status] for status in STATUSES)
    events = ("opened", *(event for event in TURNINGS if total[event]), *STATUSES)
    figures = []
    if ended:
        starts, step = _steps(days)
        sums = _summed(counts, starts)
        rows = [
            (start.isoformat(), sums[start, status], status)
            for start in starts
            for status in STATUSES
            if any(key[1] == status for key in counts)
        ]
        title = f"Sessions that ended, by {step} and status"
        chart = Chart(title, "stacked_bar", rows, ("sessions",), axis="DATE", by_series=True)
        table = Table(
            f"Sessions by {step}",
            (step.capitalize(),),
            events,
            [(str(start), *(number(sums[start, event]) for event in events)) for start in starts],
        )
        figures.append(Figure(chart, table, "Days are those of Coordinated Universal Time."))
    top = Table(
        "Sessions whose answers cost most",
        ("Request", "Session", "Opened (UTC)", "Status"),
        ("Answers", "Tokens", "USD"),
        [
            (
                short(row.request),
                str(row.session_id),
                minute(row.opened_at),
                row.status.value,
                number(row.answers),
                number(row.tokens),
                money(row.cost_usd),
            )
            for row in view.costliest
        ],
    )
    return Section(
        "sessions",
        "Sessions",
        _course(total, ended),
        figures,
        [top] if view.costliest else [],
    )


def _course(total: Counter[str], ended: int) -> str:
    parts = [f"{plural(total['opened'], 'session')} opened"]
    parts += [f"{number(total[event])} {event}" for event in TURNINGS if total[event]]
    return f"{', '.join(parts)}, {number(ended)} ended."


def cost_section(view: ReportView) -> Section:
    """Show cost, or tokens where nothing has a price, by day, department and model."""
    cost, unpriced = view.summary.cost_usd, view.summary.unpriced
    priced = bool(cost)
    what = "Cost" if priced else "Tokens"
    by: tuple[tuple[Dimension, Sequence[UsageView]], ...] = (
        ("department", view.usage_departments),
        ("model", view.usage_models),
    )
    figures = []
    if any(_spent(row, priced=priced) for row in view.usage_days):
        figures = [_usage_days(view.usage_days, what, priced=priced)]
        figures += [_usage_by(dimension, rows, what, priced=priced) for dimension, rows in by]
    text = "No answer had a known price."
    if cost is not None:
        text = f"Answers of models cost {money(cost)} US dollars."
        if unpriced:
            text += f" {plural(unpriced, 'answer')} had no known price and are not in it."
    if figures and not priced:
        text += " Tokens are shown instead of cost."
    tables = [] if figures else [_usage_table("By model", "Model", "model", view.usage_models)]
    return Section("cost", "Cost", text, figures, [table for table in tables if table.rows])


def _usage_days(rows: Sequence[UsageView], what: str, *, priced: bool) -> Figure:
    days = {date.fromisoformat(row.group["day"] or ""): row for row in rows}
    starts, step = _steps(list(days))
    sums: dict[date, float] = defaultdict(float)
    for day, row in days.items():
        sums[_step_of(day, starts)] += _spent(row, priced=priced)
    chart = Chart(
        f"{what} by {step}",
        "bar",
        [(start.isoformat(), sums[start]) for start in starts],
        (what.lower(),),
        axis="DATE",
        unit="USD" if priced else "",
    )
    return Figure(chart, _usage_table(f"{what} by day", "Day", "day", rows))


def _usage_by(
    dimension: Dimension, rows: Sequence[UsageView], what: str, *, priced: bool
) -> Figure:
    chart = Chart(
        f"{what} by {dimension}",
        "bar",
        [(_group(row, dimension), _spent(row, priced=priced)) for row in rows],
        (what.lower(),),
        unit="USD" if priced else "",
    )
    return Figure(chart, _usage_table(chart.title, dimension.capitalize(), dimension, rows))


def _usage_table(caption: str, name: str, dimension: Dimension, rows: Sequence[UsageView]) -> Table:
    return Table(
        caption,
        (name,),
        ("Answers", "Tokens in", "from caches", "Tokens out", "USD", "without price"),
        [
            (
                _group(row, dimension),
                number(row.answers),
                number(row.input_tokens + row.cache_read_tokens + row.cache_write_tokens),
                number(row.cache_read_tokens),
                number(row.output_tokens),
                money(row.cost_usd),
                number(row.unpriced),
            )
            for row in rows
        ],
    )


def _group(row: UsageView, dimension: Dimension) -> str:
    return row.group[dimension] or NO_DEPARTMENT


def _spent(row: UsageView, *, priced: bool) -> float:
    if priced:
        return float(row.cost_usd or 0)
    return float(
        row.input_tokens + row.cache_read_tokens + row.cache_write_tokens + row.output_tokens
    )


def agent_section(agents: Sequence[AgentStatisticsView]) -> Section:
    """Show what each agent did."""
    by_work = sorted(agents, key=lambda row: -(row.tasks_completed + row.tasks_failed))
    worked = [row for row in by_work if row.tasks_completed + row.tasks_failed]
    rows = [
        (row.agent, float(count), outcome)
        for row in worked[:MOST_BARS]
        for outcome, count in (("completed", row.tasks_completed), ("failed", row.tasks_failed))
        if count or outcome == "completed"
    ]
    table = Table(
        "Agents",
        ("Agent",),
        (
            "Received",
            "Completed",
            "Failed",
            "Success",
            "Mean time",
            "p95",
            "Calls",
            "Tokens",
            "USD",
        ),
        [
            (
                row.agent,
                number(row.delegations_received),
                number(row.tasks_completed),
                number(row.tasks_failed),
                share(row.success_rate),
                milliseconds(row.mean_duration_ms),
                milliseconds(row.p95_duration_ms),
                number(row.model_calls + row.tool_calls),
                number(
                    row.input_tokens
                    + row.cache_read_tokens
                    + row.cache_write_tokens
                    + row.output_tokens
                ),
                money(row.cost_usd),
            )
            for row in by_work
        ],
    )
    figures = []
    if rows:
        chart = Chart("Tasks by agent and outcome", "stacked_bar", rows, ("tasks",), by_series=True)
        shown = "" if len(worked) <= MOST_BARS else f"The {MOST_BARS} busiest of {len(worked)}."
        figures.append(Figure(chart, table, shown))
    text = (
        f"{plural(len(agents), 'agent')} of the organisation did something, {len(worked)} saw tasks"
        " through. Time is from taking a task up to its end."
    )
    return Section("agents", "Agents", text, figures, [] if figures else [table])


def model_section(view: ReportView) -> Section:
    """Show models, their tokens and their reliability."""
    rows = [
        (row.model, float(tokens), kind)
        for row in view.models
        for kind, tokens in (
            ("in", row.input_tokens),
            ("in, from cache", row.cache_read_tokens),
            ("in, to cache", row.cache_write_tokens),
            ("out", row.output_tokens),
        )
        if tokens
    ]
    table = Table(
        "Models",
        ("Model",),
        ("Calls", "Answers", "Failures", "Rejected", "Mean time", "Cache hits", "USD"),
        [
            (
                row.model,
                number(row.calls),
                number(row.answers),
                number(row.failures),
                number(row.rejections),
                milliseconds(row.mean_duration_ms),
                share(row.provider_cache_hit_rate),
                money(row.cost_usd),
            )
            for row in view.models
        ],
    )
    figures = []
    if rows:
        chart = Chart("Tokens by model", "stacked_bar", rows, ("tokens",), by_series=True)
        figures.append(Figure(chart, table))
    text = (
        "Calls and failures count under the name a model was asked by, answers under the name the"
        " provider gave itself."
    )
    return Section("models", "Models", text, figures, [] if figures else [table])


def delegation_section(rows: Sequence[StrategyView]) -> Section:
    """Show how decisions on delegations were taken."""
    decisions = sum(row.decisions for row in rows)
    unplaced = sum(row.unplaced for row in rows)
    table = Table(
        "Decisions by strategy",
        ("Strategy",),
        ("Decisions", "Found nobody", "Mean confidence", "Candidates"),
        [
            (
                row.strategy,
                number(row.decisions),
                number(row.unplaced),
                share(row.mean_confidence),
                number(row.mean_candidates),
            )
            for row in rows
        ],
    )
    text = (
        f"{plural(decisions, 'decision')} on who gets a task; {number(unplaced)} found nobody."
        " `hansard audit` lists each with its candidates, scores and reason."
    )
    return Section("decisions", "Decisions", text, tables=[table] if rows else [])


def message_section(types: Sequence[MessageTypeView], pairs: Sequence[MessagePairView]) -> Section:
    """Show messages by type, and how long reactions took."""
    by_type = Table(
        "Messages by type",
        ("Type",),
        ("Messages", "Mean latency", "Half within", "95 % within", "99 % within"),
        [
            (
                row.type,
                number(row.count),
                milliseconds(row.mean_latency_ms),
                milliseconds(row.p50_latency_ms),
                milliseconds(row.p95_latency_ms),
                milliseconds(row.p99_latency_ms),
            )
            for row in types
        ],
    )
    by_pair = Table(
        "Who writes to whom most",
        ("From", "To", "Type"),
        ("Messages", "Mean latency"),
        [
            (
                row.from_agent or NONE,
                row.to_agent or NONE,
                row.type,
                number(row.count),
                milliseconds(row.mean_latency_ms),
            )
            for row in pairs
        ],
    )
    figures = []
    if types:
        chart = Chart(
            "Messages by type",
            "bar",
            [(row.type, float(row.count)) for row in types],
            ("messages",),
        )
        figures.append(Figure(chart, by_type))
    text = (
        "Latency is the time to react: to what somebody said, or to a task that was requested."
        f" {plural(sum(row.count for row in types), 'message')} in all."
    )
    return Section("messages", "Messages", text, figures, [by_pair] if pairs else [])


def error_section(errors: Sequence[ErrorStatisticsView]) -> Section:
    """Show what went wrong."""
    table = Table(
        "Errors by type",
        ("What failed", "Error", "First (UTC)", "Last (UTC)"),
        ("Count",),
        [
            (
                _words(row.kind),
                _words(row.error),
                minute(row.first_seen),
                minute(row.last_seen),
                number(row.count),
            )
            for row in errors
        ],
    )
    if not errors:
        return Section("errors", "Errors", "Nothing failed.")
    rows = [(_words(row.error), float(row.count), _words(row.kind)) for row in errors]
    chart = Chart("Errors by type", "stacked_bar", rows, ("errors",), by_series=True)
    text = f"{plural(sum(row.count for row in errors), 'error')} of {plural(len(errors), 'type')}."
    return Section("errors", "Errors", text, [Figure(chart, table)])


def _words(name: str | None) -> str:
    return (name or NONE).replace("_", " ")


def _steps(days: Sequence[date]) -> tuple[list[date], str]:
    """Cut a range of days into steps, as many as a chart can show, and name them."""
    first, last = min(days), max(days)
    length = (last - first).days + 1
    if length <= MOST_DAYS:
        return [first + timedelta(days=number) for number in range(length)], "day"
    if length <= _DAYS_OF_YEAR:
        monday = first - timedelta(days=first.weekday())
        weeks = (last - monday).days // _DAYS_OF_WEEK + 1
        return [monday + timedelta(weeks=number) for number in range(weeks)], "week"
    months = [first.replace(day=1)]
    while months[-1] < last.replace(day=1):
        months.append((months[-1] + timedelta(days=31)).replace(day=1))
    return months, "month"


def _step_of(day: date, starts: Sequence[date]) -> date:
    return max(start for start in starts if start <= day)


def _summed(
    counts: dict[tuple[date, str], int], starts: Sequence[date]
) -> dict[tuple[date, str], float]:
    sums: dict[tuple[date, str], float] = defaultdict(float)
    for (day, event), count in counts.items():
        sums[_step_of(day, starts), event] += count
    return sums
