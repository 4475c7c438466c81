"""Bisecting: the answer is that of asking at every position, however often a predicate flips."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.comparing import bisecting
from application.comparing.bisecting import bisect
from application.comparing.figures import SessionFigures
from application.comparing.log_figures import LogFigures
from application.comparing.predicates import Predicate, parse
from application.comparing.tokens import PredicateError
from application.comparing.views import BisectionView
from application.comparing.vocabulary import LOG_VOCABULARY, SESSION_VOCABULARY
from application.errors import NotFoundError
from application.history import read_history, read_lineage
from domain.event import RecordedEvent
from tests.support.branches import Branches
from tests.support.histories import SPECIALIST, Ids, SteppingClock, tell_plain_session
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.random_histories import Move, moves, tell

SHARED = (
    *("tasks.open > 0", "tasks.started == 1", "tasks.total - tasks.open >= 2", "cost_usd > 0.02"),
    *("turns > 2 and tasks.open == 0", "tool_failures > 0 or model_failures > 0", "events > 12"),
    *("'FIN_007' in agents", "agent('FIN_007').cost_usd > 0.01", "cost_usd / model_calls > 0.01"),
    *("not decisions > 3", "duration_s < 0.02", "artefacts >= 0", "rejected_answers == 1", "1 < 2"),
)
OF_SESSIONS = (*SHARED, "status != 'running'", "contains(answer, 'REPORT')", "status == 'failed'")
OF_THE_LOG = (*SHARED, "sessions.running == 2", "sessions.failed > 0", "sessions.opened < 2")


def asked_everywhere(
    events: Sequence[RecordedEvent], figures: Any, predicate: Predicate
) -> list[tuple[int, bool, dict[str, Any]]]:
    """Tell at each position whether a predicate holds, and what it names."""
    answers = []
    for recorded in events:
        figures.take(recorded)
        values = {
            term.name: tuple(sorted(value)) if isinstance(value, set) else value
            for term in predicate.terms
            for value in [term.read(figures)]
        }
        answers.append((recorded.position, predicate.holds(figures), values))
    return answers


def assert_is(
    view: BisectionView, answers: list[tuple[int, bool, dict[str, Any]]], after: int, until: int
) -> None:
    wanted = [index for index, (at, _, _) in enumerate(answers) if after < at <= until]
    first = next((index for index in wanted if answers[index][1]), None)
    truths = [answers[index][1] for index in wanted if first is not None and index >= first]
    flips = sum(truth is not following for truth, following in pairwise(truths))
    assert (view.found and view.found.position) == (None if first is None else answers[first][0])
    assert view.flips == flips
    assert view.holds == bool(truths and truths[-1])
    if first is None:
        assert view.changes == ()
        return
    assert view.before == (answers[first - 1][2] if first else {})
    assert view.now == answers[first][2]
    assert view.held_before == (first > 0 and answers[first - 1][1])
    assert [change.holds for change in view.changes] == [
        number % 2 == 0 for number in range(flips + 1)
    ]


@given(moves(most=40), st.sampled_from(OF_SESSIONS), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_in_a_session_it_is_the_first_position_at_which_it_holds(
    story: list[Move], expression: str, after: int, until: int
) -> None:
    log = InMemoryEventLog()
    last = tell(log, story)
    session_id = next(each.session_id for each in log.events if each.session_id is not None)
    opened = next(log.read(stream=session_id)).position
    until = max(min(until, last), opened)
    predicate = parse(expression, SESSION_VOCABULARY)
    history = list(read_history(log, read_lineage(log, session_id, until)))

    view = bisect(log, expression, session_id, after=after, until=until)

    answers = asked_everywhere(history, SessionFigures(session_id), predicate)
    assert_is(view, answers, after, until)
    assert (view.session_id, view.events, view.until) == (session_id, len(history), until)


@given(moves(most=40), st.sampled_from(OF_THE_LOG), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=150, deadline=None)
def test_in_the_whole_log_it_is_the_first_position_at_which_it_holds(
    story: list[Move], expression: str, after: int, until: int
) -> None:
    log = InMemoryEventLog()
    until = min(until, tell(log, story))
    predicate = parse(expression, LOG_VOCABULARY)

    view = bisect(log, expression, after=after, until=until)

    answers = asked_everywhere(log.events[:until], LogFigures(log), predicate)
    assert_is(view, answers, after, until)
    assert (view.session_id, view.events) == (None, until)


@pytest.mark.parametrize("expression", ["turns > 3", "tasks.open > 0", "tasks.completed == 5"])
def test_what_was_taken_back_is_not_looked_at(expression: str) -> None:
    told = Branches()
    session_id = told.sessions[0]
    log = told.desk.log
    middle = log.last_position() - 10
    told.say(session_id, "a")
    told.rewind(session_id, middle)
    told.say(session_id, "b")
    told.fork(session_id, log.last_position())
    fork_id = told.sessions[-1]
    told.say(fork_id, "c")
    told.fork(session_id, middle, what_if=True)
    told.say(told.sessions[-1], "d")

    for each in told.sessions:
        history = list(read_history(log, read_lineage(log, each)))
        predicate = parse(expression, SESSION_VOCABULARY)
        answers = asked_everywhere(history, SessionFigures(each), predicate)
        assert_is(bisect(log, expression, each), answers, 0, log.last_position())
    predicate = parse(expression, LOG_VOCABULARY)
    answers = asked_everywhere(log.events, LogFigures(log), predicate)
    assert_is(bisect(log, expression), answers, 0, log.last_position())


@pytest.fixture
def log() -> InMemoryEventLog:
    log, ids, clock = InMemoryEventLog(), Ids(), SteppingClock()
    tell_plain_session(log, ids, clock)
    tell_plain_session(log, ids, clock)
    return log


def test_the_event_is_named_with_its_task(log: InMemoryEventLog) -> None:
    view = bisect(log, "cost_usd > 0.02")

    assert view.found is not None
    assert (view.found.type, view.found.task_key) == ("task.model_answered", "report")
    assert view.found.event_id == log.events[view.found.position - 1].envelope.event_id
    assert (str(view.before["cost_usd"]), str(view.now["cost_usd"])) == ("0.0125", "0.0250")


def test_handles_are_told_in_order(log: InMemoryEventLog) -> None:
    assert bisect(log, f"'{SPECIALIST}' in agents").now == {"agents": (SPECIALIST,)}


def test_a_task_that_a_fork_goes_on_with_keeps_its_name() -> None:
    told = Branches()
    log = told.desk.log
    told.fork(told.sessions[0], next(each.position for each in log.read(types=["task.started"])))
    fork_id = told.sessions[-1]
    told.desk.resume(fork_id)
    called = next(log.read(session_id=fork_id, types=["task.model_called"]))

    view = bisect(log, "events > 0", fork_id, after=called.position - 1)

    assert view.found is not None
    assert view.found.event_id == called.envelope.event_id
    keys = {task.assignment.key for task in told.fold(told.sessions[0]).tasks}
    assert view.found.task_key in keys


def test_the_list_of_changes_is_cut_and_their_number_is_not(
    log: InMemoryEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisecting, "MOST_CHANGES", 2)

    view = bisect(log, "tasks.open > 0")

    assert [change.holds for change in view.changes] == [True, False]
    assert view.flips == 3


@pytest.mark.parametrize("after", [0, 1, 5, 100])
@pytest.mark.parametrize("expression", ["cost_usd < 1", "not tasks.failed > 0", "turns == 1"])
def test_events_that_change_nothing_precede_as_well(expression: str, after: int) -> None:
    log = Branches().desk.log  # it begins with the organisation
    predicate = parse(expression, LOG_VOCABULARY)

    view = bisect(log, expression, after=after)

    answers = asked_everywhere(log.events, LogFigures(log), predicate)
    assert_is(view, answers, after, log.last_position())


def test_only_what_can_change_the_answer_is_read(log: InMemoryEventLog) -> None:
    asked: list[Any] = []
    read = log.read
    log.read = lambda **filters: asked.append(filters.get("types")) or read(**filters)  # type: ignore[method-assign, func-returns-value]

    bisect(log, "cost_usd > 1")

    assert asked[0] == {"task.model_answered", "session.opened", "session.forked"}


def test_a_session_that_is_not_there_is_not_found(log: InMemoryEventLog) -> None:
    with pytest.raises(NotFoundError):
        bisect(log, "turns > 1", uuid4())


def test_a_predicate_is_checked_before_anything_is_read() -> None:
    with pytest.raises(PredicateError, match="name a session"):
        bisect(None, "status == 'failed'")  # type: ignore[arg-type]
    with pytest.raises(PredicateError, match="leave the session out"):
        bisect(None, "sessions.failed > 1", UUID(int=1))  # type: ignore[arg-type]
