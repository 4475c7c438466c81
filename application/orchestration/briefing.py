"""Briefing: what a model is told, gathered from the fold and the organisation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from application.briefs import (
    AgentBrief,
    AssembleBrief,
    BidBrief,
    Brief,
    ConsiderBrief,
    DecomposeBrief,
    DepartmentBrief,
    ExecuteBrief,
    FileBrief,
    InterpretBrief,
    JudgeBrief,
    MonitorBrief,
    PresentBrief,
    RecoverBrief,
    ResultBrief,
    RouteBrief,
    ValidateBrief,
)
from application.directory import Directory
from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.budgeting import budget_of, is_last
from application.orchestration.deciding.setting import Setting
from application.orchestration.filling import filled_instruction, filled_terms
from application.orchestration.guarding import amended_start
from application.orchestration.handing_off import latest_handoff
from application.orchestration.outcomes import result_of, session_artefacts
from application.orchestration.placing import considered
from application.orchestration.procedures import NO_TERMS, children_of, procedure_of, surrounding
from application.orchestration.rights import handoffs_of, tools_of
from application.orchestration.supervising import latest_assessment, rounds_left
from application.ports import Toolbox
from domain.effect import ModelAnswer
from domain.planning import PlannedTask
from domain.session import Intent
from domain.task import Step, Task
from domain.workflow import Terms


class Briefing:
    """Writes the briefs of one session."""

    def __init__(
        self,
        fold: SessionFold,
        directory: Directory,
        toolbox: Toolbox,
        setting: Setting | None = None,
    ) -> None:
        self._fold = fold
        self._directory = directory
        self._toolbox = toolbox
        self._setting = setting or Setting.of(directory)

    def brief(self, purpose: str, task: Task, agent: str) -> Brief:
        """Write the brief of one model call."""
        # A table of its own methods would keep a briefing, and the session with it, until the
        # garbage collector finds them.
        write: Callable[[Task, str], Brief] = getattr(self, f"_{purpose}")
        return write(task, agent)

    def _interpret(self, task: Task, agent: str) -> InterpretBrief:
        return InterpretBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            files=self._files(),
            departments=self._departments(),
            steps=_steps(task, "interpret"),
        )

    def _decompose(self, task: Task, agent: str) -> DecomposeBrief:
        procedure, is_part = procedure_of(task, self._fold), task.assignment.parent_id is not None
        return DecomposeBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            intent=self._fold.session.intent,
            files=self._files(),
            departments=self._departments(),
            steps=_steps(task, "decompose"),
            task=self._planned(task) if is_part else None,
            team=self._agents(procedure.team if procedure else ()),
            dependencies=self._dependencies(task),
        )

    def _execute(self, task: Task, agent: str) -> ExecuteBrief:
        terms = filled_terms(task, self._fold)
        own = self._directory.agent(agent).capabilities
        tools = tools_of(task, own.tools, self._fold)
        limit = min(self._fold.session.charter.policy.max_iterations, own.max_reasoning_turns)
        planned, amended = self._planned(task), amended_start(task)
        if amended:
            planned = planned.model_copy(update={"instruction": amended["instruction"]})
            terms = terms.model_copy(update={"arguments": amended["arguments"]})
        steps = task.steps[task.begun_at_step :]
        asked = sum(1 for step in steps if step.purpose == "execute")
        return ExecuteBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            intent=self._fold.session.intent,
            task=planned,
            task_id=task.id,
            files=self._files(),
            dependencies=(*self._dependencies(task), *self._context(task, terms)),
            tools=self._toolbox.briefs(tools),
            steps=tuple(step for step in steps if step.purpose in ("execute", "")),
            terms=None if terms == NO_TERMS else terms,
            handoff=latest_handoff(task),
            handoffs=self._agents(h for h in handoffs_of(task, self._fold) if h != agent),
            last=asked >= limit - 1 or is_last(task, agent, "execute", self._fold, self._setting),
            budget=budget_of(agent, self._fold, self._setting),
        )

    def _present(self, task: Task, agent: str) -> PresentBrief:
        return PresentBrief(
            agent=self._agent(agent),
            request=self._fold.session.charter.request,
            intent=self._intent(),
            results=tuple(self._result(planned) for planned in self._fold.planned),
            artefacts=session_artefacts(self._fold),
            steps=_steps(task, "present"),
        )

    def _route(self, task: Task, agent: str) -> RouteBrief:
        procedure = surrounding(task, self._fold)
        return RouteBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            candidates=self._agents(considered(task, self._directory, procedure)),
            steps=_steps(task, "route"),
        )

    def _bid(self, task: Task, agent: str) -> BidBrief:
        return BidBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            steps=tuple(step for step in _steps(task, "bid") if step.agent == agent),
        )

    def _consider(self, task: Task, agent: str) -> ConsiderBrief:
        if task.handoff is None:
            raise LookupError(f"task {task.assignment.key!r} is not handed off")
        return ConsiderBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            handoff=task.handoff,
            steps=_steps(task, "consider"),
        )

    def _validate(self, task: Task, agent: str) -> ValidateBrief:
        handed_in = next(step for step in reversed(task.steps) if step.purpose == "execute")
        submission = isinstance(handed_in.answer, ModelAnswer) and answers.read_submission(
            handed_in.answer
        )
        if not submission:
            raise LookupError(f"task {task.assignment.key!r} has nothing to validate")
        return ValidateBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            result=result_of(submission, task),
            steps=_steps(task, "validate"),
        )

    def _judge(self, task: Task, agent: str) -> JudgeBrief:
        return JudgeBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            results=self._results(task),
            steps=_steps(task, "judge"),
        )

    def _assemble(self, task: Task, agent: str) -> AssembleBrief:
        return AssembleBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            results=self._results(task),
            steps=_steps(task, "assemble"),
        )

    def _monitor(self, task: Task, agent: str) -> MonitorBrief:
        return MonitorBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            results=self._results(task),
            rounds_left=rounds_left(task, self._fold),
            steps=_steps(task, "monitor"),
        )

    def _recover(self, task: Task, agent: str) -> RecoverBrief:
        procedure = procedure_of(task, self._fold)
        return RecoverBrief(
            agent=self._agent(agent),
            task=self._planned(task),
            results=self._results(task),
            assessment=latest_assessment(task),
            departments=self._departments(),
            team=self._agents(procedure.team if procedure else ()),
            steps=_steps(task, "recover"),
        )

    def _agents(self, handles: Iterable[str]) -> tuple[AgentBrief, ...]:
        return tuple(self._agent(handle) for handle in handles)

    def _results(self, task: Task) -> tuple[ResultBrief, ...]:
        return tuple(self._result(child) for child in children_of(task, self._fold))

    def _context(self, task: Task, terms: Terms) -> Iterator[ResultBrief]:
        """Tell of what the agents did by now whose work a task is told of."""
        for other in self._fold.tasks if terms.context_from else ():
            mine = other.id == task.id or other.id in task.assignment.depends_on
            if other.holder in terms.context_from and other.result is not None and not mine:
                yield self._result(other)

    def _dependencies(self, task: Task) -> tuple[ResultBrief, ...]:
        return tuple(
            self._result(self._fold.task(task_id)) for task_id in task.assignment.depends_on
        )

    def _agent(self, handle: str) -> AgentBrief:
        shared: dict[str, AgentBrief] = self._directory.derived.setdefault(AgentBrief, {})
        if handle not in shared:
            agent = self._directory.agent(handle)
            shared[handle] = AgentBrief(
                handle=handle,
                display_name=agent.identity.display_name,
                description=agent.capabilities.description,
                skills=agent.capabilities.skills,
                tools=agent.capabilities.tools,
            )
        return shared[handle]

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
        assignment = task.assignment
        keys = {task_id: key for key, task_id in self._keys_beside(task).items()}
        return PlannedTask(
            key=assignment.key,
            title=assignment.title,
            instruction=filled_instruction(task, self._fold),
            department=assignment.department,
            skills=assignment.skills,
            depends_on=tuple(keys[task_id] for task_id in assignment.depends_on),
        )

    def _keys_beside(self, task: Task) -> dict[str, UUID]:
        parent_id = task.assignment.parent_id
        return {} if parent_id is None else self._fold.task(parent_id).task_ids

    @staticmethod
    def _result(task: Task) -> ResultBrief:
        return ResultBrief(
            key=task.assignment.key,
            title=task.assignment.title,
            agent=task.holder,
            result=task.result,
            failure=task.failure.message if task.failure else None,
            found=task.failure.found if task.failure else "",
        )


def _steps(task: Task, purpose: str) -> tuple[Step, ...]:
    """List what was asked for a purpose since the work began."""
    return tuple(step for step in task.steps[task.begun_at_step :] if step.purpose == purpose)
