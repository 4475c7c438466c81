"""The commands on the present and the future: `situation` and `forecast`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

import hansard
from hansard.cli.charts import sparkline
from hansard.cli.figures import duration
from hansard.cli.looking import AT, JSON
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from domain.forecasting import Estimate
    from projections.load_forecast import LoadForecastView
    from projections.situation import OpenTaskView, SituationView

SHOWN_SESSIONS = 20
STANDING_STYLES = {"working": "green", "waiting": "yellow", "blocked": "dim", "divided": "dim"}

_SPAN = re.compile(r"([1-9]\d{0,4})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Span(click.ParamType[timedelta]):
    """A length of time such as `30m`."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read the text."""
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no length of time; write 90s, 30m, 1h or 7d.", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.command()
@click.option(
    "--window",
    type=Span(),
    default="1h",
    show_default=True,
    help="Time over which it is counted how busy agents were: 30m, 8h, 7d.",
)
@click.option("--all", "everybody", is_flag=True, help="List agents that did nothing as well.")
@AT
@JSON
def situation(*, window: timedelta, everybody: bool, at: str | None, as_json: bool) -> None:
    """Show who is doing what: running sessions, open tasks, busy agents, and what waits."""
    with hansard.open() as h:
        view = h.situation(at, window=window)
    if as_json:
        print_json(view)
        return
    out = console()
    _print_sessions(out, view)
    _print_agents(out, view, everybody=everybody)
    _print_queues(out, view)
    _tell_position(view)


@click.command()
@click.option("--measure", type=click.Choice(["tasks", "duration", "cost"]), default="tasks")
@click.option("--by", type=click.Choice(["agent", "department"]), help="Each of these as well.")
@click.option(
    "--horizon",
    default="24h",
    show_default=True,
    help="How far ahead: hours (24h) or days (7d); hours give figures by the hour.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@AT
@JSON
def forecast(
    *, measure: str, by: str | None, horizon: str, limit: int, at: str | None, as_json: bool
) -> None:
    """Forecast tasks, time at work or cost, and say how far such forecasts were off.

    For each series the method is chosen that erred least on the past of that very series. The error
    is that of such choices on windows of the past (WAPE): absolute errors by the hour or day, added
    up, as a share of what really came; beside it that of saying as one day or week before.
    """
    with hansard.open() as h:
        view = h.forecast(
            at, measure=measure, by=by, horizon=horizon, limit=limit, on_progress=_progress()
        )
    if as_json:
        print_json(view)
    else:
        _print_forecast(console(), view)


def _print_sessions(out: Console, view: SituationView) -> None:
    if not view.running:
        out.print("No session is running.")
        return
    for session in view.sessions[:SHOWN_SESSIONS]:
        head = Text(f"{session.session_id}  ", style="bold")
        head.append(f"{_ago(view.as_of, session.opened_at)}  ", style="dim")
        if session.on_hold:
            head.append("on hold  ", style="yellow")
        head.append(clean(session.request).replace("\n", " ")[:100])
        tree = Tree(head)
        for task in session.tasks:
            tree.add(_task_line(view, task))
        out.print(tree)
    if view.running > SHOWN_SESSIONS:
        out.print(f"... and {view.running - SHOWN_SESSIONS:,} more; --json lists the newest.")


def _task_line(view: SituationView, task: OpenTaskView) -> Text:
    line = Text(f"{clean(task.key)} ", style="bold")
    line.append(task.standing.value, style=STANDING_STYLES[task.standing.value])
    line.append(f" for {_long(view.as_of - task.since)} ")
    line.append(task.agent, style="cyan")
    if task.department:
        line.append(f" ({clean(task.department)})", style="dim")
    for call in task.calls:
        who = "" if call.agent == task.agent else f"{call.agent} "
        name = clean(call.name)
        line.append(f"\n{who}awaits {call.kind} {name} for {_long(view.as_of - call.since)}")
    return line


def _print_agents(out: Console, view: SituationView, *, everybody: bool) -> None:
    table = _table(("Agent", "Department"), ("Working", "Waiting", "Busy for", "Busy share"))
    shown = [
        agent
        for agent in view.agents
        if everybody or agent.working or agent.waiting or agent.utilisation
    ]
    for agent in shown:
        table.add_row(
            agent.agent,
            clean(agent.department or "-"),
            str(agent.working),
            str(agent.waiting),
            "-" if agent.busy_since is None else _long(view.as_of - agent.busy_since),
            f"{agent.utilisation:.1%}",
        )
    if shown:
        out.print(table)
    if len(shown) < len(view.agents):
        window = _long(timedelta(seconds=view.window_s))
        rest = len(view.agents) - len(shown)
        out.print(f"{rest} agents have nothing to do and did nothing in the last {window}.")


def _print_queues(out: Console, view: SituationView) -> None:
    names = ("Agents", "Busy", "Working", "Waiting", "Blocked", "Longest wait", "Busy share")
    table = _table(("Department",), names)
    for queue in view.queues:
        if not queue.working + queue.waiting + queue.blocked + queue.busy_agents:
            continue
        since = queue.oldest_waiting_since
        table.add_row(
            clean(queue.department or "(none)"),
            str(queue.agents),
            str(queue.busy_agents),
            str(queue.working),
            str(queue.waiting),
            str(queue.blocked),
            "-" if since is None else _long(view.as_of - since),
            f"{queue.utilisation:.1%}",
        )
    if table.row_count:
        out.print(table)


def _print_forecast(out: Console, view: LoadForecastView) -> None:
    if not view.items:
        out.print("Nothing was done yet, so that there is nothing to forecast from.")
    elif view.items[0].forecast is None:
        out.print(f"No forecast is possible: {view.items[0].lacking}")
    else:
        out.print(_forecast_table(view))
        _print_lacking(out, view)
    click.echo(
        f"{view.steps} {view.period.value}s from {view.starts_at:%Y-%m-%d %H:%M} UTC; the interval"
        f" holds what comes with {view.coverage:.0%} probability.\nError by the"
        f" {view.period.value} and in sum, measured on windows of the past; naive: saying as one"
        " day or week before.\nMASE: error in units of that naive error within the history; held:"
        " share of the past within the interval.",
        err=True,
    )
    _tell_position(view)


def _forecast_table(view: LoadForecastView) -> Table:
    table = _table(("Who",), ("Expected", "Interval", "Error", "Naive", "In sum", "MASE", "Held"))
    table.add_column("Method")
    table.add_column(f"By the {view.period.value}", no_wrap=True)
    for item in view.items:
        found = item.forecast
        if found is None:
            continue
        total = found.prediction.total
        table.add_row(
            clean(item.subject or "all together"),
            _amount(total.mean, view.unit),
            _interval(total, view.unit),
            _share(found.made.wape),
            _share(found.baseline.wape),
            _share(found.made.total_wape),
            "-" if found.made.mase is None else f"{found.made.mase:.2f}",
            f"{found.made.coverage:.0%}",
            found.method,
            sparkline([step.mean for step in found.prediction.steps]),
        )
    return table


def _print_lacking(out: Console, view: LoadForecastView) -> None:
    lacking = [item for item in view.items if item.forecast is None]
    for item in lacking[:SHOWN_SESSIONS]:
        out.print(f"{clean(item.subject or 'all together')}: {item.lacking}", style="dim")
    if len(lacking) > SHOWN_SESSIONS:
        out.print(f"... and {len(lacking) - SHOWN_SESSIONS} more like these.", style="dim")
    if view.left_out:
        out.print(f"{view.left_out} with less load were left out; --limit takes more.", style="dim")


def _table(names: tuple[str, ...], figures: tuple[str, ...]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def _progress() -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            end = "\r\x1b[K" if done >= total else ""
            click.echo(f"\r{done} of {total} series forecast{end}", nl=False, err=True)

    return show


def _tell_position(view: SituationView | LoadForecastView) -> None:
    behind = f", {view.lag} events behind" if view.lag else ""
    click.echo(f"As of {_time(view.as_of)}, position {view.position}{behind}.", err=True)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _ago(now: datetime, moment: datetime) -> str:
    return f"{_long(now - moment)} ago"


def _long(length: timedelta) -> str:
    return duration(max(length.total_seconds(), 0.0) * 1000)


def _amount(value: float, unit: str) -> str:
    if unit == "s":
        return _long(timedelta(seconds=value))
    return f"{value:,.4f} USD" if unit == "USD" else f"{value:,.1f}"


def _interval(estimate: Estimate, unit: str) -> str:
    return f"{_amount(estimate.low, unit)} .. {_amount(estimate.high, unit)}"


def _share(error: float | None) -> str:
    return "-" if error is None else f"{error:.0%}"
