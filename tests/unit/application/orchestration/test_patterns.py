"""Patterns run to their end, are recomputed by a replay, and lose nothing to a crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import cache
from typing import Any

import pytest

from application.branching import Branching
from application.fold import SessionFold
from application.views import session_view
from domain.session import SessionStatus
from domain.task import Task
from tests.support.branches import NoFiles
from tests.support.office import Office
from tests.support.pattern_stories import (
    STORIES,
    finish,
    run,
    run_until_it_dies,
    told,
)
from tests.support.replaying import verified
from tests.support.scripted import CountingIds

UNSTEADY = {"session.resumed", "task.model_called", "task.tool_called"}
"""Events that a crash may repeat."""


@cache
def undisturbed(name: str) -> tuple[Office, SessionFold]:
    it = told(STORIES[name])
    return it, run(it, STORIES[name].workflow)


def ends(fold: SessionFold) -> dict[tuple[str, ...], Any]:
    """Tell how each task ended, by the keys on the way to it."""
    return {way_to(task, fold): (task.status, task.result, task.failure) for task in fold.tasks}


def way_to(task: Task, fold: SessionFold) -> tuple[str, ...]:
    parent_id = task.assignment.parent_id
    above = () if parent_id is None else way_to(fold.task(parent_id), fold)
    return (*above, task.assignment.key)


@pytest.mark.parametrize("name", STORIES)
def test_a_pattern_comes_to_its_end_and_a_replay_recomputes_every_decision(name: str) -> None:
    """D1, D2, D3, D4, D7, E3, B22: each pattern, end to end on the one engine."""
    it, fold = undisturbed(name)
    story = STORIES[name]
    assert fold.session.status is SessionStatus.COMPLETED
    assert story.tells in fold.session.answer
    assert fold.root.result is not None
    assert story.data.items() <= fold.root.result.data.items()
    found = verified(it.log, fold.session_id)
    assert (found.differences, found.unchecked) == ((), 0)


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("recorded", [False, True], ids=["before", "after"])
def test_a_pattern_whose_process_died_around_any_append_is_finished_by_the_next(
    name: str, *, recorded: bool
) -> None:
    story = STORIES[name]
    reference, ended = undisturbed(name)
    fuse = 1
    while run_until_it_dies(it := told(story), story.workflow, fuse, recorded=recorded):
        fold = finish(it, story.workflow)
        assert ends(fold) == ends(ended), fuse
        assert fold.session.answer == ended.session.answer
        happened = Counter(each.type for each in it.events())
        expected = Counter(each.type for each in reference.events())
        for kind in happened.keys() | expected.keys():
            assert kind in UNSTEADY or happened[kind] == expected[kind], kind
        assert verified(it.log, fold.session_id).differences == ()
        assert session_view(it.sessions.fold(fold.session.id)) == session_view(fold)
        fuse += 1
    assert fuse > 4


@pytest.mark.parametrize("name", ["supervisor", "best of", "nested", "consensus"])
def test_a_pattern_is_finished_from_any_of_its_positions(name: str) -> None:
    story = STORIES[name]
    reference, ended = undisturbed(name)
    begun = reference.events("task.created")[0].position
    last = reference.events()[-1].position
    for position in range(begun, last):
        it = told(story)
        it.log.events[:] = reference.log.events
        it.ids = CountingIds(start=500_000)
        session_id = ended.session_id
        back = Branching(it.sessions, NoFiles())
        asyncio.run(back.rewind(session_id, position, "to see", cancel_effects=True))
        again = it.resume(session_id)
        assert (again.session.status, again.session.answer) == (
            ended.session.status,
            ended.session.answer,
        ), position
        assert [way_to(task, again) for task in again.tasks] == [
            way_to(task, ended) for task in ended.tasks
        ]
