"""Verifying: whatever happened in a session, its decisions are recomputed the same."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.branching import Branch
from application.directory import load_directory
from application.ports import EventLog
from application.replaying.replays import Replays
from application.replaying.verifying import verify_history
from application.replaying.views import ReplayVerificationView
from application.views import session_view
from domain.effect import Failure, FailureKind
from domain.policy import Policy
from domain.session import SessionStatus
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.payloads import LogPayloads
from tests.support import random_histories
from tests.support.branches import MOVES, Branches, Move
from tests.support.busy_history import BusyHistory
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import office, packaged_directory
from tests.support.replaying import EVENTFUL, STORIES, told, verified
from tests.support.scripted import Crash, CrashingLog


@pytest.mark.parametrize("story", STORIES)
def test_every_decision_of_an_honest_session_is_recomputed(story: str) -> None:
    it = office(STORIES[story])
    fold = it.run()

    view = verified(it.log, fold.session_id)

    assert view.differences == ()
    assert view.is_verified
    assert view.events == view.inputs + view.decisions == len(it.events())
    assert view.status is fold.session.status
    assert view.state_hash == session_view(fold).state_hash
    assert (view.model_calls_made, view.tool_calls_made) == (0, 0)


def test_tools_that_fail_are_input() -> None:
    it = office(tools={"query_table": Failure(kind=FailureKind.TIMED_OUT, message="Slow.")})

    assert verified(it.log, it.run().session_id).is_verified


def test_another_threshold_is_taken_from_the_charter() -> None:
    it = office()
    fold = it.run(Policy(confidence_threshold=0.99, retry_wait_s=0.0))

    assert fold.session.status is SessionStatus.FAILED
    assert verified(it.log, fold.session_id).is_verified


@pytest.mark.parametrize("recorded", [False, True], ids=["before", "after"])
def test_a_session_that_was_resumed_after_any_append_is_recomputed(*, recorded: bool) -> None:
    fuse = 1
    while True:
        it = office(EVENTFUL)
        log = it.log
        it.log = CrashingLog(log, fuse, recorded=recorded)
        try:
            it.run()
        except Crash:
            it.log = log
        else:
            break
        if opened := it.events("session.opened"):
            session_id = opened[0].event.originator_id
            assert verified(log, session_id).differences == ()
            it.resume(session_id)
            assert verified(log, session_id).differences == ()
        fuse += 1
    assert fuse > 15


def test_a_cancelled_session_is_recomputed() -> None:
    it = office()
    session_id = it.interrupt("metrics")
    asyncio.run(it.sessions.cancel(session_id, "enough", it.heard.append))

    view = verified(it.log, session_id)

    assert view.is_verified
    assert view.status is SessionStatus.CANCELLED


def test_a_session_is_recomputed_up_to_any_position() -> None:
    it, session_id = told("with failures and repairs")

    for recorded in it.events():
        view = verified(it.log, session_id, until=recorded.position)
        assert view.is_verified, view.differences
        assert view.position == recorded.position


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.builds(Move, st.sampled_from(MOVES), st.integers(0, 9), st.integers(0, 5000)),
        max_size=8,
    )
)
def test_whatever_is_rewound_forked_and_resumed_is_recomputed(story: list[Move]) -> None:
    it = Branches(office(EVENTFUL))
    for move in story:
        it.move(move)

    for session_id in it.sessions:
        view = verified(it.desk.log, session_id)
        assert view.is_verified, view.differences
        assert view.state_hash == session_view(it.fold(session_id)).state_hash


def test_a_fork_with_other_capabilities_is_decided_with_these() -> None:
    it = Branches()
    own = load_directory(it.desk.log).agent("FIN_007").capabilities
    weaker = own.model_copy(update={"skills": ("negotiation",), "description": "Talks."})
    branch = Branch("to see", lambda charter: charter, {"FIN_007": weaker}, what_if=True)
    planned = it.desk.events("task.decomposed")[0].position
    fork_id = it.desk.ids.new()
    asyncio.run(it.branching.fork(it.sessions[0], planned, branch, fork_id=fork_id))

    fold = it.resume(fork_id)

    assert "FIN_007" not in {task.holder for task in fold.tasks}
    assert verified(it.desk.log, fork_id).is_verified


def recomputed(log: EventLog, session_id: UUID) -> ReplayVerificationView:
    """Recompute a session that no engine ran, in the packaged organisation."""
    payloads = LogPayloads(EventMapper())
    history = Replays(log, payloads).history(session_id)
    return verify_history(history, lambda _: packaged_directory(), payloads)


def sessions_of(log: EventLog) -> list[UUID]:
    return [each.event.originator_id for each in log.read(types=("session.opened",))]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_histories.moves())
def test_what_nobody_decided_is_told_whatever_happened(
    story: list[random_histories.Move],
) -> None:
    log = InMemoryEventLog()
    random_histories.tell(log, story)

    for session_id in sessions_of(log):
        view = recomputed(log, session_id)
        own = [each.type for each in log.read(session_id=session_id)]
        assert view.events == len(own) == view.inputs + view.decisions + view.unchecked
        decided = {"task.started", "task.delegated", "task.completed"}.intersection(own)
        assert bool(view.differences) >= bool(decided)


@pytest.mark.parametrize("seed", range(3))
def test_busy_sessions_that_no_engine_ran_are_told_apart_from_honest_ones(seed: int) -> None:
    log = InMemoryEventLog()
    BusyHistory(log, seed).tell(500)

    for session_id in sessions_of(log):
        view = recomputed(log, session_id)
        assert view.events == view.inputs + view.decisions + view.unchecked
        assert not view.is_verified or view.decisions == 0
