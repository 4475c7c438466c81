"""The delegation audit shows every decision, out of whom it chose, and what came of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from application.auditing.accesses import AuditTrail
from domain.audit import Look
from domain.spending import Spent
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


def test_a_decision_shows_what_its_task_and_all_below_it_took(read_side: ReadSide) -> None:
    told = read_side.tell_plain_session()
    other = read_side.tell_plain_session()
    dear = other.create_task("dear")
    other.delegate(dear, DIRECTOR)
    other.start(dear)
    other.answer_model(dear, other.call_model(dear), Decimal("0.5"))
    read_side.runner().catch_up()

    to_root, to_director, to_specialist = audit(read_side, session_id=told.session_id)
    assert to_director.own == to_specialist.own == to_specialist.inclusive == to_root.inclusive
    assert to_specialist.own == Spent(
        model_calls=1,
        tool_calls=1,
        input_tokens=105,
        output_tokens=20,
        cost_usd=Decimal("0.0125"),
    )
    assert to_root.own == Spent()
    assert to_specialist.working_ms == 500
    assert to_root.working_ms is None
    of_other = audit(read_side, session_id=other.session_id)
    assert of_other[0].inclusive.cost_usd == Decimal("0.5125")
    assert of_other[-1].own.cost_usd == Decimal("0.5")
    assert of_other[-1].working_ms is None


def test_what_a_task_took_is_what_it_had_taken_by_then(read_side: ReadSide) -> None:
    told = read_side.open_session()
    task = told.create_task()
    told.delegate(task, DIRECTOR)
    told.start(task)
    effect = told.call_model(task)
    before = read_side.log.last_position()
    told.answer_model(task, effect)
    told.complete(task)
    read_side.runner().catch_up()

    (then,), (now,) = audit(read_side, at=before), audit(read_side)
    assert (then.own.model_calls, then.own.input_tokens, then.working_ms) == (1, 0, None)
    assert (now.own.model_calls, now.own.input_tokens) == (1, 105)
    assert now.working_ms is not None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"confidence_under": 0.75}, 0),
        ({"confidence_under": 0.76}, 4),
        ({"confidence_under": 0.0}, 0),
        ({"policy_version": "1"}, 4),
        ({"policy_version": "2"}, 0),
        ({"policy_version": "1", "agent": "DIR_ANALYTICS", "confidence_under": 1.0}, 1),
    ],
)
def test_decisions_can_be_asked_for_by_confidence_and_policy(
    read_side: ReadSide, wanted: dict[str, Any], expected: int
) -> None:
    two_tasks(read_side)
    assert len(audit(read_side, **wanted)) == expected


@pytest.mark.parametrize("bound", [-0.1, 1.1, "half"])
def test_a_bound_of_confidence_lies_between_0_and_1(bound: object) -> None:
    with pytest.raises(ValidationError, match="confidence_under"):
        DelegationFilter.model_validate({"confidence_under": bound})


def test_a_look_at_the_audit_changes_no_read_model(read_side: ReadSide) -> None:
    told = read_side.tell_plain_session()
    runner = read_side.runner()
    runner.catch_up()
    before = read_side.contents()
    trail = AuditTrail(read_side.log, read_side.clock, read_side.ids, "anna", "root")

    as_of = read_side.log.last_position()
    recorded = trail.record(look=Look.LIST, session_id=told.session_id, as_of=as_of, decisions=3)
    statuses = runner.catch_up()

    assert read_side.contents() == before
    assert {status.position for status in statuses} == {recorded.position}
    assert not any(status.stopped for status in statuses)
