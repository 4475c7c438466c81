"""Session fold: the aggregates of a session, as of any position."""

from __future__ import annotations

import pytest

from application.fold import SessionFold
from domain.session import SessionStatus
from tests.support.office import Q4_PLAN, office


def test_an_empty_fold_has_no_session() -> None:
    fold = SessionFold()

    assert fold.empty
    assert (fold.position, fold.opened_position, fold.tasks) == (0, 0, [])
    with pytest.raises(LookupError, match="no session"):
        _ = fold.session


def test_a_fold_holds_all_of_a_session_and_knows_its_place() -> None:
    it = office()
    it.run()
    events = it.events()

    fold = SessionFold.of(events)

    assert not fold.empty
    assert (fold.opened_position, fold.position) == (events[0].position, events[-1].position)
    assert fold.root.assignment.key == "request"
    assert fold.tasks[0] is fold.root
    assert [task.assignment.key for task in fold.planned] == [task.key for task in Q4_PLAN.tasks]
    assert fold.session.status is SessionStatus.COMPLETED
    assert len(fold.conversation.turns) == 2
    assert fold.cause_of(fold.session.id) == events[-1].envelope.event_id
    assert all(fold.has(recorded.event.originator_id) for recorded in events)


def test_every_prefix_of_a_session_can_be_folded() -> None:
    it = office()
    it.run()
    events = it.events()

    step_by_step = SessionFold()
    for length, recorded in enumerate(events, start=1):
        step_by_step.evolve(recorded)
        fold = SessionFold.of(events[:length])

        assert fold.position == step_by_step.position == recorded.position
        assert fold.tasks == step_by_step.tasks
        assert fold.session == step_by_step.session
        assert len(fold.planned) <= 4


def test_the_plan_is_empty_while_the_root_task_is_not_there_yet() -> None:
    it = office()
    it.run()
    opened = SessionFold.of(it.events()[:1])

    assert opened.planned == []
    assert not opened.has(opened.session.root_task_id)
    assert not opened.has(opened.session.conversation_id)
