"""Sections: says in words, figures and charts what the read models answered."""

from __future__ import annotations

from collections.abc import Iterable

from domain.session import SessionStatus
from infrastructure.report.blocks import Headline, Page, Section
from infrastructure.report.gathering import WINDOW, ReportView
from infrastructure.report.outlook_sections import forecast_section, situation_section
from infrastructure.report.wording import (
    clock_time,
    milliseconds,
    money,
    number,
    plural,
    rounded,
    share,
)
from infrastructure.report.work_sections import (
    agent_section,
    cost_section,
    delegation_section,
    error_section,
    message_section,
    model_section,
    session_section,
)

NOTHING = (
    "Nothing is recorded in this range: no session was opened and no agent was used. Let the"
    " organisation do something with `hansard run`, or choose another range."
)


def compose(view: ReportView) -> Page:
    """Put a report together."""
    empty = not view.summary.executions and not sum(view.summary.sessions.values())
    empty = empty and not view.summary.turns
    return Page(
        title=view.title,
        facts=tuple(_facts(view)),
        notice=NOTHING if empty else _lag(view),
        headlines=() if empty else _headlines(view),
        sections=() if empty else tuple(_sections(view)),
    )


def _facts(view: ReportView) -> Iterable[tuple[str, str]]:
    yield "As of", f"{clock_time(view.as_of)}, position {view.position:,} of the log"
    behind = "none" if not view.lag else f"{plural(view.lag, 'event')} behind the log"
    yield "Lag", behind
    since = view.since or "the beginning of the log"
    until = f"before {view.until}" if view.until else "up to this moment"
    yield "Counted", f"what was recorded since {since}, {until} (positions after {view.after:,})"
    first, last = view.summary.first_recorded_at, view.summary.last_recorded_at
    if first and last:
        yield "Recorded", f"{clock_time(first)} to {clock_time(last)}"


def _lag(view: ReportView) -> str:
    if not view.lag:
        return ""
    return (
        f"The read models are {plural(view.lag, 'event')} behind the log; `hansard projections"
        " status` says why. What is missing here is not lost: it stands in the log."
    )


def _headlines(view: ReportView) -> tuple[Headline, ...]:
    summary = view.summary
    running = summary.sessions.get(SessionStatus.RUNNING, 0)
    ended = {
        status: count
        for status, count in summary.sessions.items()
        if status is not SessionStatus.RUNNING
    }
    failed = ended.get(SessionStatus.FAILED, 0)
    tokens = summary.input_tokens + summary.cache_read_tokens + summary.cache_write_tokens
    errors = sum(error.count for error in summary.errors)
    unpriced = f"{number(summary.unpriced)} answers without a price" if summary.unpriced else ""
    cost = "all answers have a price" if summary.cost_usd is not None else "no known price"
    return (
        Headline(
            number(sum(ended.values())),
            "sessions ended",
            f"{number(failed)} failed, {number(running)} running",
        ),
        Headline(
            number(summary.executions),
            "tasks ended",
            f"{number(summary.tasks_failed)} failed, {number(summary.running_tasks)} open",
        ),
        Headline(share(summary.success_rate), "of tasks completed", "of those completed or failed"),
        Headline(
            milliseconds(summary.mean_duration_ms),
            "mean time of a task",
            f"95 % within {milliseconds(summary.p95_duration_ms)}",
        ),
        Headline(money(summary.cost_usd), "US dollars", unpriced or cost),
        Headline(
            rounded(tokens + summary.output_tokens),
            "tokens",
            f"{share(summary.provider_cache_hit_rate)} of input from caches",
        ),
        Headline(
            number(summary.model_calls),
            "model calls",
            f"{number(summary.tool_calls)} uses of tools",
        ),
        Headline(number(errors), "errors", f"{plural(len(summary.errors), 'type')}"),
        Headline(
            number(summary.active_agents),
            "active agents",
            f"{len(view.agents)} of them used" if view.agents else "",
        ),
    )


def _sections(view: ReportView) -> Iterable[Section]:
    yield session_section(view)
    yield cost_section(view)
    yield agent_section(view.agents)
    yield model_section(view)
    yield delegation_section(view.strategies)
    yield message_section(view.messages, view.pairs)
    yield error_section(view.errors)
    yield situation_section(view.situation, WINDOW)
    yield forecast_section(view.forecasts)
