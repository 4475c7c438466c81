"""Rewinds and forks: whatever happens, a session is what a plain reading of its history says."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.branching import Branch
from application.errors import BadRequestError, ConflictError, NotFoundError
from application.fold import SessionFold, stream_in
from application.history import read_history
from application.lineages import lineage_view
from application.views import session_view
from domain.conversation import Conversation
from domain.session import Session, SessionStatus
from domain.task import Task
from tests.support.branches import MOVES, REASON, Branches, Move
from tests.support.office import office

moves = st.lists(
    st.builds(Move, st.sampled_from(MOVES), st.integers(0, 9), st.integers(0, 5000)), max_size=8
)


def events_of(it: Branches, session_id: UUID) -> list[Any]:
    return list(it.desk.log.read(session_id=session_id))


def middle(it: Branches, kind: type[Any], number: int = 0) -> int:
    found = [each for each in it.desk.log.read() if isinstance(each.event, kind)]
    position: int = found[number].position
    return position


@settings(max_examples=40, deadline=None)
@given(st.data(), moves)
def test_a_view_at_any_moment_equals_a_plain_reading_of_the_history(
    data: st.DataObject, moves: list[Move]
) -> None:
    it = Branches()
    for move in moves:
        it.move(move)

    last = it.desk.log.last_position()
    for session_id in it.sessions:
        began = events_of(it, session_id)[0].position
        position = data.draw(st.integers(began, last))
        history = it.history(session_id, position)
        lineage = it.use_cases.lineage(session_id, position)

        assert list(read_history(it.desk.log, lineage)) == history
        view = session_view(it.fold(session_id, position))
        assert view == session_view(SessionFold.of(history))
        assert view.session_id == session_id
        assert view.position == history[-1].position


@settings(max_examples=40, deadline=None)
@given(moves, st.integers(0, 9), st.integers(0, 5000))
def test_the_past_never_changes(moves: list[Move], chosen: int, moment: int) -> None:
    it = Branches()
    half = len(moves) // 2
    for move in moves[:half]:
        it.move(move)
    last = it.desk.log.last_position()
    session_id = it.sessions[chosen % len(it.sessions)]
    began = events_of(it, session_id)[0].position
    position = began + moment % (last - began + 1)
    before = session_view(it.fold(session_id, position))

    for move in moves[half:]:
        it.move(move)

    assert session_view(it.fold(session_id, position)) == before


@settings(max_examples=40, deadline=None)
@given(moves, st.integers(0, 9), st.integers(0, 5000))
def test_a_rewind_brings_the_state_back_and_its_undoing_brings_it_back_again(
    moves: list[Move], chosen: int, moment: int
) -> None:
    it = Branches()
    for move in moves:
        it.move(move)
    session_id = it.sessions[chosen % len(it.sessions)]
    own = events_of(it, session_id)
    position = own[moment % len(own)].position
    then, now = it.fold(session_id, position), it.fold(session_id)
    if then.position == now.position or not then.has(then.session.root_task_id):
        with pytest.raises(ConflictError):
            it.rewind(session_id, position)
        return

    rewound = it.rewind(session_id, position)

    assert rewound.state_hash == session_view(then).state_hash
    assert session_view(it.fold(session_id)).state_hash == rewound.state_hash
    undone = it.undo(session_id)
    assert undone.state_hash == session_view(now).state_hash
    assert session_view(it.fold(session_id)).state_hash == undone.state_hash
    again = it.undo(session_id)
    assert again.state_hash == rewound.state_hash


@settings(max_examples=40, deadline=None)
@given(moves, st.integers(0, 9), st.integers(0, 5000), moves)
def test_a_fork_has_the_hash_of_its_parent_then_and_keeps_it_whatever_the_parent_does(
    moves: list[Move], chosen: int, moment: int, later: list[Move]
) -> None:
    it = Branches()
    for move in moves:
        it.move(move)
    parent = it.sessions[chosen % len(it.sessions)]
    own = events_of(it, parent)
    position = own[max(3, moment % len(own)) if len(own) > 3 else 0].position
    then = session_view(it.fold(parent, position))
    parent_now = session_view(it.fold(parent))
    length = it.desk.log.last_position()

    made = it.fork(parent, position)

    assert made.session_id is not None
    assert made.state_hash == then.state_hash
    assert it.desk.log.last_position() == length + 1
    assert session_view(it.fold(made.session_id)).state_hash == then.state_hash
    assert session_view(it.fold(parent)) == parent_now
    for move in later:
        it.move(move._replace(session=it.sessions.index(parent)))
    assert session_view(it.fold(made.session_id)).state_hash == then.state_hash


def test_a_rewound_session_goes_on_to_another_end() -> None:
    it = Branches()
    [session_id] = it.sessions
    before = session_view(it.fold(session_id))
    started = middle(it, Task.Started)

    view = it.rewind(session_id, started)
    resumed = session_view(it.resume(session_id))

    assert (view.status_before, view.status) == (SessionStatus.COMPLETED, SessionStatus.RUNNING)
    assert view.skipped == before.position - view.to_position
    assert [effect.name for effect in view.done if effect.files] == ["draw_chart", "write_document"]
    assert resumed.status is SessionStatus.COMPLETED
    assert resumed.answer == before.answer
    assert resumed.cost_usd == before.cost_usd  # what was taken back is not counted in the session
    assert resumed == session_view(it.fold(session_id))


def test_a_fork_goes_on_in_streams_of_its_own_and_marks_each() -> None:
    it = Branches()
    [parent] = it.sessions
    parents_events = events_of(it, parent)
    fork_id = it.fork(parent, middle(it, Task.Started)).session_id
    assert fork_id is not None

    resumed = session_view(it.resume(fork_id))

    assert resumed.status is SessionStatus.COMPLETED
    assert resumed.session_id == fork_id
    assert events_of(it, parent) == parents_events
    own = events_of(it, fork_id)
    assert own[0].event.originator_id == fork_id
    streams: dict[UUID, list[Any]] = {}
    for recorded in own:
        streams.setdefault(recorded.event.originator_id, []).append(recorded.event)
    fold = it.fold(fork_id)
    for stream, events in streams.items():
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
        origin = fold.aggregate_of(stream)
        if stream not in {origin, fork_id}:
            assert isinstance(events[0], Task.Continued | Conversation.Continued)
            assert (events[0].origin, stream) == (origin, stream_in(fork_id, origin))


def test_a_fork_of_a_fork_goes_on_too() -> None:
    it = Branches()
    [parent] = it.sessions
    first = it.fork(parent, middle(it, Task.Started)).session_id
    assert first is not None
    it.resume(first)
    own = events_of(it, first)
    second = it.fork(first, own[len(own) // 2].position).session_id
    assert second is not None

    resumed = session_view(it.resume(second))

    assert resumed.status is SessionStatus.COMPLETED
    view = lineage_view(it.desk.log, second)
    assert [origin.session_id for origin in view.origins] == [first, parent]
    assert [segment.session_id for segment in view.segments] == [parent, first, second]
    assert [fork.session_id for fork in lineage_view(it.desk.log, first).forks] == [second]


def test_two_who_go_on_with_the_same_task_of_a_fork_at_once_meet() -> None:
    it = Branches()
    fork_id = it.fork(it.sessions[0], middle(it, Task.Started)).session_id
    assert fork_id is not None
    sessions = it.use_cases
    one, other = sessions.take_up(fork_id), sessions.take_up(fork_id)
    journals = [sessions.journal(fold, it.desk.heard.append) for fold in (one, other)]
    for fold, journal in zip((one, other), journals, strict=True):
        fold.root.cancel("stop", journal.now())
        journal.collect(fold.root, "USER")

    asyncio.run(journals[0].flush())
    with pytest.raises(ConflictError):
        asyncio.run(journals[1].flush())


def test_calls_in_flight_are_named_and_only_given_up_on_demand() -> None:
    it = Branches()
    session_id = it.desk.interrupt("metrics")
    position = middle(it, Session.Interpreted, 1)

    with pytest.raises(ConflictError, match=r"2 calls in flight.*--cancel-effects"):
        asyncio.run(it.branching.rewind(session_id, position, REASON))
    tried = asyncio.run(it.branching.rewind(session_id, position, REASON, dry_run=True))
    view = it.rewind(session_id, position)

    assert (tried.dry_run, tried.undo) == (True, None)
    assert [effect.purpose for effect in view.cancelled] == ["execute", "execute"]
    event = events_of(it, session_id)[-1].event
    assert event.cancelled_effects == tuple(effect.effect_id for effect in view.cancelled)
    assert it.fold(session_id).on_hold
    assert not it.resume(session_id).on_hold


def test_a_dry_run_tells_what_would_be_appended_and_appends_nothing() -> None:
    it = Branches()
    [session_id] = it.sessions
    started, length = middle(it, Task.Started), it.desk.log.last_position()
    branch = Branch(REASON, lambda own: own)

    rewind = asyncio.run(it.branching.rewind(session_id, started, REASON, dry_run=True))
    fork = asyncio.run(
        it.branching.fork(session_id, started, branch, fork_id=UUID(int=1), dry_run=True)
    )

    assert it.desk.log.last_position() == length
    assert [event.type for event in rewind.appended] == ["session.rewound"]
    assert (rewind.appended[0].stream, rewind.appended[0].position) == (session_id, None)
    assert [event.type for event in fork.appended] == ["session.forked"]
    assert (fork.session_id, fork.dry_run, fork.status) == (None, True, SessionStatus.RUNNING)
    done = it.rewind(session_id, started)
    assert done.appended[0].version == rewind.appended[0].version
    assert done.appended[0].position == length + 1


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_required(reason: str) -> None:
    it = Branches()
    [session_id] = it.sessions
    branch = Branch(reason, lambda own: own)

    with pytest.raises(BadRequestError, match="reason is empty"):
        asyncio.run(it.branching.rewind(session_id, 200, reason))
    with pytest.raises(BadRequestError, match="reason is empty"):
        asyncio.run(it.branching.fork(session_id, 200, branch, fork_id=UUID(int=1)))


def test_there_is_nothing_to_go_back_to_before_the_beginning_or_at_the_end() -> None:
    it = Branches()
    [session_id] = it.sessions
    began = middle(it, Task.Created)

    with pytest.raises(NotFoundError, match="It may have been opened after position"):
        it.rewind(session_id, events_of(it, session_id)[0].position - 1)
    with pytest.raises(ConflictError, match="was only being opened"):
        it.rewind(session_id, began - 1)
    with pytest.raises(ConflictError, match="name an earlier moment"):
        it.rewind(session_id, it.desk.log.last_position())
    assert it.rewind(session_id, began).to_position == began


def test_a_fork_keeps_the_words_of_its_subject_sealed_by_naming_the_subject() -> None:
    it = Branches(office())
    fork_id = it.fork(it.sessions[0], middle(it, Task.Started)).session_id
    assert fork_id is not None

    forked = events_of(it, fork_id)[0]

    assert forked.event.charter.subject == it.fold(it.sessions[0]).session.charter.subject
    assert forked.envelope.subject == forked.event.charter.subject


def test_who_resumes_can_go_on_from_behind_every_event() -> None:
    it = Branches()
    [parent] = it.sessions
    answer = it.fold(parent).session.answer
    own = events_of(it, parent)
    began = middle(it, Task.Created)

    for recorded in own:
        if recorded.position >= began:
            fork_id = it.fork(parent, recorded.position).session_id
            assert fork_id is not None
            fold = it.resume(fork_id)
            assert (fold.session.status, fold.session.answer) == (SessionStatus.COMPLETED, answer)
            assert all(task.ended for task in fold.planned)
            assert len(fold.conversation.turns) == 2


def test_who_resumes_can_go_on_from_the_middle_of_a_cancellation() -> None:
    it = Branches()
    session_id = it.desk.interrupt("metrics")
    asyncio.run(it.use_cases.cancel(session_id, "enough", it.desk.heard.append))
    cancelled = [each for each in events_of(it, session_id) if "cancelled" in each.type]

    for recorded in cancelled:
        fork_id = it.fork(session_id, recorded.position).session_id
        assert fork_id is not None
        fold = it.resume(fork_id)
        assert fold.session.status is SessionStatus.CANCELLED
        assert fold.session.answer == "enough"
        assert isinstance(events_of(it, fork_id)[-1].event, Session.Cancelled | Session.Forked)
        assert all(task.ended for task in fold.tasks)
