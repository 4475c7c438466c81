"""Approvals: what waits for a human, who answers, and what follows.

D10: human in the loop: supervision, approval before risky steps, stop and override.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.errors import BadRequestError, ConflictError, NotFoundError
from domain.approval import ApprovalStatus, ApprovalSubject, NotAnApproverError
from domain.approval_rule import ApprovalRule, OnTimeout
from domain.session import SessionStatus
from domain.task import TaskStatus
from tests.support.approvals import (
    WRITES,
    JumpingClock,
    MeetingLog,
    agree_to_all,
    amend,
    asking,
    grant,
    human,
    reject,
    topics,
    waiting,
)
from tests.support.office import office
from tests.support.replaying import verified
from tests.support.scripted import submit, use


def test_a_session_that_waits_for_a_human_rests_and_says_for_what() -> None:
    """D10: approval before a risky step."""
    it = office()

    fold = it.run(asking(WRITES))

    assert fold.session.status is SessionStatus.RUNNING
    [view] = waiting(it)
    assert (view.session_id, view.task_key, view.status) == (
        fold.session_id,
        "report",
        ApprovalStatus.OPEN,
    )
    assert view.request.subject is ApprovalSubject.TOOL_CALL
    assert view.request.call is not None
    assert view.request.call.arguments == {"title": "Q4"}
    assert "write_document" in view.request.proposal
    assert "write_document" not in [each.call.tool for each in it.toolbox.requests]


def test_what_is_granted_is_done_and_the_record_says_who_agreed() -> None:
    """D10: who approved what is audited, and replayed."""
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)

    view = grant(it, asked)
    fold = it.resume(asked.session_id)

    assert (view.by, view.system_user, view.comment) == ("ada", "root", "Fine.")
    assert fold.session.status is SessionStatus.COMPLETED
    assert topics(it) == ["approval.requested", "approval.granted", "approval.received"]
    [word] = it.events("approval.granted")
    assert word.envelope.actor == "ada"
    assert verified(it.log, asked.session_id).is_verified
    assert not waiting(it)


def test_a_refused_call_is_told_to_the_agent_which_goes_on() -> None:
    it = office({"report": [use("write_document", title="Q4"), submit("# Without a file")]})
    it.run(asking(WRITES))
    [asked] = waiting(it)

    reject(it, asked)
    fold = it.resume(asked.session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    report = next(task for task in fold.tasks if task.assignment.key == "report")
    [refused] = [step for step in report.steps if step.call is not None]
    assert refused.failure is not None
    assert refused.failure.message == "ada did not agree: Not now."
    assert verified(it.log, asked.session_id).is_verified


def test_amended_arguments_take_the_place_of_those_that_were_proposed() -> None:
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)

    amend(it, asked, arguments={"title": "Q4, final"})
    fold = it.resume(asked.session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    [written] = [each for each in it.toolbox.requests if each.call.tool == "write_document"]
    assert written.call.arguments == {"title": "Q4, final"}
    assert verified(it.log, asked.session_id).is_verified


def test_the_first_word_counts_and_the_second_is_told_whose_it_was() -> None:
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)
    grant(it, asked, "ada")

    with pytest.raises(ConflictError, match="ada has granted it at"):
        asyncio.run(human(it, "bob").reject(asked.approval_id))


def test_of_two_at_the_same_moment_the_log_says_who_was_first() -> None:
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)
    it.log = MeetingLog(it.log, parties=2)

    async def both() -> list[Any]:
        words = (human(it, name).grant(asked.approval_id) for name in ("ada", "eve"))
        return await asyncio.gather(*words, return_exceptions=True)

    granted, refused = sorted(asyncio.run(both()), key=lambda each: isinstance(each, Exception))

    assert isinstance(refused, ConflictError)
    assert f"{granted.by} has granted it at" in str(refused)
    assert topics(it).count("approval.granted") == 1


def test_only_those_who_were_asked_may_answer() -> None:
    it = office()
    it.run(asking(WRITES.model_copy(update={"approvers": ("grace",)})))
    [asked] = waiting(it)

    with pytest.raises(NotAnApproverError, match="'ada' was not asked: grace may answer"):
        grant(it, asked)

    assert grant(it, asked, "grace").status is ApprovalStatus.GRANTED


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(OnTimeout.REJECT, TaskStatus.COMPLETED), (OnTimeout.APPROVE, TaskStatus.COMPLETED)],
)
def test_silence_means_what_the_rule_says_once_the_time_is_over(
    outcome: OnTimeout, status: TaskStatus
) -> None:
    it = office({"report": [use("write_document", title="Q4"), submit("# Q4")]})
    it.clock = clock = JumpingClock()
    rule = WRITES.model_copy(update={"timeout_s": 60.0, "on_timeout": outcome})
    fold = it.run(asking(rule))
    clock.jump(61)

    fold = it.resume(fold.session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    assert topics(it) == ["approval.requested", "approval.expired", "approval.received"]
    report = next(task for task in fold.tasks if task.assignment.key == "report")
    assert report.status is status
    [used] = [step for step in report.steps if step.call is not None]
    assert (used.failure is None) == (outcome is OnTimeout.APPROVE)
    assert verified(it.log, fold.session_id).is_verified


def test_silence_can_bring_in_somebody_else() -> None:
    it = office()
    it.clock = clock = JumpingClock()
    change = {"timeout_s": 60.0, "on_timeout": OnTimeout.ESCALATE, "escalate_to": ("grace",)}
    fold = it.run(asking(WRITES.model_copy(update=change)))
    clock.jump(61)
    it.resume(fold.session_id)

    [asked] = waiting(it)

    assert asked.request.approvers == ("grace",)
    assert asked.request.escalated_from is not None
    grant(it, asked, "grace")
    assert it.resume(fold.session_id).session.status is SessionStatus.COMPLETED
    assert verified(it.log, fold.session_id).is_verified


def test_a_list_records_what_silence_means_and_an_early_one_does_not() -> None:
    it = office()
    it.clock = clock = JumpingClock()
    it.run(asking(WRITES.model_copy(update={"timeout_s": 60.0})))

    assert len(waiting(it)) == 1
    clock.jump(61)
    assert not waiting(it)
    assert topics(it) == ["approval.requested", "approval.expired"]


def test_a_session_that_only_waits_is_resumed_without_a_trace() -> None:
    it = office()
    fold = it.run(asking(WRITES))
    length = len(it.log.events)

    resumed = it.resume(fold.session_id)

    assert resumed.session.status is SessionStatus.RUNNING
    assert len(it.log.events) == length


def test_a_department_is_asked_about_before_its_tasks_begin() -> None:
    it = office()
    fold = it.run(asking(ApprovalRule(name="money", departments=("finance",))))
    [asked] = waiting(it)

    assert (asked.task_key, asked.request.subject) == ("extract", ApprovalSubject.TASK)
    fold = agree_to_all(it, fold)
    assert fold.session.status is SessionStatus.COMPLETED
    assert topics(it).count("approval.granted") == 2
    assert verified(it.log, fold.session_id).is_verified


def test_a_task_that_must_not_begin_fails_for_that_reason() -> None:
    it = office()
    it.run(asking(ApprovalRule(name="money", departments=("finance",))))
    [asked] = waiting(it)

    reject(it, asked)
    fold = it.resume(asked.session_id)

    assert fold.session.status is SessionStatus.FAILED
    assert fold.session.failure is not None
    assert fold.session.failure.message == "ada did not agree: Not now."
    assert verified(it.log, asked.session_id).is_verified


def test_an_unsure_decision_is_put_to_a_human_who_may_choose_another_agent() -> None:
    """D10: a human overrides who does a task."""
    it = office()
    it.run(asking(ApprovalRule(name="unsure", confidence_under=1.0, departments=("creative",))))
    asked = waiting(it)
    while asked and asked[0].request.decision is not None:
        [view] = asked
        decision = view.request.decision
        assert decision is not None
        others = [each.handle for each in decision.candidates if each.handle != decision.chosen]
        if others:
            break
        grant(it, view)
        it.resume(view.session_id)
        asked = waiting(it)
    [view] = asked
    amend(it, view, agent=others[0])

    fold = agree_to_all(it, it.resume(view.session_id))

    assert fold.session.status is SessionStatus.COMPLETED
    charts = fold.task(view.request.task_id)
    overridden = next(each for each in charts.delegations if each.decision.strategy == "human")
    assert overridden.to_agent == others[0]
    assert overridden.decision.approval_id == view.approval_id
    assert overridden.decision.reason.startswith(f"ada chose {others[0]} in place of ")
    assert verified(it.log, fold.session_id).is_verified


def test_an_agent_that_nobody_knows_cannot_be_chosen() -> None:
    it = office()
    it.run(asking(ApprovalRule(name="unsure", confidence_under=1.0)))
    view = waiting(it)[0]

    with pytest.raises(BadRequestError, match="'NOBODY' is not known in this session"):
        amend(it, view, agent="NOBODY")
    with pytest.raises(BadRequestError, match="amended by its agent, and by nothing else"):
        amend(it, view, arguments={})


def test_cost_is_agreed_to_step_by_step() -> None:
    it = office()
    fold = it.run(asking(ApprovalRule(name="cheap", cost_over_usd=0.004)))
    [asked] = waiting(it)

    assert asked.request.subject is ApprovalSubject.COST
    assert asked.request.limit_usd == pytest.approx(0.008)
    fold = agree_to_all(it, fold)
    assert fold.session.status is SessionStatus.COMPLETED
    assert topics(it).count("approval.requested") == 2
    assert verified(it.log, fold.session_id).is_verified


def test_a_session_that_has_ended_waits_for_nothing() -> None:
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)
    asyncio.run(it.sessions.cancel(asked.session_id, "Enough.", lambda _: None))

    assert not waiting(it)
    with pytest.raises(ConflictError, match="Nobody waits for approval"):
        grant(it, asked)


def test_an_approval_that_is_not_known_is_not_found() -> None:
    it = office()
    it.run(asking(WRITES))

    with pytest.raises(NotFoundError):
        asyncio.run(human(it).show(it.ids.new()))
