"""The command `stats orchestrator`: how the whole organisation does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

import hansard
from hansard.cli.charts import sparkline
from hansard.cli.figures import (
    Bar,
    Column,
    count,
    duration,
    figure_options,
    moment,
    money,
    print_table,
    share,
    tell_computed,
)
from hansard.cli.looking import facts
from hansard.cli.spreadsheet import print_figures
from hansard.cli.terminal import console, print_json
from hansard.cli.usage import ALL, NO_GROUP, context_tokens, print_usage

if TYPE_CHECKING:
    from hansard.api import Hansard
    from projections.orchestrator_summary import OrchestratorSummaryView

DAYS_SHOWN = 60
"""Newest days that the chart shows."""

SHARES = (
    Column("Agent", lambda row: row.agent, is_text=True),
    Column("Requests", lambda row: count(row.requests)),
    Column("Share", lambda row: share(row.share)),
)
ERRORS = (
    Column("Kind", lambda row: row.kind, is_text=True),
    Column("Error", lambda row: row.error or NO_GROUP, is_text=True),
    Column("Count", lambda row: count(row.count)),
    Column("Last seen", lambda row: moment(row.last_seen)),
)


@click.command()
@figure_options(dimensions=("agent", "department", "model", "session", "day"))
def orchestrator(*, by: str | None, as_json: bool, as_csv: bool, **bounds: Any) -> None:
    """Sum up how the whole organisation does; with --by, show what answers of models took."""
    if by is not None:
        print_usage(by, as_json=as_json, as_csv=as_csv, **bounds)
        return
    with hansard.open() as h:
        view = h.orchestrator(**bounds)
        days = {} if as_json or as_csv else _tokens_by_day(h, bounds)
    if as_json:
        print_json(view)
        return
    if as_csv:
        print_figures(view)
    else:
        _print_summary(view, days)
    tell_computed(view.position, view.lag)


def _tokens_by_day(h: Hansard, bounds: dict[str, Any]) -> dict[date, int]:
    """Tell how many tokens went in and out on each of the newest days, also those without any."""
    views = h.usage("day", limit=ALL, **bounds).items
    spent = {
        date.fromisoformat(view.group["day"] or ""): context_tokens(view) + view.output_tokens
        for view in views
    }
    if not spent:
        return {}
    last = max(spent)
    first = max(min(spent), last - timedelta(days=DAYS_SHOWN - 1))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {day: spent.get(day, 0) for day in days}


def _print_summary(view: OrchestratorSummaryView, days: dict[date, int]) -> None:
    out = console()
    statuses = ", ".join(f"{number:,} {status.value}" for status, number in view.sessions.items())
    tasks = f"{view.tasks_completed:,} done, {view.tasks_failed:,} failed"
    times = f"mean {duration(view.mean_duration_ms)}, median {duration(view.median_duration_ms)}"
    tokens = context_tokens(view)
    out.print(
        facts(
            ("Agents", f"{view.agents:,}, {view.active_agents:,} of them active"),
            ("Sessions", statuses),
            ("Executions", f"{view.executions:,}: {tasks}, {view.tasks_cancelled:,} cancelled"),
            ("Running tasks", count(view.running_tasks)),
            ("Success rate", share(view.success_rate)),
            ("Time of a task", f"{times}, p95 {duration(view.p95_duration_ms)}"),
            ("Time of a session", f"mean {duration(view.mean_session_ms)}"),
            ("Calls", f"{view.model_calls:,} of models, {view.tool_calls:,} of tools"),
            ("Messages", f"{view.turns:,} turns, {view.delegations:,} delegations"),
            ("Tokens", f"{tokens:,} in, {view.output_tokens:,} out"),
            ("Provider's cache", f"{share(view.provider_cache_hit_rate)} of the tokens in"),
            ("USD", f"{money(view.cost_usd)}, {view.unpriced:,} answers without a price"),
        )
    )
    if any(days.values()) and out.is_terminal and out.encoding.startswith("utf"):
        out.print(Text(f"\nTokens a day, {min(days)} to {max(days)}", style="bold"))
        out.print(Text(sparkline(list(days.values())), style="cyan"))
    if view.requests_by_agent:
        out.print(Text("\nRequests", style="bold"))
        print_table(view.requests_by_agent, SHARES, Bar("", lambda row: row.requests))
    if view.errors:
        out.print(Text("\nErrors", style="bold"))
        print_table(view.errors, ERRORS, Bar("", lambda row: row.count))
