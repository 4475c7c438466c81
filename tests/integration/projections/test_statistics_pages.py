"""Long answers come page by page, and every answer says as of which position it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from projections.agent_statistics import agent_statistics
from projections.department_statistics import department_statistics
from projections.error_statistics import error_statistics
from projections.message_traffic import message_pairs, message_types
from projections.model_statistics import model_statistics
from projections.orchestrator_summary import orchestrator_summary
from projections.usage import usage
from tests.support.histories import SPECIALIST
from tests.support.read_side import ReadSide

QUERIES: tuple[Callable[..., Any], ...] = (
    agent_statistics,
    department_statistics,
    model_statistics,
    usage,
    error_statistics,
    message_types,
    message_pairs,
    orchestrator_summary,
)


def busy_sessions(read_side: ReadSide, number: int) -> list[str]:
    ids = []
    for _ in range(number):
        told = read_side.open_session()
        task = told.create_task()
        told.delegate(task, SPECIALIST)
        told.answer_model(task, told.call_model(task))
        told.fail_model(task, told.call_model(task))
        tool = told.call_tool(task)
        told.answer_tool(task, tool)
        told.fail(task)
        ids.append(str(told.session_id))
    return ids


@pytest.mark.parametrize("query", QUERIES)
def test_an_answer_says_its_position_and_how_far_it_lags(
    read_side: ReadSide, query: Callable[..., Any]
) -> None:
    busy_sessions(read_side, 1)
    last = read_side.log.last_position()
    read_side.runner().catch_up(until=7)
    with read_side.read_models.reading() as connection:
        for at, expected in ((None, (7, last - 7)), (9, (7, 2)), (5, (5, 0)), (0, (0, 0))):
            answer = query(connection, at=at)
            assert (answer.position, answer.lag) == expected


@pytest.mark.parametrize("query", QUERIES)
def test_an_empty_log_has_empty_answers(read_side: ReadSide, query: Callable[..., Any]) -> None:
    with read_side.read_models.reading() as connection:
        answer = query(connection)
    assert (answer.position, answer.lag) == (0, 0)
    assert getattr(answer, "items", ()) == ()


@pytest.mark.parametrize(
    ("query", "choices"),
    [
        (usage, {"by": ("session",)}),
        (usage, {"by": ("session", "agent")}),
        (usage, {"by": ("agent", "model")}),
        (error_statistics, {"by": ("kind", "error", "agent", "name")}),
        (message_pairs, {}),
    ],
)
def test_pages_put_together_are_the_whole(
    read_side: ReadSide, query: Callable[..., Any], choices: dict[str, Any]
) -> None:
    busy_sessions(read_side, 5)
    read_side.tell_plain_session()
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        whole = query(connection, **choices)
        found: list[Any] = []
        start = 0
        while True:
            page = query(connection, start=start, limit=1, **choices)
            found += page.items
            if page.next is None:
                break
            start = page.next
    assert whole.next is None
    assert tuple(found) == whole.items


def test_usage_by_session_comes_newest_first(read_side: ReadSide) -> None:
    ids = busy_sessions(read_side, 4)
    read_side.open_session()  # in which no model answers
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        page = usage(connection, ("session",), limit=3)
    assert [view.group["session"] for view in page.items] == ids[::-1][:3]
    assert page.next is not None
