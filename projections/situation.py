"""Situation: who is doing what at a moment, what waits for whom, and how busy everybody has been.

It starts from the sessions that are running, of which there are few, so that the length of the log
hardly matters. A call counts as open until its answer or failure is recorded; the calls that a
process left behind when it was lost end where the session is resumed, because they are made again.
A session that was rewound or forked is on hold until somebody resumes it: nobody is at work there.
Sessions are told by their histories, after rewinds and across forks; what-ifs are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from domain.conversation import USER
from domain.value import Value
from projections import activity as activities
from projections import lineage, session_list, task_tree
from projections.activity import activity
from projections.busy_time import busy_seconds
from projections.clock import Stretch
from projections.protocol import computed_at
from projections.session_list import runs, sessions
from projections.task_tree import task_ends, task_starts, tasks

MOST_SESSIONS = 200
"""Running sessions that are looked into; the newest."""


class Standing(StrEnum):
    """What an open task is waiting for, or that somebody works on it."""

    BLOCKED = "blocked"
    WAITING = "waiting"
    WORKING = "working"
    DIVIDED = "divided"


class Post(NamedTuple):
    """An active agent and its department."""

    agent: str
    department: str | None


class OpenCallView(Value):
    """A call that awaits its answer.

    Attributes:
        kind: `model` or `tool`.
        name: of the model that was asked, or the tool.
        since: time of recording of the call.
    """

    agent: str
    kind: str
    name: str
    since: datetime


class OpenTaskView(Value):
    """A task that has not ended.

    Attributes:
        agent: handle of whoever has it.
        department: that the task was planned for; None for a request as a whole.
        standing: `blocked` by tasks it depends on, `waiting` to be taken up, `working`, or
            `divided` into tasks of its own.
        since: when it came to stand so (of a blocked task: when it was created); time of recording.
    """

    task_id: UUID
    session_id: UUID
    key: str
    title: str
    department: str | None
    agent: str
    standing: Standing
    since: datetime
    calls: tuple[OpenCallView, ...]


class RunningSessionView(Value):
    """A session that has not ended; whether a process works on it, the log does not say.

    Attributes:
        opened_at: time of recording.
        last_event_at: time of recording of the newest event that counts.
        on_hold: whether it was rewound or forked, and nobody has resumed it since.
    """

    session_id: UUID
    request: str
    opened_at: datetime
    last_event_at: datetime
    on_hold: bool
    tasks: tuple[OpenTaskView, ...]


class AgentSituationView(Value):
    """What an agent is doing.

    Attributes:
        working: tasks it is working on or awaits a call for.
        waiting: tasks it has and has not taken up.
        busy_since: since when it has been working; None for an idle agent.
        utilisation: share of the window in which it worked on at least one task or call, 0 to 1.
    """

    agent: str
    department: str | None
    working: int
    waiting: int
    busy_since: datetime | None
    utilisation: float


class DepartmentQueueView(Value):
    """What is to do in a department.

    Attributes:
        oldest_waiting_since: None when nothing waits.
        busy_agents: how many of its `agents` are working.
        utilisation: mean of its agents, 0 to 1.
    """

    department: str | None
    agents: int
    busy_agents: int
    working: int
    waiting: int
    blocked: int
    oldest_waiting_since: datetime | None
    utilisation: float


class SituationView(Value):
    """Who is doing what at a moment.

    Attributes:
        position: position of the log as of which it holds.
        lag: how many positions that is behind what was asked for.
        as_of: the moment that was asked for.
        window_s: seconds before `as_of` over which utilisation is taken.
        running: how many sessions have not ended.
        sessions: the newest of them, at most `MOST_SESSIONS`.
        agents: whoever is active, the busiest first.
        queues: departments in order of key, agents of none last; without sessions on hold.
    """

    position: int
    lag: int
    as_of: datetime
    window_s: float
    running: int
    sessions: tuple[RunningSessionView, ...]
    agents: tuple[AgentSituationView, ...]
    queues: tuple[DepartmentQueueView, ...]


def situation(  # noqa: PLR0913 - choices, all by keyword
    connection: sa.Connection,
    posts: Sequence[Post],
    *,
    as_of: datetime,
    window: timedelta,
    after: int,
    at: int | None = None,
) -> SituationView:
    """Tell who is doing what.

    Args:
        posts: the agents that are active at the moment.
        window: time before the moment over which utilisation is taken.
        after: position of the last event before the window.
        at: position of the log that the moment means; None for now.
    """
    names = (activities.NAME, task_tree.NAME, session_list.NAME, lineage.NAME)
    computed = computed_at(connection, *names, at=at)
    running = _running(connection, computed.position)
    found = _sessions(connection, running[:MOST_SESSIONS], computed.position)
    opened = [task for session in found if not session.on_hold for task in session.tasks]
    stretch = Stretch(after, computed.position, as_of - window, as_of)
    busy_s = busy_seconds(connection, _at_work(opened), stretch)
    agents = _agents(posts, opened, busy_s, window)
    return SituationView(
        position=computed.position,
        lag=computed.lag,
        as_of=as_of,
        window_s=window.total_seconds(),
        running=len(running),
        sessions=tuple(found),
        agents=tuple(agents),
        queues=tuple(_queues(agents, opened)),
    )


class _Running(NamedTuple):
    session_id: UUID
    request: str
    opened_at: datetime


class _Fact(NamedTuple):
    """A row of activity, as far as it matters here."""

    position: int
    recorded_at: datetime
    session_id: UUID
    task_id: UUID | None
    agent: str | None
    kind: str
    name: str | None


def _running(connection: sa.Connection, position: int) -> list[_Running]:
    """List the sessions that were opened and have not ended, newest first."""
    column = sessions.columns
    query = (
        sa.select(column.session_id, column.request, column.recorded_at)
        .where(column.position <= position, ~column.what_if, runs(position))
        .order_by(column.position.desc())
    )
    return [_Running(*row) for row in connection.execute(query)]


def _sessions(
    connection: sa.Connection, running: Sequence[_Running], position: int
) -> list[RunningSessionView]:
    ids = [session.session_id for session in running]
    told = lineage.histories(connection, ids, position)
    facts: dict[UUID, list[_Fact]] = defaultdict(list)
    for fact in _facts(connection, told):
        facts[fact.session_id].append(fact)
    rows: dict[UUID, list[Any]] = defaultdict(list)
    for row in _open_tasks(connection, told):
        rows[row.session_id].append(row)
    return [
        RunningSessionView(
            session_id=session.session_id,
            request=session.request,
            opened_at=session.opened_at,
            last_event_at=max(
                (fact.recorded_at for fact in facts[session.session_id]),
                default=session.opened_at,
            ),
            on_hold=_is_on_hold(facts[session.session_id]),
            tasks=tuple(_task_views(rows[session.session_id], facts[session.session_id])),
        )
        for session in running
    ]


_TURNINGS = frozenset({"session_forked", "session_rewound"})
_LEFT_BEHIND = _TURNINGS | {"session_resumed"}
_CALLS = {"model_call": "model", "tool_call": "tool"}
_CALL_ENDS = {
    "model_answer": "model",
    "model_failure": "model",
    "tool_answer": "tool",
    "tool_failure": "tool",
}


def _facts(connection: sa.Connection, told: sa.FromClause) -> Iterable[_Fact]:
    """Read what happened in the histories of sessions, oldest first."""
    column, history = activity.columns, told.columns
    query = (
        sa.select(
            *(
                (history if name == "session_id" else column)[name].label(name)
                for name in _Fact._fields
            )
        )
        .join_from(told, activity, lineage.tells(history, column.session_id, column.position))
        .order_by(column.position)
    )
    return [_Fact(*row) for row in connection.execute(query)]


def _open_tasks(connection: sa.Connection, told: sa.FromClause) -> Iterable[Any]:
    """Read the tasks that have not ended, with their start and whether something blocks them."""
    task, start, end = tasks.columns, task_starts.columns, task_ends.columns
    history, same = told.columns, told.alias("same").columns

    def in_same_history(row: Any) -> sa.ColumnElement[bool]:
        return (same.session_id == history.session_id) & lineage.tells(
            same, row.session_id, row.position
        )

    ended = sa.exists().where(end.task_id == task.task_id, in_same_history(end))
    settled = (
        sa.select(sa.func.count())
        .where(end.task_id == sa.any_(task.depends_on), in_same_history(end))
        .scalar_subquery()
    )
    started = (
        sa.select(sa.func.max(start.recorded_at))
        .where(start.task_id == task.task_id, in_same_history(start))
        .scalar_subquery()
    )
    query = (
        sa.select(
            task.task_id,
            history.session_id,
            task.recorded_at,
            task.key,
            task.title,
            task.department,
            task.holder,
            started.label("started_at"),
            (settled < sa.func.cardinality(task.depends_on)).label("is_blocked"),
        )
        .join_from(told, tasks, lineage.tells(history, task.session_id, task.position))
        .where(~ended)
        .order_by(task.position)
    )
    return connection.execute(query)


def _task_views(rows: Iterable[Any], facts: Sequence[_Fact]) -> Iterable[OpenTaskView]:
    delegated = {fact.task_id: fact for fact in facts if fact.kind == "delegation"}
    divided = {fact.task_id: fact for fact in facts if fact.kind == "task_decomposed"}
    calls = _open_calls(facts)
    for row in rows:
        passed = delegated.get(row.task_id)
        standing, since = Standing.WAITING, passed.recorded_at if passed else row.recorded_at
        if row.task_id in divided:
            standing, since = Standing.DIVIDED, divided[row.task_id].recorded_at
        elif row.started_at is not None:
            standing, since = Standing.WORKING, row.started_at
        elif row.is_blocked:
            standing, since = Standing.BLOCKED, row.recorded_at
        yield OpenTaskView(
            task_id=row.task_id,
            session_id=row.session_id,
            key=row.key,
            title=row.title,
            department=row.department,
            agent=passed.agent if passed and passed.agent else row.holder,
            standing=standing,
            since=since,
            calls=tuple(calls.get(row.task_id, ())),
        )


def _open_calls(facts: Iterable[_Fact]) -> dict[UUID | None, list[OpenCallView]]:
    """Match calls and answers within each task; the oldest call of a name is answered first."""
    opened: dict[UUID | None, list[OpenCallView]] = defaultdict(list)
    for fact in facts:
        if fact.kind in _LEFT_BEHIND:
            opened.clear()
        elif fact.kind in _CALLS:
            opened[fact.task_id].append(
                OpenCallView(
                    agent=fact.agent or "",
                    kind=_CALLS[fact.kind],
                    name=fact.name or "",
                    since=fact.recorded_at,
                )
            )
        elif fact.kind in _CALL_ENDS:
            _answer(opened[fact.task_id], fact)
    return opened


def _is_on_hold(facts: Sequence[_Fact]) -> bool:
    taken_up = [fact.kind for fact in facts if fact.kind in _LEFT_BEHIND]
    return bool(taken_up) and taken_up[-1] in _TURNINGS


def _answer(opened: list[OpenCallView], fact: _Fact) -> None:
    """Take out the call that a fact answers; a provider may call its model by another name."""
    kind = _CALL_ENDS[fact.kind]
    candidates = [call for call in opened if call.kind == kind and call.agent == fact.agent]
    exact = [call for call in candidates if call.name == fact.name]
    for call in (*exact, *candidates)[:1]:
        opened.remove(call)


def _at_work(opened: Iterable[OpenTaskView]) -> list[tuple[str, datetime]]:
    """Tell who is at work on an open task or a call, and since when."""
    return [
        (agent, since)
        for task in opened
        for agent, since in (
            *([(task.agent, task.since)] if task.standing is Standing.WORKING else []),
            *((call.agent, call.since) for call in task.calls),
        )
    ]


def _agents(
    posts: Sequence[Post],
    opened: Sequence[OpenTaskView],
    busy_s: dict[str, float],
    window: timedelta,
) -> list[AgentSituationView]:
    since: dict[str, list[datetime]] = defaultdict(list)
    waiting: dict[str, int] = defaultdict(int)
    for task in opened:
        workers = {call.agent for call in task.calls}
        if task.standing is Standing.WORKING:
            workers.add(task.agent)
        for agent in workers:
            own = [call.since for call in task.calls if call.agent == agent]
            if task.standing is Standing.WORKING and agent == task.agent:
                own.append(task.since)
            since[agent].append(min(own))
        if task.standing is Standing.WAITING and task.agent not in workers:
            waiting[task.agent] += 1
    views = [
        AgentSituationView(
            agent=post.agent,
            department=post.department,
            working=len(since[post.agent]),
            waiting=waiting[post.agent],
            busy_since=min(since[post.agent], default=None),
            utilisation=min(busy_s.get(post.agent, 0.0) / window.total_seconds(), 1.0),
        )
        for post in posts
        if post.agent != USER
    ]
    return sorted(
        views, key=lambda view: (-view.working, -view.waiting, -view.utilisation, view.agent)
    )


def _queues(
    agents: Sequence[AgentSituationView], opened: Sequence[OpenTaskView]
) -> Iterable[DepartmentQueueView]:
    departments = {agent.department for agent in agents} | {task.department for task in opened}
    for department in sorted(departments, key=lambda key: (key is None, key or "")):
        own = [agent for agent in agents if agent.department == department]
        queue = [task for task in opened if task.department == department]
        count: dict[Standing, int] = defaultdict(int)
        for task in queue:
            count[task.standing] += 1
        waiting_since = [task.since for task in queue if task.standing is Standing.WAITING]
        yield DepartmentQueueView(
            department=department,
            agents=len(own),
            busy_agents=sum(agent.busy_since is not None for agent in own),
            working=count[Standing.WORKING],
            waiting=count[Standing.WAITING],
            blocked=count[Standing.BLOCKED],
            oldest_waiting_since=min(waiting_since, default=None),
            utilisation=sum(agent.utilisation for agent in own) / len(own) if own else 0.0,
        )
