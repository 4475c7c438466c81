"""The statistics of the Python API: figures of what was run, over any stretch of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import hansard
from application.errors import BadRequestError, NotFoundError
from application.views import SessionView
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.task import TaskStatus

QUESTIONS: tuple[Callable[..., Any], ...] = (
    hansard.Hansard.stats,
    hansard.Hansard.departments,
    hansard.Hansard.models,
    hansard.Hansard.usage,
    hansard.Hansard.errors,
    hansard.Hansard.messages,
    hansard.Hansard.message_pairs,
    hansard.Hansard.orchestrator,
    hansard.Hansard.sessions,
)


@pytest.fixture
def h(database_url: str, tmp_path: Path) -> Iterator[hansard.Hansard]:
    with hansard.open(database_url=database_url, output_root=tmp_path / "out") as opened:
        yield opened


@pytest.fixture
def heard(h: hansard.Hansard) -> list[RecordedEvent]:
    """The events of a session that was run."""
    events: list[RecordedEvent] = []
    h.run("What is 6 * 7?", on_event=events.append)
    return events


@pytest.fixture
def view(h: hansard.Hansard, heard: list[RecordedEvent]) -> SessionView:
    return h.session(hansard.LAST)


def test_all_figures_of_one_session_agree(h: hansard.Hansard, view: SessionView) -> None:
    calls = sum(task.model_calls for task in view.tasks)
    summary = h.orchestrator()
    (session,) = h.sessions().items
    (by_session,) = h.usage("session").items
    (tree,) = h.task_tree(view.session_id).tasks

    assert sum(item.model_calls for item in h.stats().items) == calls
    assert sum(item.model_calls for item in h.departments().items) == calls
    assert sum(item.calls for item in h.models().items) == calls
    assert sum(item.answers for item in h.usage(("agent", "day")).items) == calls
    assert (summary.model_calls, session.model_calls, by_session.answers) == (calls, calls, calls)
    assert tree.inclusive.model_calls == calls
    assert by_session.group == {"session": str(view.session_id)}
    assert h.errors().items == ()
    types = {item.type: item.count for item in h.messages().items}
    assert types["text"] == len(view.turns)
    assert types["task_request"] == summary.delegations == len(h.audit().items)
    assert sum(item.count for item in h.message_pairs().items) == sum(types.values())
    assert summary.agents == summary.active_agents == len(h.agents())
    assert summary.sessions[SessionStatus.COMPLETED] == 1
    assert summary.executions == len(view.tasks)


def test_the_task_tree_shows_every_task(h: hansard.Hansard, view: SessionView) -> None:
    (root,) = h.task_tree(hansard.LAST).tasks

    assert root.key == "request"
    assert {node.key for node in root.tasks} == {task.key for task in view.tasks} - {"request"}
    assert {node.status for node in root.tasks} == {TaskStatus.COMPLETED}
    assert {node.agent for node in root.tasks} <= {task.holder for task in view.tasks}


@pytest.mark.parametrize("ask", QUESTIONS, ids=lambda ask: ask.__name__)
def test_a_stretch_holds_what_was_recorded_from_its_start_until_before_its_end(
    h: hansard.Hansard, heard: list[RecordedEvent], ask: Callable[..., Any]
) -> None:
    start, end = heard[3], heard[-3]
    at = end.position - 1

    by_position = ask(h, since=start.position, until=end.position)
    by_event = ask(h, since=str(start.envelope.event_id), until=end.envelope.event_id)
    as_of = ask(h, since=start.position, at=at)

    assert by_position.position == at
    assert by_position == by_event == as_of
    assert ask(h, since=timedelta(hours=3)) == ask(h, since="3h") == ask(h)
    nothing = ask(h, since=end.position + 10_000)
    assert getattr(nothing, "items", ()) == ()


def test_two_stretches_make_up_the_whole(h: hansard.Hansard, heard: list[RecordedEvent]) -> None:
    middle = heard[len(heard) // 2].recorded_at.isoformat()

    before, after = h.orchestrator(until=middle), h.orchestrator(since=middle)
    whole = h.orchestrator()

    for name in ("model_calls", "tool_calls", "delegations", "turns", "executions"):
        assert getattr(before, name) + getattr(after, name) == getattr(whole, name)
    assert before.model_calls > 0
    assert after.model_calls > 0


def test_spans_count_back_from_the_moment_asked_about(
    h: hansard.Hansard, heard: list[RecordedEvent]
) -> None:
    first, last = heard[0], heard[-1]
    span = last.recorded_at - first.recorded_at

    whole = h.orchestrator(since=span, at=last.position)
    later = h.orchestrator(since=span, at=datetime.now(UTC) + timedelta(days=1))

    assert whole.turns == h.orchestrator().turns
    assert later.turns < whole.turns
    assert h.orchestrator(until="1w").model_calls == 0
    assert h.orchestrator(since="99999w") == h.orchestrator(since=timedelta.max) == h.orchestrator()


def test_figures_of_a_time_before_everything_are_empty(h: hansard.Hansard) -> None:
    long_ago = "2001-01-01T00:00:00Z"

    summary = h.orchestrator(at=long_ago)

    assert (summary.position, summary.agents, summary.executions) == (0, 0, 0)
    assert h.stats(at=long_ago).items == ()


def test_what_cannot_be_understood_is_refused(h: hansard.Hansard, view: SessionView) -> None:
    with pytest.raises(BadRequestError, match="by 'colour' cannot be used; choose from agent"):
        h.usage("agent, colour")
    with pytest.raises(BadRequestError, match="choose 1 to 3 from agent"):
        h.usage("agent,day,model,session")
    with pytest.raises(BadRequestError, match="by '' cannot be used"):
        h.errors(())
    with pytest.raises(BadRequestError, match="'yesterday' is no moment"):
        h.departments(since="yesterday")
    with pytest.raises(BadRequestError, match="has no zone"):
        h.models(until="2026-01-01T00:00:00")
    with pytest.raises(NotFoundError):
        h.messages(since=uuid4())
    with pytest.raises(NotFoundError):
        h.task_tree(uuid4())


def test_sessions_are_searched_by_words(h: hansard.Hansard, view: SessionView) -> None:
    h.run("What is 100 / 8?")

    assert [item.session_id for item in h.sessions(text="42").items] == [view.session_id]
    assert h.sessions(text="zebra").items == ()


def test_an_asynchronous_program_asks_the_same(database_url: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with await hansard.open_async(
            database_url=database_url, output_root=tmp_path
        ) as opened:
            await opened.run("What is 6 * 7?")
            stats, departments, summary = await asyncio.gather(
                opened.stats(), opened.departments(), opened.orchestrator()
            )
            assert sum(item.tool_calls for item in stats.items) == summary.tool_calls
            assert sum(item.tool_calls for item in departments.items) == summary.tool_calls

    asyncio.run(work())
