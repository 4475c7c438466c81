"""Orchestrator summary: how the whole organisation does, in one answer."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from domain.conversation import USER
from domain.session import SessionStatus
from domain.value import Value
from projections import activity, lineage
from projections.activity.tables import SESSION_ENDS
from projections.error_statistics import KINDS as ERRORS
from projections.error_statistics import REJECTED, ErrorStatisticsView, error_views
from projections.protocol import computed_at
from projections.quantiles import Quantiles, quantiles
from projections.tally import COUNT, Key, Tallies, Tally, by_kind, tally
from projections.work import ENDED, TRIED, success_rate

ABSENT = "agent_removed"
INACTIVE = "agent_deactivated"
STANDING = ("agent_registered", "agent_activated", INACTIVE, ABSENT)
"""What says whether an agent belongs to the organisation, and whether it takes work."""


class RequestShare(Value):
    """How much of all work an agent was asked to do.

    Attributes:
        requests: delegations it received, and turns of the user it heard.
        share: of all requests, 0 to 1.
    """

    agent: str
    requests: int
    share: float


class OrchestratorSummaryView(Value):
    """The figures of the whole organisation.

    What counts happened in the range of the log that was asked for; `agents`, `active_agents` and
    what is still running are as of its end.

    Attributes:
        position: position of the log as of which it holds.
        lag: how many positions that is behind what was asked for.
        agents: members of the organisation, active or not.
        active_agents: members that take work.
        executions: tasks that ended, however they did.
        running_tasks: tasks of the sessions' histories that have not ended; a fork goes on with
            those of its parent.
        success_rate: completed out of completed and failed tasks, 0 to 1; None before the first.
        mean_duration_ms: mean milliseconds from taking up a task to its completion or failure;
            None before the first.
        median_duration_ms: half of these tasks took no longer, and 95 % no longer than
            `p95_duration_ms`; as exact as `projections.quantiles` says.
        requests_by_agent: most first.
        errors: by kind and type, most frequent first.
        sessions: how many run at the end, and how often sessions ended in each other status; one
            that was rewound may end again.
        forks: sessions that were forked off; a what-if is none, and counts nowhere else either.
        rewinds: how often sessions were rewound; what was taken back counts, for it was paid for.
        mean_session_ms: mean milliseconds from the opening of a session, or from where it was
            forked off, to its end, however it ended; None before the first.
        model_calls: attempts, repeated ones included.
        input_tokens: without those that were read from or written to the provider's cache.
        provider_cache_hit_rate: share of all tokens that went in which the provider read from its
            own cache, 0 to 1; None before the first. Hansard keeps no cache of answers.
        cost_usd: US dollars; None when no answer had a price.
        unpriced: answers whose price is not known.
        first_recorded_at: time of recording of the oldest event that counts.
        last_recorded_at: time of recording of the newest event that counts.
    """

    position: int
    lag: int
    agents: int
    active_agents: int
    executions: int
    tasks_completed: int
    tasks_failed: int
    tasks_cancelled: int
    running_tasks: int
    success_rate: float | None
    mean_duration_ms: float | None
    median_duration_ms: float | None
    p95_duration_ms: float | None
    requests_by_agent: tuple[RequestShare, ...]
    errors: tuple[ErrorStatisticsView, ...]
    sessions: dict[SessionStatus, int]
    forks: int
    rewinds: int
    mean_session_ms: float | None
    turns: int
    delegations: int
    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    provider_cache_hit_rate: float | None
    cost_usd: Decimal | None
    unpriced: int
    first_recorded_at: datetime | None
    last_recorded_at: datetime | None


def orchestrator_summary(
    connection: sa.Connection, *, at: int | None = None, after: int = 0
) -> OrchestratorSummaryView:
    """Sum up what the organisation did up to a position.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
    """
    position, lag = computed_at(connection, activity.NAME, lineage.NAME, at=at)
    found = _found(connection, after, position)
    tallies = by_kind((("all", *key), part) for key, part in found).get("all", Tallies())
    ever = tallies if after <= 0 else _openings_and_ends(connection, position)
    more_sessions, more_tasks = lineage.running_since_turnings(connection, position)
    took = _durations(connection, after, position)
    agents, active_agents = _members(connection, position)
    answers = tallies.of("model_answer")
    everything = tallies.of()
    return OrchestratorSummaryView(
        position=position,
        lag=lag,
        agents=agents,
        active_agents=active_agents,
        executions=tallies.number(*ENDED),
        tasks_completed=tallies.number("task_completed"),
        tasks_failed=tallies.number("task_failed"),
        tasks_cancelled=tallies.number("task_cancelled"),
        running_tasks=ever.number("task_created") - ever.number(*ENDED) + more_tasks,
        success_rate=success_rate(tallies),
        mean_duration_ms=tallies.of(*TRIED).mean_duration_ms,
        median_duration_ms=took.median_ms,
        p95_duration_ms=took.p95_ms,
        requests_by_agent=_shares(found),
        errors=_errors(found),
        sessions=_sessions(tallies, ever, more_sessions),
        forks=tallies.number("session_forked"),
        rewinds=tallies.number("session_rewound"),
        mean_session_ms=tallies.of(*SESSION_ENDS).mean_latency_ms,
        turns=tallies.number("turn"),
        delegations=tallies.number("delegation"),
        model_calls=tallies.number("model_call"),
        tool_calls=tallies.number("tool_call"),
        input_tokens=answers.input_tokens,
        output_tokens=answers.output_tokens,
        cache_read_tokens=answers.cache_read_tokens,
        cache_write_tokens=answers.cache_write_tokens,
        provider_cache_hit_rate=answers.cache_hit_rate,
        cost_usd=answers.cost_usd,
        unpriced=answers.count - answers.priced,
        first_recorded_at=everything.first_seen,
        last_recorded_at=everything.last_seen,
    )


def _found(connection: sa.Connection, after: int, until: int) -> list[tuple[Key, Tally]]:
    """Give tallies by kind, type of error, and who was asked for work."""
    source = activity.measured(after, until)
    column = source.columns
    asked = sa.case(
        (column.kind == "delegation", column.agent),
        (sa.and_(column.kind == "turn", column.agent == USER), column.peer),
    )
    return tally(connection, source, (column.kind, column.error, asked))


def _openings_and_ends(connection: sa.Connection, until: int) -> Tallies:
    """Count what began and ended since the beginning of the log."""
    source = activity.measured(0, until)
    kind = source.columns.kind
    counted = ("session_opened", *SESSION_ENDS, "task_created", *ENDED)
    tallies = Tallies()
    for key, part in tally(connection, source, [kind], kind.in_(counted), sums=COUNT):
        tallies.put(key[0], part)
    return tallies


def _durations(connection: sa.Connection, after: int, until: int) -> Quantiles:
    source = activity.spread(after, until, "duration")
    everything = sa.literal(0)
    found = quantiles(connection, source, everything, source.columns.kind.in_(TRIED))
    return found.get(0, Quantiles())


def _members(connection: sa.Connection, until: int) -> tuple[int, int]:
    """Count the members of the organisation at a position, and those of them that take work."""
    fact = activity.activity.columns
    newest = (
        sa.select(fact.agent, fact.kind)
        .ext(distinct_on(fact.agent))
        .where(fact.session_id.is_(None), fact.position <= until, fact.kind.in_(STANDING))
        .order_by(fact.agent, fact.position.desc())
        .subquery()
    )
    kind = newest.columns.kind
    query = sa.select(
        sa.func.count().filter(kind != ABSENT),
        sa.func.count().filter(kind.not_in((ABSENT, INACTIVE))),
    ).select_from(newest)
    agents, active_agents = connection.execute(query).one()
    return agents, active_agents


def _shares(found: list[tuple[Key, Tally]]) -> tuple[RequestShare, ...]:
    requests: dict[str, int] = {}
    for (_, _, agent), part in found:
        if agent is not None:
            requests[agent] = requests.get(agent, 0) + part.count
    everybody = sum(requests.values())
    return tuple(
        RequestShare(agent=agent, requests=number, share=number / everybody)
        for agent, number in sorted(requests.items(), key=lambda item: (-item[1], item[0]))
    )


def _errors(found: list[tuple[Key, Tally]]) -> tuple[ErrorStatisticsView, ...]:
    errors = [
        ((kind, REJECTED if kind == "answer_rejected" else error), part)
        for (kind, error, _), part in found
        if kind in ERRORS
    ]
    return error_views(("kind", "error"), errors)


def _sessions(tallies: Tallies, ever: Tallies, more_sessions: int) -> dict[SessionStatus, int]:
    running = ever.number("session_opened") - ever.number(*SESSION_ENDS) + more_sessions
    return {
        status: running
        if status is SessionStatus.RUNNING
        else tallies.number(f"session_{status.value}")
        for status in SessionStatus
    }
