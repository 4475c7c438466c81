"""Overriding: a human gives a task to another agent, whatever was decided before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from application.errors import BadRequestError, ConflictError, NotFoundError
from application.fold import SessionFold
from application.orchestration.approving import HUMAN, as_known
from application.orchestration.journal import Journal
from application.orchestration.procedures import procedure_of, surrounding, terms_of
from application.sessions import Sessions
from domain.agent import Level
from domain.decision import Decision, Delegation
from domain.effect import Failure, FailureKind
from domain.session import SessionStatus
from domain.task import Task, TaskStatus


@dataclass(frozen=True, slots=True)
class Overriding:
    """Gives tasks to other agents.

    Attributes:
        actor: who does so.
    """

    sessions: Sessions
    actor: str

    async def override(
        self, task_id: UUID, agent: str, reason: str, *, session_id: UUID | None = None
    ) -> SessionFold:
        """Give a task that has not ended to another specialist, who begins it anew.

        A process that runs the session stops first, and what it has in flight for the task is given
        up; workers, or whoever resumes the session, go on with it.

        Args:
            session_id: the session in which to do so, such as a fork; the one that the task was
                recorded in by default.

        Raises:
            NotFoundError: there is no such task.
            BadRequestError: there is no reason, or the agent is none that could do it.
            ConflictError: the task, or the session, has ended, or the process that runs it has not
                stopped in time.
        """
        if not reason.strip():
            raise BadRequestError("The reason is empty; say why, because it is recorded for ever.")
        sessions = self.sessions
        session = await asyncio.to_thread(self._session_of, task_id, session_id)
        await sessions.stop(session)
        async with sessions.held(session):
            fold = await asyncio.to_thread(sessions.take_up, session)
            task = _overridable(task_id, agent, fold)
            directory = await sessions.directories.at(fold.opened_position)
            member = directory.agents.get(agent)
            if member is None or not member.active or member.post.level is not Level.SPECIALIST:
                raise BadRequestError(
                    f"{agent!r} is no active specialist of this session: `hansard agents` lists"
                    " them."
                )
            said = f"{self.actor} gives it to {agent} in place of {task.holder}: {reason}"
            journal = sessions.journal(fold, lambda _: None)
            self._take_away(task, said, journal)
            decision = Decision(
                decision_id=journal.new_id(),
                strategy=HUMAN,
                policy_version=fold.session.charter.policy.version,
                candidates=(),
                chosen=agent,
                confidence=1.0,
                reason=said,
                knowledge_position=directory.position,
            )
            delegation = Delegation(
                delegation_id=journal.new_id(),
                from_agent=task.holder,
                to_agent=agent,
                decision=as_known(decision, directory),
            )
            task.delegate(delegation, journal.now())
            journal.collect(task, self.actor)
            await journal.flush()
        return fold

    def _take_away(self, task: Task, said: str, journal: Journal) -> None:
        """Give up what is in flight, and let the work begin anew."""
        failure = Failure(kind=FailureKind.CANCELLED, message=said)
        for effect in [*task.pending.values()]:
            if effect.failed:  # it waits for its next attempt, which nobody makes any more
                task.call_model(
                    effect.effect_id, effect.purpose, effect.model, effect.agent, journal.now()
                )
                journal.collect(task, effect.agent)
            if effect.call is None:
                task.fail_model(effect.effect_id, failure, journal.now(), final=True)
            else:
                task.fail_tool(effect.effect_id, failure, journal.now())
            journal.collect(task, effect.agent)
        if task.status is not TaskStatus.OPEN or task.unplaced is not None:
            task.reopen(failure, task.holder, journal.now())
            journal.collect(task, self.actor)

    def _session_of(self, task_id: UUID, session_id: UUID | None) -> UUID:
        if session_id is not None:
            self.sessions.require(session_id)
            return session_id
        for recorded in self.sessions.log.read(stream=task_id, limit=1):
            if isinstance(recorded.event, Task.Created) and recorded.session_id is not None:
                return recorded.session_id
        raise NotFoundError("task", task_id, "`hansard tasks SESSION` lists those of a session.")


def _overridable(task_id: UUID, agent: str, fold: SessionFold) -> Task:
    if not fold.has(task_id):
        raise NotFoundError("task", task_id, "`hansard tasks SESSION` lists those of a session.")
    task = fold.task(task_id)
    key = task.assignment.key
    if fold.session.status is not SessionStatus.RUNNING or task.ended:
        raise ConflictError(f"Task {key!r} has ended already: {task.status.value}.")
    if procedure_of(task, fold) is not None:
        raise BadRequestError(f"Task {key!r} is done by several: override one of its own tasks.")
    if task.holder == agent:
        raise ConflictError(f"Task {key!r} lies with {agent!r} already.")
    terms = terms_of(task, fold)
    allowed = surrounding(task, fold).team
    if terms.agent is not None:
        allowed = (terms.agent, *terms.handoffs)
    if allowed and agent not in allowed:
        raise BadRequestError(
            f"The workflow gives task {key!r} to {', '.join(allowed)} alone, and not to {agent!r}."
        )
    return task
