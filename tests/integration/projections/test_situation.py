"""The situation at any moment is what the aggregates, folded up to it, say of themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from application.fold import SessionFold
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.task import Task
from domain.task.values import TaskStatus
from projections.activity import activity
from projections.clock import database_time
from projections.situation import OpenTaskView, Post, SituationView, Standing, situation
from tests.support.dated_history import DatedHistory, dated_history
from tests.support.histories import CHAIN, DIRECTOR, MASTERMIND, SPECIALIST, SessionTeller
from tests.support.postgres import TestServer
from tests.support.read_side import ReadSide

POSTS = tuple(
    Post(handle, None if number < 2 else "finance") for number, handle in enumerate(CHAIN)
)
HOUR = timedelta(hours=1)
STANDINGS = {
    TaskStatus.OPEN: Standing.WAITING,
    TaskStatus.STARTED: Standing.WORKING,
    TaskStatus.DECOMPOSED: Standing.DIVIDED,
}


@pytest.fixture(scope="module", params=[1, 2])
def history(postgres_server: TestServer, request: pytest.FixtureRequest) -> Iterator[DatedHistory]:
    with dated_history(postgres_server, 800, timedelta(minutes=7), seed=request.param) as history:
        yield history


def look(read_side: ReadSide, *, window: timedelta = HOUR, at: int | None = None) -> SituationView:
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        as_of = database_time(connection)
        return situation(connection, POSTS, as_of=as_of, window=window, after=0, at=at)


def open_tasks(view: SituationView) -> dict[str, OpenTaskView]:
    return {task.key: task for session in view.sessions for task in session.tasks}


def test_as_of_any_moment_it_is_what_the_aggregates_say(history: DatedHistory) -> None:
    for at in (0, *range(13, len(history.events), 41), len(history.events)):
        as_of = history.ends_at
        view = situation(history.connection, (), as_of=as_of, window=HOUR, after=0, at=at)

        folds = {fold.session.id: fold for fold in folded(history.events[:at])}
        running = {
            fold.session.id
            for fold in folds.values()
            if fold.session.status is SessionStatus.RUNNING
        }
        assert {session.session_id for session in view.sessions} == running
        assert view.running == len(running)
        for session in view.sessions:
            fold = folds[session.session_id]
            assert told(session.tasks) == expected(fold)


def told(tasks: Iterable[OpenTaskView]) -> dict[UUID, object]:
    return {
        task.task_id: (
            task.agent,
            task.department,
            task.standing,
            Counter((call.kind, call.agent) for call in task.calls),
        )
        for task in tasks
    }


def expected(fold: SessionFold) -> dict[UUID, object]:
    ended = {task.id for task in fold.tasks if task.ended}
    return {
        task.id: (
            task.holder,
            task.assignment.department,
            standing(task, ended),
            Counter(
                (effect.kind.value, effect.agent)
                for effect in task.pending.values()
                if not effect.failed
            ),
        )
        for task in fold.tasks
        if not task.ended
    }


def standing(task: Task, ended: set[UUID]) -> Standing:
    if task.status is TaskStatus.OPEN and not ended.issuperset(task.assignment.depends_on):
        return Standing.BLOCKED
    return STANDINGS[task.status]


def folded(events: Iterable[RecordedEvent]) -> list[SessionFold]:
    by_session: dict[UUID, list[RecordedEvent]] = defaultdict(list)
    for recorded in events:
        if recorded.envelope.session_id is not None:
            by_session[recorded.envelope.session_id].append(recorded)
    return [SessionFold.of(each) for each in by_session.values()]


def test_busy_time_is_the_union_of_what_overlaps_within_the_window(history: DatedHistory) -> None:
    at, window = len(history.events) - 40, timedelta(hours=9)
    as_of = history.events[at - 1].recorded_at
    after = history.position_before(as_of - window)
    handles = {task.agent for task in open_tasks_of(history, at)} | set(CHAIN)

    view = situation(
        history.connection,
        [Post(handle, None) for handle in sorted(handles)],
        as_of=as_of,
        window=window,
        after=after,
        at=at,
    )

    spans = spans_of(history, after, at)
    for task in open_tasks_of(history, at):
        if task.standing is Standing.WORKING:
            spans[task.agent].append((task.since, as_of))
        for call in task.calls:
            spans[call.agent].append((call.since, as_of))
    for agent in view.agents:
        busy_s = covered_s(spans[agent.agent], as_of - window, as_of)
        assert agent.utilisation == pytest.approx(busy_s / window.total_seconds(), abs=1e-6)
    assert any(0 < agent.utilisation < 1 for agent in view.agents)


def open_tasks_of(history: DatedHistory, at: int) -> list[OpenTaskView]:
    view = situation(history.connection, (), as_of=history.ends_at, window=HOUR, after=0, at=at)
    return [task for session in view.sessions for task in session.tasks]


def spans_of(
    history: DatedHistory, after: int, at: int
) -> dict[str, list[tuple[datetime, datetime]]]:
    column = activity.columns
    kinds = ("task_completed", "task_failed", "task_cancelled", "model_answer", "tool_answer")
    rows = history.connection.execute(
        sa.select(column.agent, column.recorded_at, column.duration_ms).where(
            column.position > after,
            column.position <= at,
            column.duration_ms.is_not(None),
            column.kind.in_(kinds),
        )
    )
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for agent, ended_at, duration_ms in rows:
        spans[agent].append((ended_at - timedelta(milliseconds=duration_ms), ended_at))
    return spans


def covered_s(
    spans: list[tuple[datetime, datetime]], starts_at: datetime, ends_at: datetime
) -> float:
    covered, reached = 0.0, starts_at
    for start, end in sorted(spans):
        begin, until = max(start, reached), min(end, ends_at)
        if until > begin:
            covered += (until - begin).total_seconds()
            reached = until
    return covered


def test_an_empty_log_has_nobody_at_work(read_side: ReadSide) -> None:
    view = look(read_side)

    assert view.running == 0
    assert not view.sessions
    assert {agent.utilisation for agent in view.agents} == {0.0}


def test_a_session_that_ended_is_no_part_of_it(read_side: ReadSide) -> None:
    read_side.tell_plain_session()

    assert look(read_side).running == 0


def test_who_works_waits_and_is_idle(read_side: ReadSide) -> None:
    told = read_side.open_session("Report on Q4")
    told.delegate(told.root, MASTERMIND)
    first, second = told.create_task("first"), told.create_task("second")
    told.delegate(first, SPECIALIST)
    told.start(first)
    told.call_model(first)
    told.delegate(second, DIRECTOR)

    view = look(read_side)

    tasks = open_tasks(view)
    assert {key: (task.agent, task.standing) for key, task in tasks.items()} == {
        "request": (MASTERMIND, Standing.WAITING),
        "first": (SPECIALIST, Standing.WORKING),
        "second": (DIRECTOR, Standing.WAITING),
    }
    (call,) = tasks["first"].calls
    assert (call.agent, call.kind, call.name) == (SPECIALIST, "model", "offline")
    agents = {agent.agent: agent for agent in view.agents}
    assert agents[SPECIALIST].busy_since == tasks["first"].since
    assert (agents[SPECIALIST].working, agents[SPECIALIST].waiting) == (1, 0)
    assert agents[SPECIALIST].utilisation > 0
    assert (agents[DIRECTOR].working, agents[DIRECTOR].waiting) == (0, 1)
    assert agents[CHAIN[0]].busy_since is None
    queues = {queue.department: queue for queue in view.queues}
    finance = queues["finance"]
    assert (finance.working, finance.waiting, finance.blocked) == (1, 1, 0)
    assert (finance.agents, finance.busy_agents) == (2, 1)
    assert finance.oldest_waiting_since == tasks["second"].since


def test_an_answer_or_a_failure_ends_a_call(read_side: ReadSide) -> None:
    told, task = working(read_side)
    told.answer_model(task, told.call_model(task))
    told.answer_tool(task, told.call_tool(task))
    failed = told.call_model(task)
    told.fail_model(task, failed)
    told.call_tool(task)

    calls = open_tasks(look(read_side))["report"].calls

    assert [(call.kind, call.name) for call in calls] == [("tool", "query_table")]


def test_calls_of_a_lost_process_end_where_the_session_is_resumed(read_side: ReadSide) -> None:
    told, task = working(read_side)
    effect_id = told.call_model(task)
    assert len(open_tasks(look(read_side))["report"].calls) == 1

    told.session.resume((effect_id,), read_side.clock.now())
    told.record(told.session)
    assert not open_tasks(look(read_side))["report"].calls

    told.call_model(task, effect_id)
    assert len(open_tasks(look(read_side))["report"].calls) == 1


def test_a_past_moment_shows_what_was_going_on_then(read_side: ReadSide) -> None:
    told, task = working(read_side)
    effect_id = told.call_model(task)
    then = read_side.log.last_position()
    told.answer_model(task, effect_id)
    told.complete(task)
    told.end()

    assert look(read_side).running == 0
    view = look(read_side, at=then)
    assert view.position == then
    assert len(open_tasks(view)["report"].calls) == 1


def working(read_side: ReadSide) -> tuple[SessionTeller, Task]:
    told = read_side.open_session()
    task = told.create_task()
    told.delegate(task, SPECIALIST)
    told.start(task)
    return told, task
