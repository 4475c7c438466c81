"""Overriding, D10: stop and override: a human gives a task to another agent."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from application.errors import BadRequestError, ConflictError, NotFoundError
from application.overriding import Overriding
from domain.session import SessionStatus
from domain.task import Task
from domain.workflow import Terms
from tests.support.approvals import WRITES, asking, waiting
from tests.support.office import Office, office
from tests.support.replaying import verified
from tests.support.scripted import submit
from tests.support.workflow_runs import crew, run_task


def task_of(it: Office, session_id: UUID, key: str) -> Task:
    return next(task for task in it.sessions.fold(session_id).tasks if task.assignment.key == key)


def override(it: Office, task: Task, agent: str, reason: str = "She knows it.") -> None:
    asyncio.run(Overriding(it.sessions, "ada").override(task.id, agent, reason))


@pytest.mark.parametrize("key", ["metrics", "extract", "report"])
def test_a_task_that_is_taken_away_is_done_by_the_other_agent(key: str) -> None:
    """D10: stop and override, whatever the task is about to do."""
    it = office()
    session_id = it.interrupt("metrics")
    task = task_of(it, session_id, key)
    if task.ended:
        with pytest.raises(ConflictError, match="Task 'extract' has ended already: completed"):
            override(it, task, "FIN_003")
        return

    override(it, task, "FIN_003")
    fold = it.resume(session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    done = fold.task(task.id)
    assert done.holder == "FIN_003"
    assert done.delegations[-1].decision.strategy == "human"
    assert done.delegations[-1].decision.reason.endswith(": She knows it.")
    assert not done.pending
    assert verified(it.log, session_id).is_verified


def test_what_was_asked_on_behalf_of_the_other_agent_is_not_waited_for_any_more() -> None:
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)

    override(it, task_of(it, asked.session_id, "report"), "FIN_003")

    assert not waiting(it)
    it.resume(asked.session_id)
    [again] = waiting(it)
    assert again.request.agent == "FIN_003"
    assert verified(it.log, asked.session_id).is_verified


def test_only_specialists_of_the_session_can_be_given_a_task() -> None:
    it = office()
    session_id = it.interrupt("metrics")
    task = task_of(it, session_id, "metrics")

    for agent in ("NOBODY", "MM_001"):
        with pytest.raises(BadRequestError, match="is no active specialist of this session"):
            override(it, task, agent)
    with pytest.raises(ConflictError, match="lies with 'ANA_003' already"):
        override(it, task, "ANA_003")
    with pytest.raises(BadRequestError, match="The reason is empty"):
        override(it, task, "FIN_003", " ")
    with pytest.raises(BadRequestError, match="is done by several"):
        override(it, it.sessions.fold(session_id).root, "FIN_003")
    with pytest.raises(NotFoundError):
        asyncio.run(Overriding(it.sessions, "ada").override(it.ids.new(), "FIN_003", "Why not."))


def test_a_workflow_keeps_its_tasks_to_those_it_names() -> None:
    it = crew({"FIN_007": [submit("Done.")]})
    terms = Terms(agent="FIN_007", handoffs=("FIN_003",), approval=True)
    fold = run_task(it, terms)
    task = task_of(it, fold.session_id, "work")

    with pytest.raises(BadRequestError, match="to FIN_007, FIN_003 alone, and not to 'ANA_003'"):
        override(it, task, "ANA_003")
    override(it, task, "FIN_003")
    assert task_of(it, fold.session_id, "work").holder == "FIN_003"
