"""Overview: days, decisions and costly sessions, as of any moment, are what the events say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from statistics import fmean
from typing import Any
from uuid import UUID

import pytest

from domain.event import RecordedEvent
from projections.overview import costliest_sessions, session_days, strategies
from tests.support.dated_history import DatedHistory, dated_history
from tests.support.postgres import TestServer
from tests.support.read_side import ReadSide

RANGES = ((0, 800), (0, 0), (0, 411), (123, 640), (640, 800), (300, 300))
ENDS = ("completed", "declined", "failed", "cancelled")


@pytest.fixture(scope="module")
def history(postgres_server: TestServer) -> Iterator[DatedHistory]:
    with dated_history(postgres_server, 800, timedelta(minutes=37)) as history:
        yield history


def events(history: DatedHistory, after: int, at: int) -> list[RecordedEvent]:
    return history.events[after:at]


@pytest.mark.parametrize(("after", "at"), RANGES)
def test_sessions_by_day(history: DatedHistory, after: int, at: int) -> None:
    page = session_days(history.connection, at=at, after=after)

    expected = Counter(
        (recorded.recorded_at.date(), recorded.type.removeprefix("session."))
        for recorded in events(history, after, at)
        if recorded.type in {f"session.{event}" for event in ("opened", *ENDS)}
    )
    assert {(row.day, row.event): row.count for row in page.items} == expected
    assert (page.position, page.lag) == (at, 0)


@pytest.mark.parametrize(("after", "at"), RANGES)
def test_decisions_by_strategy(history: DatedHistory, after: int, at: int) -> None:
    page = strategies(history.connection, at=at, after=after)

    found: dict[str, list[Any]] = defaultdict(list)
    for recorded in events(history, after, at):
        event: Any = recorded.event
        if recorded.type == "task.delegated":
            found[event.delegation.decision.strategy].append(event.delegation.decision)
        elif recorded.type == "task.unplaced":
            found[event.decision.strategy].append(event.decision)
    assert {row.strategy for row in page.items} == set(found)
    for row in page.items:
        decisions = found[row.strategy]
        placed = [decision.confidence for decision in decisions if decision.chosen]
        assert row.decisions == len(decisions)
        assert row.unplaced == len(decisions) - len(placed)
        assert row.mean_confidence == (pytest.approx(fmean(placed)) if placed else None)
        assert row.mean_candidates == pytest.approx(
            fmean(len(decision.candidates) for decision in decisions)
        )


@pytest.mark.parametrize(("after", "at"), RANGES)
def test_costly_sessions(history: DatedHistory, after: int, at: int) -> None:
    page = costliest_sessions(history.connection, at=at, after=after, limit=3)

    costs: dict[UUID | None, Decimal | None] = {}
    tokens: Counter[UUID | None] = Counter()
    for recorded in events(history, after, at):
        if recorded.type == "task.model_answered":
            answer = recorded.event.answer  # type: ignore[attr-defined]
            session, cost = recorded.envelope.session_id, answer.cost_usd
            before = costs.get(session)
            costs[session] = before if cost is None else (before or Decimal(0)) + cost
            tokens[session] += answer.usage.context_tokens + answer.usage.output_tokens
    ranked = sorted(costs, key=lambda each: (-(costs[each] or Decimal(-1)), -tokens[each]))
    assert [row.session_id for row in page.items] == ranked[:3]
    statuses = {
        recorded.envelope.session_id: recorded.type.removeprefix("session.")
        for recorded in history.events[:at]
        if recorded.type in {f"session.{event}" for event in ENDS}
    }
    for row in page.items:
        assert row.cost_usd == costs[row.session_id]
        assert row.tokens == tokens[row.session_id]
        assert row.status.value == statuses.get(row.session_id, "running")


def test_an_empty_log_has_nothing_to_show(read_side: ReadSide) -> None:
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        assert not session_days(connection).items
        assert not strategies(connection).items
        assert not costliest_sessions(connection).items
