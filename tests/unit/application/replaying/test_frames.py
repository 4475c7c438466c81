"""Frames: the session as it stood after each event, whichever way one goes through them."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.fold import SessionFold
from application.replaying import frames as module
from application.replaying.frames import Frames
from application.replaying.history import SessionHistory
from application.replaying.replays import Replays
from application.replaying.views import FrameView
from application.views import session_view
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.payloads import LogPayloads
from tests.support.branches import MOVES, Branches, Move
from tests.support.busy_history import BusyHistory
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import office
from tests.support.replaying import EVENTFUL


@cache
def eventful() -> SessionHistory:
    it = office(EVENTFUL)
    return Replays(it.log, LogPayloads(EventMapper())).history(it.run().session_id)


def check(frame: FrameView, fold: SessionFold) -> None:
    """Hold a frame against the view of a fold of the same events."""
    view = session_view(fold)
    assert frame.status is view.status
    assert frame.turns == len(view.turns)
    assert frame.model_calls == sum(task.model_calls for task in view.tasks)
    assert frame.tool_calls == sum(task.tool_calls for task in view.tasks)
    assert (frame.input_tokens, frame.output_tokens) == (view.input_tokens, view.output_tokens)
    assert frame.cost_usd == view.cost_usd
    assert [
        (task.task_id, task.parent_id, task.key, task.title, task.status, task.holder)
        for task in frame.tasks
    ] == [
        (task.task_id, task.parent_id, task.key, task.title, task.status, task.holder)
        for task in view.tasks
    ]
    assert [len(task.doing) for task in frame.tasks] == [len(task.pending) for task in view.tasks]


def test_each_frame_shows_what_a_fold_of_its_prefix_is() -> None:
    history = eventful()
    frames = Frames(history)

    assert len(frames) == len(history.events)
    for number, frame in enumerate(frames, start=1):
        assert (frame.number, frame.of) == (number, len(frames))
        check(frame, history.fold(number))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.builds(Move, st.sampled_from(MOVES), st.integers(0, 9), st.integers(0, 5000)),
        max_size=6,
    )
)
def test_frames_of_rewound_and_forked_sessions_are_those_of_their_histories(
    story: list[Move],
) -> None:
    it = Branches()
    for move in story:
        it.move(move)
    replays = Replays(it.desk.log, LogPayloads(EventMapper()))

    for session_id in it.sessions:
        frames = replays.frames(session_id)
        check(frames[-1], it.fold(session_id))


@pytest.mark.parametrize("seed", range(3))
def test_busy_histories_are_shown_as_they_are_folded(seed: int) -> None:
    log = InMemoryEventLog()
    BusyHistory(log, seed).tell(400)
    replays = Replays(log, LogPayloads(EventMapper()))
    opened = [each.event.originator_id for each in log.read(types=("session.opened",))]

    for session_id in opened:
        history = replays.history(session_id)
        check(Frames(history)[-1], history.fold(len(history.events)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 74), max_size=12), st.integers(1, 40))
def test_going_anywhere_shows_the_same_as_going_there_step_by_step(
    indices: list[int], every: int
) -> None:
    expected = list(Frames(eventful()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "EVERY", every)
        frames = Frames(eventful())
        for index in indices:
            assert frames[index] == expected[index]
            assert frames[index - 1] == expected[index - 1]


def test_a_position_is_found_or_the_event_before_it() -> None:
    history = eventful()
    frames = Frames(history)
    events = history.events

    assert frames.index_at(0) == 0
    assert frames.index_at(events[0].position) == 0
    assert frames.index_at(events[7].position) == 7
    assert frames.index_at(10**9) == len(frames) - 1
    assert Frames(history, since=events[7].position).first == 7


def test_there_is_no_frame_behind_the_last_one() -> None:
    frames = Frames(eventful())

    with pytest.raises(IndexError, match="no frame"):
        frames[len(frames)]
    assert frames[-1].number == len(frames)
    assert [frame.number for frame in frames[2:4]] == [3, 4]
