"""Outlook sections: who is doing what at the moment of the report, and what is to come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.forecasting import Forecast
from infrastructure.report.blocks import Figure, Section, Table
from infrastructure.report.charts import Chart
from infrastructure.report.wording import NONE, amount, plural, share, short, since
from projections.load_forecast import LoadForecastView, SubjectForecastView
from projections.load_history import Period
from projections.situation import SituationView, Standing

MOST_TASKS = 20
MOST_AGENTS = 10
SHOWN_SEASONS = 2
"""Seasons of the past that a chart shows beside what is to come."""

_TITLES = {"tasks": "Tasks taken up", "duration": "Time at work on tasks", "cost": "Cost"}
_SHORT_TITLES = {"tasks": "Tasks", "duration": "Time at work", "cost": "Cost in USD"}
_NAMES = {"tasks": "tasks", "duration": "hours", "cost": "USD"}
_SECONDS_OF_HOUR = 3600


def situation_section(view: SituationView, window: timedelta) -> Section:
    """Show running sessions, their open tasks, and how busy departments are."""
    tasks = [task for session in view.sessions for task in session.tasks]
    # What is divided stands for the tasks it was divided into.
    shown = [task for task in tasks if task.standing is not Standing.DIVIDED][:MOST_TASKS]
    open_tasks = Table(
        f"Open tasks of the newest sessions, {len(shown)} of {len(tasks)}",
        ("Task", "Agent", "Department", "Standing", "Awaits"),
        ("For",),
        [
            (
                short(task.title),
                task.agent,
                task.department or NONE,
                task.standing.value,
                ", ".join(
                    f"{call.kind} {call.name} ({since(call.since, view.as_of)})"
                    for call in task.calls
                )
                or NONE,
                since(task.since, view.as_of),
            )
            for task in shown
        ],
    )
    queues = Table(
        "Departments that had something to do",
        ("Department",),
        ("Agents", "Busy now", "Working", "Waiting", "Blocked", "Longest wait", "Busy share"),
        [
            (
                queue.department or "(no department)",
                str(queue.agents),
                str(queue.busy_agents),
                str(queue.working),
                str(queue.waiting),
                str(queue.blocked),
                NONE
                if queue.oldest_waiting_since is None
                else since(queue.oldest_waiting_since, view.as_of),
                share(queue.utilisation),
            )
            for queue in view.queues
            if queue.working + queue.waiting + queue.blocked + queue.busy_agents
            or queue.utilisation
        ],
    )
    busiest = sorted(
        (each for each in view.agents if each.utilisation), key=lambda each: -each.utilisation
    )[:MOST_AGENTS]
    agents = Table(
        "Busiest agents",
        ("Agent", "Department"),
        ("Working on", "Waiting", "Busy share"),
        [
            (
                agent.agent,
                agent.department or NONE,
                str(agent.working),
                str(agent.waiting),
                share(agent.utilisation),
            )
            for agent in busiest
        ],
    )
    busy = sum(agent.busy_since is not None for agent in view.agents)
    text = (
        f"At the moment of the report {plural(view.running, 'session')} had not ended, with"
        f" {plural(len(tasks), 'open task')}; {busy} of {plural(len(view.agents), 'active agent')}"
        " were at work. Busy share is the time at work within the last"
        f" {window / timedelta(hours=1):g} hours."
    )
    tables = [table for table in (open_tasks, agents, queues) if table.rows]
    return Section("situation", "Situation", text, tables=tables)


def forecast_section(views: Sequence[LoadForecastView]) -> Section:
    """Show what is to come, how surely, and what such forecasts were worth in the past."""
    figures = [figure for view in views for figure in _figures(view)]
    rows = [row for view in views for row in _rows(view)]
    lacking = [
        (f"{_TITLES[view.measure.value]}, {_ahead(view)}", item.lacking)
        for view in views
        for item in view.items[:1]
        if item.lacking
    ]
    errors = Table(
        "What is expected, and how far such forecasts were off",
        ("What", "Who", "Method"),
        ("Expected", "Interval", "Error", "Naive", "In sum", "MASE", "Held"),
        rows,
    )
    missing = Table("What cannot be forecast yet", ("What", "Why"), (), lacking)
    text = (
        "Forecasts rest on nothing but the log up to the moment of the report. Each method was"
        " asked about windows of the past that it had not seen; the error is that of choosing the"
        " best one so far: absolute errors by the hour or day, as a share of what really came"
        " (WAPE), beside the naive one of saying as one day or week before, and that of the sum"
        " over the window. MASE is the error in units of the naive one within the history. Held:"
        " share of the past that lay within the interval, which is meant to hold"
        f" {share(views[0].coverage) if views else NONE}."
    )
    return Section(
        "forecast", "Forecast", text, figures, [table for table in (errors, missing) if table.rows]
    )


def _figures(view: LoadForecastView) -> Iterable[Figure]:
    for item in view.items[:1]:
        if item.forecast is not None:
            yield _figure(view, item, item.forecast)


def _figure(view: LoadForecastView, item: SubjectForecastView, found: Forecast) -> Figure:
    scale = _SECONDS_OF_HOUR if view.unit == "s" else 1
    length = view.period.length
    starts = [view.starts_at + number * length for number in range(view.steps)]
    kept = min(len(item.history), max(2 * view.steps, SHOWN_SEASONS * 24))
    past = item.history[-kept:]
    first = item.history_starts_at + (len(item.history) - kept) * length
    known = [(first + number * length, value / scale) for number, value in enumerate(past)]
    steps = found.prediction.steps
    name = _NAMES[view.measure.value]
    chart = Chart(
        f"{_TITLES[view.measure.value]} by the {view.period.value}, {_ahead(view)}",
        "line",
        [
            *((_plain(start), value, "recorded") for start, value in known),
            *(
                (_plain(start), step.mean / scale, "expected")
                for start, step in zip(starts, steps, strict=True)
            ),
        ],
        (name,),
        axis="TIMESTAMP",
        time_format="%-d %b %H:%M" if view.period is Period.HOUR else "%-d %b",
        by_series=True,
        lows_highs=[
            (start.timestamp() * 1000, step.low / scale, step.high / scale)
            for start, step in zip(starts, steps, strict=True)
        ],
    )
    table = Table(
        f"{chart.title}: what is expected",
        ("From (UTC)",),
        ("Expected", "Low", "High"),
        [
            (
                f"{start:%Y-%m-%d %H:%M}",
                *(amount(value, view.unit) for value in (step.mean, step.low, step.high)),
            )
            for start, step in zip(starts, steps, strict=True)
        ],
    )
    return Figure(chart, table, _note(view, found))


def _note(view: LoadForecastView, found: Forecast) -> str:
    made, naive = found.made.wape, found.baseline.wape
    return (
        f"Method: {found.method}. Error of such forecasts on {found.windows} windows of the past:"
        f" {share(made)}, of the seasonal naive method {share(naive)}. The band holds what comes"
        f" with {share(view.coverage)} probability; of the past it held"
        f" {share(found.made.coverage)}."
    )


def _rows(view: LoadForecastView) -> Iterable[tuple[str, ...]]:
    for item in view.items:
        found = item.forecast
        if found is None:
            continue
        total = found.prediction.total
        yield (
            f"{_SHORT_TITLES[view.measure.value]}, {view.steps} {view.period.value}s",
            item.subject or "all together",
            found.method,
            amount(total.mean, view.unit),
            f"{amount(total.low, view.unit)} to {amount(total.high, view.unit)}",
            share(found.made.wape),
            share(found.baseline.wape),
            share(found.made.total_wape),
            NONE if found.made.mase is None else f"{found.made.mase:.2f}",
            share(found.made.coverage),
        )


def _ahead(view: LoadForecastView) -> str:
    return f"next {plural(view.steps, view.period.value)}"


def _plain(moment: datetime) -> str:
    """Write a moment in UTC without its zone, as charts read it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
