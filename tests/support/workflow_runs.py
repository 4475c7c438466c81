"""Workflow runs: one task under given terms, done by agents that follow a script of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from application.briefs import SUBMIT_VERDICT, ExecuteBrief
from application.errors import EffectError
from application.fold import SessionFold
from application.ports import ModelRequest
from domain.effect import Failure, ModelAnswer
from domain.planning import PlannedTask
from domain.policy import Policy
from domain.task import Task
from domain.workflow import Procedure, Terms, Workflow
from tests.support.office import IMPATIENT, Office, charter
from tests.support.scripted import Replies, ScriptedModel, answer, call

TASK = PlannedTask(key="work", title="Work", instruction="Pay by card 4111 1111 1111 1111.")


class ScriptedAgents(ScriptedModel):
    """Answers by the handle of the agent that works, and by purpose for all else."""

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call; see the port."""
        brief = request.brief
        self.requests.append(request)
        key = brief.agent.handle if isinstance(brief, ExecuteBrief) else brief.purpose
        replies = self.script[key]
        number = sum(1 for step in brief.steps if step.purpose)
        reply: Any = replies[min(number, len(replies) - 1)]
        if isinstance(reply, Failure):
            raise EffectError(reply)
        assert isinstance(reply, ModelAnswer)
        return reply


def verdict(reason: str, *, accepted: bool) -> ModelAnswer:
    """Answer with a verdict."""
    return answer(call(SUBMIT_VERDICT, accepted=accepted, reason=reason))


def workflow_of(terms: Terms, task: PlannedTask = TASK) -> Workflow:
    """Make a workflow of one task."""
    procedure = Procedure(pattern="single", tasks=(task,), terms={task.key: terms})
    return Workflow(name="test", procedure=procedure)


def crew(script: Mapping[str, Replies]) -> Office:
    """Open an office whose agents follow the script."""
    return Office(model=ScriptedAgents(script))


def run_task(it: Office, terms: Terms, policy: Policy = IMPATIENT) -> SessionFold:
    """Run a workflow of one task under the terms."""
    opened = charter(policy=policy).model_copy(update={"workflow": workflow_of(terms)})
    return asyncio.run(it.sessions.run(opened, it.heard.append))


def the_task(fold: SessionFold) -> Task:
    """Give the one task of the workflow."""
    return next(task for task in fold.tasks if task.assignment.key == TASK.key)
