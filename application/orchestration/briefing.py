"""Briefing: what a model is told, gathered from the fold and the organisation."""

from __future__ import annotations

from application.briefs import (
    AgentBrief,
    Brief,
    DecomposeBrief,
    DepartmentBrief,
    ExecuteBrief,
    FileBrief,
    InterpretBrief,
    PresentBrief,
    ResultBrief,
)
from application.directory import Directory
from application.fold import SessionFold
from application.orchestration.outcomes import session_artefacts
from application.ports import Toolbox
from domain.planning import PlannedTask
from domain.session import Intent
from domain.task import Task


class Briefing:
    """Writes the briefs of one session."""

    def __init__(self, fold: SessionFold, directory: Directory, toolbox: Toolbox) -> None:
        self._fold = fold
        self._directory = directory
        self._toolbox = toolbox

    def brief(self, purpose: str, task: Task, agent: str) -> Brief:
        """Write the brief of one model call."""
        if purpose == "interpret":
            return self._interpret(task, agent)
        if purpose == "decompose":
            return self._decompose(task, agent)
        if purpose == "present":
            return self._present(task, agent)
        return self._execute(task, agent)

    def _interpret(self, task: Task, agent: str) -> InterpretBrief:
        return InterpretBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            files=self._files(),
            departments=self._departments(),
            steps=tuple(step for step in task.steps if step.purpose == "interpret"),
        )

    def _decompose(self, task: Task, agent: str) -> DecomposeBrief:
        return DecomposeBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            intent=self._intent(),
            files=self._files(),
            departments=self._departments(),
            steps=tuple(step for step in task.steps if step.purpose == "decompose"),
        )

    def _execute(self, task: Task, agent: str) -> ExecuteBrief:
        asked = sum(1 for step in task.steps if step.purpose)
        limit = min(
            self._fold.session.charter.policy.max_iterations,
            self._directory.agent(agent).capabilities.max_reasoning_turns,
        )
        return ExecuteBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            intent=self._intent(),
            task=self._planned(task),
            task_id=task.id,
            files=self._files(),
            dependencies=tuple(
                self._result(self._fold.task(task_id)) for task_id in task.assignment.depends_on
            ),
            tools=self._toolbox.briefs(self._directory.agent(agent).capabilities.tools),
            steps=tuple(task.steps),
            last=asked >= limit - 1,
        )

    def _present(self, task: Task, agent: str) -> PresentBrief:
        return PresentBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            intent=self._intent(),
            results=tuple(self._result(planned) for planned in self._fold.planned),
            artefacts=session_artefacts(self._fold),
            steps=tuple(step for step in task.steps if step.purpose == "present"),
        )

    def _agent(self, handle: str) -> AgentBrief:
        agent = self._directory.agent(handle)
        return AgentBrief(
            handle=handle,
            display_name=agent.identity.display_name,
            description=agent.capabilities.description,
            skills=agent.capabilities.skills,
            tools=agent.capabilities.tools,
        )

    def _intent(self) -> Intent:
        intent = self._fold.session.intent
        if intent is None:
            raise LookupError("the request was not interpreted yet")
        return intent

    def _files(self) -> tuple[FileBrief, ...]:
        files = self._fold.session.charter.input_files
        return tuple(
            FileBrief(name=file.name, size=file.size, sha256=file.sha256) for file in files
        )

    def _departments(self) -> tuple[DepartmentBrief, ...]:
        return tuple(
            DepartmentBrief(
                key=department.key,
                label=department.label,
                skills=self._directory.skills_of(department.key),
            )
            for department in self._directory.departments
        )

    def _planned(self, task: Task) -> PlannedTask:
        plan = self._fold.root.plan
        planned = (
            next((planned for planned in plan.tasks if planned.key == task.assignment.key), None)
            if plan
            else None
        )
        if planned is None:
            raise LookupError(f"task {task.assignment.key!r} stands in no plan")
        return planned

    @staticmethod
    def _result(task: Task) -> ResultBrief:
        return ResultBrief(
            key=task.assignment.key,
            title=task.assignment.title,
            agent=task.holder,
            result=task.result,
            failure=task.failure.message if task.failure else None,
        )
