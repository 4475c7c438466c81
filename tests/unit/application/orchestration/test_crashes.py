"""Crashes: a process that dies around any append loses nothing and doubles nothing."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from application.fold import SessionFold
from application.views import session_view
from domain.effect import Failure, FailureKind
from domain.session import SessionStatus
from tests.support.office import Q4_PLAN, Office, office
from tests.support.scripted import (
    Crash,
    CrashingLog,
    Replies,
    answer,
    call,
    propose,
    submit,
    use,
)

BUSY = Failure(kind=FailureKind.OVERLOADED, message="Busy.")
UNSTEADY = {"session.resumed", "task.model_called", "task.tool_called", "task.model_failed"}
"""Events that a crash may add, or, where an unrecorded failure has passed since, take away."""

EVENTFUL: dict[str, Replies] = {
    "decompose": [answer(text="I would rather talk."), [BUSY, propose(Q4_PLAN)]],
    "metrics": [
        answer(call("query_table", "a", sql="1"), call("write_document", "b", title="no right")),
        [BUSY, BUSY, submit("Revenue is 60.", revenue=60)],
    ],
    "charts": [use("draw_chart", title="By month"), answer(), submit("Drawn.")],
}
"""A repaired plan, failures that pass, two tools at once, one of them not allowed, a repair."""


@cache
def undisturbed() -> tuple[Office, SessionFold]:
    it = office(EVENTFUL)
    return it, it.run()


def run_until_it_dies(it: Office, fuse: int, *, recorded: bool) -> bool:
    """Run, or take up, the session in a process that dies around its n-th append."""
    log = it.log
    it.log = CrashingLog(log, fuse, recorded=recorded)
    opened = it.events("session.opened")
    try:
        if opened:
            it.resume(opened[0].event.originator_id)
        else:
            it.run()
    except Crash:
        return True
    finally:
        it.log = log
    return False


def final_fold(it: Office) -> SessionFold:
    opened = it.events("session.opened")
    if not opened:
        return it.run()
    fold = it.sessions.fold(opened[0].event.originator_id)
    return it.resume(fold.session.id)


def effect_ids(it: Office) -> dict[UUID, list[int]]:
    """List the attempts of every effect by its id."""
    attempts: dict[UUID, list[int]] = {}
    for recorded in it.events("task.model_called", "task.tool_called"):
        event: Any = recorded.event
        attempts.setdefault(event.effect_id, []).append(event.attempt)
    return attempts


def outcomes(fold: SessionFold) -> dict[str, Any]:
    return {task.assignment.key: (task.status, task.result, task.failure) for task in fold.tasks}


def check_nothing_lost_nothing_doubled(it: Office, fold: SessionFold) -> None:
    reference, ended = undisturbed()
    assert fold.session.status is SessionStatus.COMPLETED
    assert (fold.session.answer, fold.session.artefacts) == (
        ended.session.answer,
        ended.session.artefacts,
    )
    assert outcomes(fold) == outcomes(ended)
    happened = Counter(recorded.type for recorded in it.events())
    expected = Counter(recorded.type for recorded in reference.events())
    for name in happened.keys() | expected.keys():
        assert name in UNSTEADY or happened[name] == expected[name], name
    completed = Counter(each.event.originator_id for each in it.events("task.completed"))
    assert set(completed.values()) == {1}
    assert len(effect_ids(it)) == len(effect_ids(reference))
    assert all(tries == [*range(1, len(tries) + 1)] for tries in effect_ids(it).values())
    requests: list[Any] = [*it.model.requests, *it.toolbox.requests]
    assert {request.effect_id for request in requests} <= effect_ids(it).keys()
    assert session_view(it.sessions.fold(fold.session.id)) == session_view(fold)


@pytest.mark.parametrize("recorded", [False, True], ids=["before", "after"])
def test_a_session_whose_process_died_around_any_append_is_finished_by_the_next(
    *, recorded: bool
) -> None:
    fuse = 1
    while run_until_it_dies(it := office(EVENTFUL), fuse, recorded=recorded):
        check_nothing_lost_nothing_doubled(it, final_fold(it))
        fuse += 1

    assert fuse > 15


@pytest.mark.parametrize("recorded", [False, True], ids=["before", "after"])
def test_a_session_whose_every_process_dies_early_still_comes_to_its_end(*, recorded: bool) -> None:
    it = office(EVENTFUL)
    deaths = 0
    while run_until_it_dies(it, 3, recorded=recorded):
        deaths += 1
        assert deaths < 50

    fold = it.sessions.fold(it.events()[0].event.originator_id)
    check_nothing_lost_nothing_doubled(it, fold)
    assert deaths > 5
    assert fold.session.resumptions >= deaths - 1
