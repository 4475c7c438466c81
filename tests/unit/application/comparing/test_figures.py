"""Figures: what is kept up event by event is what the views, and the sessions of the log, say."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from application.comparing import log_figures
from application.comparing.figures import SessionFigures
from application.comparing.log_figures import LogFigures
from application.comparing.vocabulary import LOG_VOCABULARY, SESSION_VOCABULARY
from application.fold import SessionFold
from application.history import read_history, read_lineage
from application.ports import EventLog
from application.views import session_view
from domain.session import Session, SessionStatus
from domain.task import Task, TaskStatus
from tests.support import branches
from tests.support.branches import Branches
from tests.support.histories import SPECIALIST, Ids, SteppingClock, tell_plain_session
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.random_histories import Move, moves, tell

BRANCHING = st.lists(
    st.builds(
        branches.Move,
        st.sampled_from(branches.MOVES),
        st.integers(0, 5),
        st.integers(0, 10_000),
    ),
    max_size=8,
)


def session_figures(log: EventLog, session_id: UUID, until: int | None = None) -> SessionFigures:
    figures = SessionFigures(session_id)
    for recorded in read_history(log, read_lineage(log, session_id, until)):
        figures.take(recorded)
    return figures


def named(figures: Any) -> dict[str, Any]:
    vocabulary = LOG_VOCABULARY if isinstance(figures, LogFigures) else SESSION_VOCABULARY
    return {name: term.read(figures) for name, term in vocabulary.terms.items()}


def sessions_of(log: EventLog) -> list[UUID]:
    kinds = Session.Created | Session.Forked
    return [each.event.originator_id for each in log.read() if isinstance(each.event, kinds)]


def assert_equals_the_view(log: EventLog, session_id: UUID, until: int) -> None:
    history = list(read_history(log, read_lineage(log, session_id, until)))
    view = session_view(SessionFold.of(history))
    figures = session_figures(log, session_id, until)
    found = named(figures)
    statuses = Counter(task.status for task in view.tasks)
    called = [each.event for each in history if isinstance(each.event, Task.ModelCalled)]
    used = [each.event for each in history if isinstance(each.event, Task.ToolCalled)]
    assert (found["status"], found["answer"]) == (view.status.value, view.answer)
    assert found["cost_usd"] == view.cost_usd
    assert (found["input_tokens"], found["output_tokens"]) == (
        view.input_tokens,
        view.output_tokens,
    )
    assert found["tokens"] == view.input_tokens + view.output_tokens
    assert (found["turns"], found["resumptions"]) == (len(view.turns), view.resumptions)
    assert (found["events"], found["tasks.total"]) == (len(history), len(view.tasks))
    assert {status: found[f"tasks.{status.value}"] for status in TaskStatus} == {
        status: statuses[status] for status in TaskStatus
    }
    assert (found["model_calls"], found["tool_calls"]) == (len(called), len(used))
    assert found["agents"] == {each.agent for each in called} | {each.agent for each in used}
    decided = [each for each in history if isinstance(each.event, Task.Delegated | Task.Unplaced)]
    assert found["decisions"] == len(decided)
    assert sum(spent.cost_usd for spent in figures.books.agents.values()) == view.cost_usd
    assert {
        task_id: spent.cost_usd for task_id, spent in figures.spent.items() if spent.cost_usd
    } == {task.task_id: task.cost_usd for task in view.tasks if task.cost_usd}


@given(moves(most=40))
@settings(max_examples=40, deadline=None)
def test_figures_of_a_session_are_those_of_its_view(story: list[Move]) -> None:
    log = InMemoryEventLog()
    last = tell(log, story)
    for session_id in sessions_of(log):
        opened = next(log.read(stream=session_id)).position
        for until in {opened, (opened + last) // 2, last}:
            assert_equals_the_view(log, session_id, until)


@given(BRANCHING)
@settings(max_examples=15, deadline=None)
def test_figures_follow_rewinds_and_forks(story: list[branches.Move]) -> None:
    told = Branches()
    for move in story:
        told.move(move)
    log = told.desk.log
    for session_id in sessions_of(log):
        assert_equals_the_view(log, session_id, log.last_position())


def brute_force(log: InMemoryEventLog) -> dict[str, Any]:
    """Add all sessions up: how they stand by their histories, what was spent by all events."""
    histories = {
        session_id: session_figures(log, session_id)
        for session_id in sessions_of(log)
        if not read_lineage(log, session_id).what_if
    }
    tasks: Counter[TaskStatus] = Counter()
    for figures in histories.values():
        tasks.update(figures.standing[task_id] for task_id in figures.own)
    answers = [
        recorded.event.answer
        for recorded in log.read()
        if isinstance(recorded.event, Task.ModelAnswered) and recorded.session_id in histories
    ]
    statuses = Counter(figures.status for figures in histories.values())
    return {
        "sessions.opened": len(histories),
        **{f"sessions.{status.value}": statuses[status] for status in SessionStatus},
        "tasks.total": tasks.total(),
        **{f"tasks.{status.value}": tasks[status] for status in TaskStatus},
        "cost_usd": sum((answer.cost_usd or Decimal(0) for answer in answers), Decimal(0)),
        "output_tokens": sum(answer.usage.output_tokens for answer in answers),
        "turns": sum(
            recorded.type == "conversation.turn_taken" and recorded.session_id in histories
            for recorded in log.read()
        ),
        "events": sum(
            recorded.session_id is None or recorded.session_id in histories
            for recorded in log.read()
        ),
    }


def whole_log(log: EventLog) -> LogFigures:
    figures = LogFigures(log)
    for recorded in log.read():
        figures.take(recorded)
    return figures


def assert_adds_up(log: InMemoryEventLog) -> None:
    found, expected = named(whole_log(log)), brute_force(log)

    assert {name: found[name] for name in expected} == expected


@given(moves(most=60))
@settings(max_examples=40, deadline=None)
def test_the_figures_of_the_log_are_those_of_all_its_sessions(story: list[Move]) -> None:
    log = InMemoryEventLog()
    tell(log, story)
    assert_adds_up(log)


@given(BRANCHING, st.booleans())
@settings(max_examples=15, deadline=None)
def test_the_figures_of_the_log_follow_rewinds_and_forks_and_leave_what_ifs_out(
    story: list[branches.Move],
    what_if: bool,  # noqa: FBT001 - drawn
) -> None:
    told = Branches()
    if what_if:
        told.fork(told.sessions[0], told.desk.log.last_position() - 30, what_if=True)
        told.desk.resume(told.sessions[-1])
    for move in story:
        told.move(move)
    assert_adds_up(told.desk.log)


def test_sessions_that_were_put_out_of_mind_are_read_again(monkeypatch: Any) -> None:
    monkeypatch.setattr(log_figures, "MOST_SESSIONS", 1)
    log, ids, clock = InMemoryEventLog(), Ids(), SteppingClock()
    first = tell_plain_session(log, ids, clock)
    second = tell_plain_session(log, ids, clock)
    for teller in (first, second, first):
        task = teller.create_task(f"part_{log.last_position()}")
        teller.answer_model(task, teller.call_model(task))

    assert_adds_up(log)
    term = LOG_VOCABULARY.agent_term(SPECIALIST, "cost_usd")
    assert term is not None
    assert term.read(whole_log(log)) == Decimal("0.025")


def test_an_agent_that_did_nothing_has_spent_nothing() -> None:
    term = SESSION_VOCABULARY.agent_term("NOBODY_1", "model_calls")
    assert term is not None
    assert term.read(SessionFigures(UUID(int=1))) == 0


def test_time_before_a_rewind_does_not_count() -> None:
    told = Branches()
    session_id = told.sessions[0]
    before = session_figures(told.desk.log, session_id).passed
    for _ in range(5):
        told.say(session_id, "later")
    told.rewind(session_id, told.desk.log.last_position() - 5)

    assert session_figures(told.desk.log, session_id).passed == before


def test_every_figure_says_what_it_is() -> None:
    for vocabulary in (SESSION_VOCABULARY, LOG_VOCABULARY):
        for name, term in vocabulary.terms.items():
            assert term.name == name
            assert term.meaning
