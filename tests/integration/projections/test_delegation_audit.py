"""The delegation audit shows every decision, out of whom it chose, and what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from projections.delegation_audit import DelegationFilter, DelegationView, list_delegations
from tests.support.histories import DIRECTOR, MASTERMIND, NOVA, SPECIALIST, SessionTeller
from tests.support.read_side import ReadSide


def audit(read_side: ReadSide, at: int | None = None, **wanted: Any) -> tuple[DelegationView, ...]:
    with read_side.read_models.reading() as connection:
        return list_delegations(connection, DelegationFilter(**wanted), at=at).items


def steps(found: tuple[DelegationView, ...]) -> list[tuple[str, str | None]]:
    return [(view.from_agent, view.to_agent) for view in found]


def test_every_delegation_shows_its_decision_and_outcome(read_side: ReadSide) -> None:
    told = read_side.tell_plain_session()
    read_side.runner().catch_up()
    found = audit(read_side)
    assert steps(found) == [(NOVA, MASTERMIND), (MASTERMIND, DIRECTOR), (DIRECTOR, SPECIALIST)]
    last = found[-1]
    assert (last.session_id, last.task_key) == (told.session_id, "report")
    assert (last.department, last.strategy, last.policy_version) == ("finance", "rules", "1")
    assert (last.confidence, last.reason) == (0.75, "fits best")
    assert [candidate.handle for candidate in last.candidates] == [SPECIALIST, "ZZZ_999"]
    assert last.candidates[0].parts == {"skills": 0.5}
    assert last.knowledge_position < last.position
    assert (last.outcome, last.outcome_detail) == ("completed", "Done.")
    assert last.outcome_position is not None
    assert last.outcome_position > last.position


def test_a_task_nobody_qualified_for_is_shown_with_who_held_it(read_side: ReadSide) -> None:
    told = read_side.open_session()
    at_once, later = told.create_task("one"), told.create_task("two")
    told.leave_unplaced(at_once)
    told.delegate(later, DIRECTOR)
    told.leave_unplaced(later)
    told.fail(later, "nobody can")
    read_side.runner().catch_up()
    assert steps(audit(read_side)) == [
        (MASTERMIND, None),
        (MASTERMIND, DIRECTOR),
        (DIRECTOR, None),
    ]
    last = audit(read_side)[-1]
    assert (last.outcome, last.outcome_detail, last.confidence) == ("failed", "nobody can", 0.0)


def test_the_outcome_is_open_as_of_a_position_before_the_end(read_side: ReadSide) -> None:
    told = read_side.open_session()
    task = told.create_task()
    told.delegate(task, DIRECTOR)
    before = read_side.log.last_position()
    told.cancel(task)
    read_side.runner().catch_up()
    (then,), (now,) = audit(read_side, at=before), audit(read_side)
    assert (then.outcome, then.outcome_position) == ("open", None)
    assert (now.outcome, now.outcome_detail) == ("cancelled", "the user said so")


def two_tasks(read_side: ReadSide) -> SessionTeller:
    told = read_side.tell_plain_session()
    task = told.create_task("charts", "analytics")
    told.delegate(task, "DIR_ANALYTICS")
    read_side.runner().catch_up()
    return told


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"agent": DIRECTOR}, 2),
        ({"agent": "DIR_ANALYTICS"}, 1),
        ({"department": "finance"}, 2),
        ({"department": "analytics"}, 1),
        ({"strategy": "rules"}, 4),
        ({"strategy": "auction"}, 0),
        ({"outcome": "completed"}, 3),
        ({"outcome": "open"}, 1),
        ({"agent": DIRECTOR, "outcome": "open"}, 0),
    ],
)
def test_decisions_can_be_asked_for(
    read_side: ReadSide, wanted: dict[str, Any], expected: int
) -> None:
    two_tasks(read_side)
    assert len(audit(read_side, **wanted)) == expected


def test_decisions_can_be_asked_for_by_session_task_and_time(read_side: ReadSide) -> None:
    told, other = two_tasks(read_side), read_side.tell_plain_session()
    read_side.runner().catch_up()
    of_told = audit(read_side, session_id=told.session_id)
    first, last = of_told[0], audit(read_side)[-1]
    assert len(of_told) == 4
    assert {view.session_id for view in audit(read_side, session_id=other.session_id)} == {
        other.session_id
    }
    assert steps(audit(read_side, task_id=told.root.id)) == [(NOVA, MASTERMIND)]
    assert audit(read_side, until=first.recorded_at) == ()
    assert last in audit(read_side, since=last.recorded_at)
    assert audit(read_side, since=last.recorded_at + timedelta(microseconds=1)) == ()


def test_decisions_come_page_by_page(read_side: ReadSide) -> None:
    two_tasks(read_side)
    with read_side.read_models.reading() as connection:
        first = list_delegations(connection, limit=3)
        second = list_delegations(connection, limit=3, after=first.next or 0)
    assert (len(first.items), len(second.items), second.next) == (3, 1, None)
    assert steps((*first.items, *second.items)) == steps(audit(read_side))
