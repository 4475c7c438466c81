"""Gathering: asks the read models for everything that a report shows, as of one position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from application.directory import load_directory
from application.moments import newest_before
from application.ports import EventLog
from infrastructure.forecasting import methods_for
from projections.agent_statistics import AgentStatisticsView, agent_statistics
from projections.error_statistics import ErrorStatisticsView, error_statistics
from projections.load_forecast import (
    Load,
    LoadForecastView,
    LoadQuestion,
    forecast_load,
    read_load,
)
from projections.load_history import Grouping, Measure
from projections.message_traffic import (
    MessagePairView,
    MessageTypeView,
    message_pairs,
    message_types,
)
from projections.model_statistics import ModelStatisticsView, model_statistics
from projections.orchestrator_summary import OrchestratorSummaryView, orchestrator_summary
from projections.overview import (
    SessionCostView,
    SessionDayView,
    StrategyView,
    costliest_sessions,
    session_days,
    strategies,
)
from projections.situation import Post, SituationView, situation
from projections.usage import UsageView, usage

Tell = Callable[[str], None]

TITLE = "What the organisation did"
ALL = 1_000_000
"""Takes a list as a whole."""

WINDOW = timedelta(hours=24)
"""Time before the report's moment over which utilisation is taken."""

QUESTIONS = (
    LoadQuestion(measure=Measure.TASKS, by=Grouping.DEPARTMENT, horizon="24h", limit=6),
    LoadQuestion(measure=Measure.TASKS, horizon="7d"),
    LoadQuestion(measure=Measure.DURATION, horizon="7d"),
    LoadQuestion(measure=Measure.COST, horizon="7d"),
)
"""What a report forecasts."""


@dataclass(frozen=True)
class ReportQuestion:
    """What a report is asked for.

    Attributes:
        as_of: the moment at which it is asked for.
        after: positions up to this one do not count.
        at: nor do positions after this one; None for the end of the log.
        since: what was said for `after`, as it was said.
        until: what was said for `at`, likewise.
    """

    as_of: datetime
    after: int = 0
    at: int | None = None
    since: str | None = None
    until: str | None = None
    title: str = TITLE


@dataclass(frozen=True)
class ReportView:
    """Everything that a report shows.

    Attributes:
        as_of: the moment of the report; time of the database.
        position: position of the log as of which it holds.
        lag: how many positions that is behind what was asked for.
        after: positions up to this one do not count.
        since: as it was asked for; None for the beginning of the log.
        until: likewise; None for `as_of`.
        loads: what forecasts are made from.
        forecasts: empty until `foresee` has made them.
    """

    title: str
    as_of: datetime
    position: int
    lag: int
    after: int
    since: str | None
    until: str | None
    summary: OrchestratorSummaryView
    session_days: Sequence[SessionDayView]
    usage_days: Sequence[UsageView]
    usage_departments: Sequence[UsageView]
    usage_models: Sequence[UsageView]
    agents: Sequence[AgentStatisticsView]
    models: Sequence[ModelStatisticsView]
    errors: Sequence[ErrorStatisticsView]
    messages: Sequence[MessageTypeView]
    pairs: Sequence[MessagePairView]
    strategies: Sequence[StrategyView]
    costliest: Sequence[SessionCostView]
    situation: SituationView
    loads: Sequence[Load]
    forecasts: Sequence[LoadForecastView] = ()


class Ends(NamedTuple):
    """Where a report ends, in time and in positions."""

    as_of: datetime
    position: int


def gather(
    connection: sa.Connection, log: EventLog, question: ReportQuestion, tell: Tell
) -> ReportView:
    """Ask for everything that a report shows, but forecasts."""
    tell("Adding up the figures")
    after = question.after
    summary = orchestrator_summary(connection, at=question.at, after=after)
    ends = Ends(question.as_of, summary.position)
    end = summary.position
    usage_of = {
        dimension: usage(connection, (dimension,), at=end, after=after, limit=ALL).items
        for dimension in ("day", "department", "model")
    }
    return ReportView(
        title=question.title,
        as_of=question.as_of,
        position=summary.position,
        lag=summary.lag,
        after=after,
        since=question.since,
        until=question.until,
        summary=summary,
        session_days=session_days(connection, at=end, after=after).items,
        usage_days=usage_of["day"],
        usage_departments=usage_of["department"],
        usage_models=usage_of["model"],
        agents=agent_statistics(connection, at=end, after=after).items,
        models=model_statistics(connection, at=end, after=after).items,
        errors=error_statistics(connection, at=end, after=after).items,
        messages=message_types(connection, at=end, after=after).items,
        pairs=message_pairs(connection, at=end, after=after, limit=10).items,
        strategies=strategies(connection, at=end, after=after).items,
        costliest=costliest_sessions(connection, at=end, after=after).items,
        situation=_situation(connection, log, ends),
        loads=[_load(connection, log, asked, ends) for asked in QUESTIONS],
    )


def _situation(connection: sa.Connection, log: EventLog, ends: Ends) -> SituationView:
    staff = load_directory(log, ends.position).agents.values()
    return situation(
        connection,
        [Post(each.handle, each.post.department) for each in staff if each.active],
        as_of=ends.as_of,
        window=WINDOW,
        after=newest_before(ends.as_of - WINDOW, log),
        at=ends.position,
    )


def _load(connection: sa.Connection, log: EventLog, asked: LoadQuestion, ends: Ends) -> Load:
    return read_load(
        connection,
        asked,
        as_of=ends.as_of,
        after=newest_before(asked.looks_back_to(ends.as_of), log),
        at=ends.position,
    )


def foresee(view: ReportView, tell: Tell) -> ReportView:
    """Make the forecasts of a report; that takes seconds, and no connection waits meanwhile."""
    return replace(view, forecasts=[_forecast(load, tell) for load in view.loads])


def _forecast(load: Load, tell: Tell) -> LoadForecastView:
    asked = load.question
    what = f"{asked.measure.value} of the next {asked.horizon}"
    return forecast_load(
        load,
        methods_for(asked.period),
        progress=lambda done, total: tell(f"Forecasting {what}: {done} of {total}"),
    )
