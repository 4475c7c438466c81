"""The command `stats`: figures of agents, departments, models, sessions, errors and messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

import hansard
from hansard.cli.figures import (
    Bar,
    Column,
    count,
    duration,
    figure_options,
    moment,
    money,
    print_page,
    share,
    span,
)
from hansard.cli.orchestrator import orchestrator
from hansard.cli.usage import NO_GROUP, TOKENS, context_tokens, group_column, print_usage

if TYPE_CHECKING:
    from projections.protocol import Page


class StatsGroup(click.Group):
    """Takes `stats` alone, or with the handle of an agent, for `stats agents`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the command that is left out."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["agents", *args]
        return super().parse_args(ctx, args)


@click.group(cls=StatsGroup)
def stats() -> None:
    """Show figures, also as they were; `stats` alone shows those of the agents.

    A moment T is an ISO 8601 time with zone, a position, or an event id. The position as of which
    an answer holds, and how many positions it lags behind, go to standard error.
    """


WORK = (
    Column("Got", lambda row: count(row.delegations_received), only_wide=True),
    Column("Done", lambda row: count(row.tasks_completed)),
    Column("Failed", lambda row: count(row.tasks_failed)),
    Column("Model", lambda row: count(row.model_calls), only_wide=True),
    Column("Tool", lambda row: count(row.tool_calls), only_wide=True),
    Column("In", lambda row: count(context_tokens(row)), only_wide=True),
    Column("Out", lambda row: count(row.output_tokens), only_wide=True),
    Column("USD", lambda row: money(row.cost_usd)),
    Column("Mean", lambda row: duration(row.mean_duration_ms)),
    Column("Median", lambda row: duration(row.median_duration_ms), only_wide=True),
    Column("p95", lambda row: duration(row.p95_duration_ms), only_wide=True),
    Column("Success", lambda row: share(row.success_rate)),
)
BUSY = Bar("Busy", lambda row: row.busy_ms)


@stats.command()
@click.argument("agent", required=False)
@figure_options(dimensions=("department", "model", "session", "day"))
def agents(
    *,
    agent: str | None,
    by: str | None,
    as_json: bool,
    as_csv: bool,
    at: str | None,
    **bounds: Any,
) -> None:
    """Show what each agent did and what it cost, or only AGENT."""
    from projections.agent_statistics import AgentStatisticsView  # noqa: PLC0415 - heavy

    if by is not None:
        if agent is not None:
            raise click.UsageError("--by shows all agents; leave AGENT or --by out.")
        print_usage("agent", by, as_json=as_json, as_csv=as_csv, at=at, **bounds)
        return
    with hansard.open() as h:
        page = h.stats(agent, at, **bounds)
    now = datetime.now(UTC) if at is None else None
    columns = (
        Column("Agent", lambda row: row.agent, is_text=True),
        Column("Asked", lambda row: count(row.interactions)),
        *WORK,
        Column("Memory", lambda row: count(row.memory_turns), only_wide=True),
        Column("Last used", lambda row: moment(row.last_used), only_wide=True),
        *([Column("Idle", lambda row: span(row.idle(now)))] if now else []),
    )
    print_page(page, AgentStatisticsView, columns, chart=BUSY, as_json=as_json, as_csv=as_csv)


@stats.command()
@figure_options(dimensions=("agent", "model", "session", "day"))
def departments(*, by: str | None, as_json: bool, as_csv: bool, **bounds: Any) -> None:
    """Show what the agents of each department did and what it cost."""
    from projections.department_statistics import DepartmentStatisticsView  # noqa: PLC0415 - heavy

    if by is not None:
        print_usage("department", by, as_json=as_json, as_csv=as_csv, **bounds)
        return
    with hansard.open() as h:
        page = h.departments(**bounds)
    columns = (
        Column("Department", lambda row: row.department or NO_GROUP, is_text=True),
        Column("Agents", lambda row: count(row.agents)),
        *WORK,
        Column("Last used", lambda row: moment(row.last_used), only_wide=True),
    )
    print_page(
        page, DepartmentStatisticsView, columns, chart=TOKENS, as_json=as_json, as_csv=as_csv
    )


@stats.command()
@figure_options(dimensions=("agent", "department", "session", "day"))
def models(*, by: str | None, as_json: bool, as_csv: bool, **bounds: Any) -> None:
    """Show how each model was used, what it cost, and how fast and reliable it was."""
    from projections.model_statistics import ModelStatisticsView  # noqa: PLC0415 - heavy

    if by is not None:
        print_usage("model", by, as_json=as_json, as_csv=as_csv, **bounds)
        return
    with hansard.open() as h:
        page = h.models(**bounds)
    columns = (
        Column("Model", lambda row: row.model, is_text=True),
        Column("Calls", lambda row: count(row.calls)),
        Column("Answers", lambda row: count(row.answers)),
        Column("Failed", lambda row: count(row.failures)),
        Column("Rejected", lambda row: count(row.rejections), only_wide=True),
        Column("In", lambda row: count(context_tokens(row)), only_wide=True),
        Column("Out", lambda row: count(row.output_tokens), only_wide=True),
        Column("USD", lambda row: money(row.cost_usd)),
        Column("Unpriced", lambda row: count(row.unpriced), only_wide=True),
        Column("Mean", lambda row: duration(row.mean_duration_ms)),
        Column("Cached", lambda row: share(row.provider_cache_hit_rate)),
        Column("Last used", lambda row: moment(row.last_used), only_wide=True),
    )
    print_page(page, ModelStatisticsView, columns, chart=TOKENS, as_json=as_json, as_csv=as_csv)


@stats.command()
@figure_options(dimensions=("agent", "department", "model", "day"), pages=True)
def sessions(
    *,
    by: str | None,
    as_json: bool,
    as_csv: bool,
    limit: int,
    start: int,
    **bounds: Any,
) -> None:
    """Show what each session that was opened in the time asked about took, newest first."""
    from projections.session_list import SessionSummaryView  # noqa: PLC0415 - heavy

    if by is not None:
        print_usage(
            "session", by, as_json=as_json, as_csv=as_csv, limit=limit, start=start, **bounds
        )
        return
    with hansard.open() as h:
        page = h.sessions(limit=limit, before=start or None, **bounds)
    columns = (
        Column("Session", lambda row: str(row.session_id), is_text=True),
        Column("Status", lambda row: row.status.value),
        Column("Opened", lambda row: moment(row.opened_at), only_wide=True),
        Column("Took", _session_time),
        Column("Agents", lambda row: count(len(row.agents)), only_wide=True),
        Column("Tasks", lambda row: count(row.tasks), only_wide=True),
        Column("Model", lambda row: count(row.model_calls), only_wide=True),
        Column("Tool", lambda row: count(row.tool_calls), only_wide=True),
        Column("Tokens", lambda row: count(row.input_tokens + row.output_tokens)),
        Column("USD", lambda row: money(row.cost_usd), only_wide=True),
    )
    chart = Bar("", lambda row: row.input_tokens + row.output_tokens)
    print_page(page, SessionSummaryView, columns, chart=chart, as_json=as_json, as_csv=as_csv)


@stats.command()
@figure_options(dimensions=("kind", "error", "agent", "name"), pages=True)
def errors(*, by: str | None, as_json: bool, as_csv: bool, **bounds: Any) -> None:
    """Show what went wrong, how often, and when it was first and last seen.

    What is told apart may be several names with commas between them; kind and error by default.
    """
    from projections.error_statistics import ErrorStatisticsView  # noqa: PLC0415 - heavy

    named = [name.strip() for name in (by or "kind,error").split(",")]
    with hansard.open() as h:
        page = h.errors(named, **bounds)
    columns = (
        *(
            group_column(name, lambda row, name=name: getattr(row, name))
            for name in dict.fromkeys(named)
        ),
        Column("Count", lambda row: count(row.count)),
        Column("First seen", lambda row: moment(row.first_seen), only_wide=True),
        Column("Last seen", lambda row: moment(row.last_seen)),
    )
    print_page(
        page,
        ErrorStatisticsView,
        columns,
        chart=Bar("", lambda row: row.count),
        as_json=as_json,
        as_csv=as_csv,
    )


@stats.command()
@figure_options(dimensions=("type", "pair", "delivery"), pages=True)
def messages(
    *, by: str | None, as_json: bool, as_csv: bool, limit: int, start: int, **bounds: Any
) -> None:
    """Show how many messages agents sent each other, and how fast they reacted.

    By type or pair, that is what agents said as they worked on tasks; by delivery, what became of
    the messages that `hansard messages` lists.
    """
    from projections.message_traffic import MessagePairView, MessageTypeView  # noqa: PLC0415 - heavy

    if by == "delivery":
        _print_deliveries(as_json=as_json, as_csv=as_csv, **bounds)
        return
    if by not in (None, "type", "pair"):
        raise click.BadParameter(f"{by!r}: choose type, pair or delivery.", param_hint="--by")
    kind: Column = Column("Type", lambda row: row.type, is_text=True)
    figures = (
        Column("Count", lambda row: count(row.count)),
        Column("Mean", lambda row: duration(row.mean_latency_ms)),
    )
    page: Page[Any]
    if by == "pair":
        with hansard.open() as h:
            page = h.message_pairs(limit=limit, start=start, **bounds)
        columns: tuple[Column, ...] = (
            Column("From", lambda row: row.from_agent or NO_GROUP, is_text=True),
            Column("To", lambda row: row.to_agent or NO_GROUP, is_text=True),
            kind,
            *figures,
        )
    else:
        with hansard.open() as h:
            page = h.messages(**bounds)
        columns = (
            kind,
            *figures,
            Column("p50", lambda row: duration(row.p50_latency_ms)),
            Column("p95", lambda row: duration(row.p95_latency_ms)),
            Column("p99", lambda row: duration(row.p99_latency_ms)),
        )
    shown = MessagePairView if by == "pair" else MessageTypeView
    print_page(
        page, shown, columns, chart=Bar("", lambda row: row.count), as_json=as_json, as_csv=as_csv
    )


def _print_deliveries(*, as_json: bool, as_csv: bool, **bounds: Any) -> None:
    from projections.message_traffic import MessageDeliveryView  # noqa: PLC0415 - heavy

    with hansard.open() as h:
        page = h.message_deliveries(**bounds)
    columns = (
        Column("Type", lambda row: row.type, is_text=True),
        Column("Sent", lambda row: count(row.sent)),
        Column("Delivered", lambda row: count(row.delivered)),
        Column("Expired", lambda row: count(row.expired)),
        Column("Dead", lambda row: count(row.dead)),
        Column("Waiting", lambda row: count(row.waiting)),
        Column("Mean", lambda row: duration(row.mean_latency_ms)),
        Column("p50", lambda row: duration(row.p50_latency_ms), only_wide=True),
        Column("p95", lambda row: duration(row.p95_latency_ms), only_wide=True),
        Column("p99", lambda row: duration(row.p99_latency_ms)),
    )
    print_page(page, MessageDeliveryView, columns, as_json=as_json, as_csv=as_csv)


def _session_time(row: Any) -> str:
    return "running" if row.ended_at is None else span(row.ended_at - row.opened_at)


stats.add_command(orchestrator)
