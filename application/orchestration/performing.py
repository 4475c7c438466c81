"""Performing: carry decided commands out on the aggregates of a session."""

from __future__ import annotations

from functools import singledispatchmethod
from uuid import UUID

from application.directory import Directory
from application.fold import SessionFold
from application.orchestration import commands as do
from application.orchestration.journal import Journal
from application.orchestration.outcomes import session_artefacts
from application.orchestration.placing import place
from domain.agent import Level
from domain.conversation import Turn
from domain.decision import Delegation
from domain.effect import Failure, FailureKind
from domain.planning import PlannedTask
from domain.routing import Ground
from domain.task import Assignment, Result, Task


class Performer:
    """Turns commands into events; effects are only announced here, others perform them."""

    def __init__(self, fold: SessionFold, directory: Directory, journal: Journal) -> None:
        self._fold = fold
        self._directory = directory
        self._journal = journal

    @singledispatchmethod
    def perform(self, command: do.Command) -> None:
        """Carry a command out."""
        raise NotImplementedError(f"no way is known to perform {command!r}")

    @perform.register
    def _(self, command: do.AskModel) -> None:
        self._call_model(self._fold.task(command.task_id), command.purpose, command.agent)

    @perform.register
    def _(self, command: do.UseTool) -> None:
        task = self._fold.task(command.task_id)
        effect_id = self._journal.new_id()
        task.call_tool(effect_id, command.call, command.agent, self._journal.now())
        if not self._directory.agent(command.agent).capabilities.may_use(command.call.tool):
            message = f"{command.agent} is not authorised to use the tool {command.call.tool!r}."
            failure = Failure(kind=FailureKind.NOT_ALLOWED, message=message)
            task.fail_tool(effect_id, failure, self._journal.now())
        self._journal.collect(task, command.agent)

    @perform.register
    def _(self, command: do.RepeatEffect) -> None:
        task = self._fold.task(command.task_id)
        effect = command.effect
        if effect.call is None:
            self._call_model(task, effect.purpose, effect.agent, effect.effect_id)
        else:
            task.call_tool(effect.effect_id, effect.call, effect.agent, self._journal.now())
            self._journal.collect(task, effect.agent)

    @perform.register
    def _(self, command: do.RejectAnswer) -> None:
        task = self._fold.task(command.task_id)
        task.reject_answer(command.effect_id, command.reason, self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.RecordIntent) -> None:
        self._fold.session.interpret(command.intent, self._journal.now())
        self._journal.collect(self._fold.session, self._directory.personal.handle)

    @perform.register
    def _(self, command: do.AdoptPlan) -> None:
        root = self._fold.root
        task_ids = {planned.key: self._journal.new_id() for planned in command.plan.tasks}
        root.decompose(command.plan, task_ids, self._journal.now())
        self._journal.collect(root, root.holder)
        for planned in command.plan.tasks:
            self._create(planned, task_ids)

    @perform.register
    def _(self, command: do.PlaceTask) -> None:
        task = self._fold.task(command.task_id)
        policy = self._fold.session.charter.policy
        ground = Ground(
            decision_id=self._journal.new_id(),
            policy_version=policy.version,
            threshold=policy.confidence_threshold,
            knowledge_position=self._directory.position,
        )
        decision = place(task, self._directory, ground)
        holder = task.holder
        if decision.chosen is None:
            task.leave_unplaced(decision, self._journal.now())
        else:
            delegation = Delegation(
                delegation_id=self._journal.new_id(),
                from_agent=holder,
                to_agent=decision.chosen,
                decision=decision,
            )
            task.delegate(delegation, self._journal.now())
        self._journal.collect(task, holder)

    @perform.register
    def _(self, command: do.StartTask) -> None:
        task = self._fold.task(command.task_id)
        task.start(self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.CompleteTask) -> None:
        task = self._fold.task(command.task_id)
        task.complete(command.result, self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.FailTask) -> None:
        task = self._fold.task(command.task_id)
        task.fail(command.failure, self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.DeclineSession) -> None:
        self._fold.root.fail(
            Failure(kind=FailureKind.UNABLE, message=command.reason), self._journal.now()
        )
        self._journal.collect(self._fold.root, self._fold.root.holder)
        self._say(command.reason, None)
        self._fold.session.decline(command.reason, self._journal.now())
        self._journal.collect(self._fold.session, self._directory.personal.handle)

    @perform.register
    def _(self, command: do.EndSession) -> None:
        artefacts = session_artefacts(self._fold)
        now = self._journal.now()
        root, session = self._fold.root, self._fold.session
        if command.failure is None:
            root.complete(self._root_result(command.answer), now)
        else:
            root.fail(command.failure, now)
        self._journal.collect(root, root.holder)
        self._say(command.answer, command.model)
        if command.failure is None:
            session.complete(command.answer, artefacts, now)
        else:
            session.fail(command.failure, command.answer, artefacts, now)
        self._journal.collect(session, self._directory.personal.handle)

    def _call_model(
        self, task: Task, purpose: str, agent: str, effect_id: UUID | None = None
    ) -> None:
        level = self._directory.agent(agent).post.level
        model = self._fold.session.charter.models[MODEL_ROLES[level]]
        task.call_model(
            effect_id or self._journal.new_id(), purpose, model, agent, self._journal.now()
        )
        self._journal.collect(task, agent)

    def _create(self, planned: PlannedTask, task_ids: dict[str, UUID]) -> None:
        root = self._fold.root
        assignment = Assignment(
            session_id=self._fold.session.id,
            parent_id=root.id,
            key=planned.key,
            title=planned.title,
            instruction=planned.instruction,
            department=planned.department,
            skills=planned.skills,
            depends_on=tuple(task_ids[key] for key in planned.depends_on),
        )
        task = Task.create(task_ids[planned.key], assignment, root.holder, self._journal.now())
        self._fold.hold(task)
        self._journal.collect(task, root.holder)

    def _root_result(self, answer: str) -> Result:
        return Result(summary=answer, artefacts=session_artefacts(self._fold))

    def _say(self, text: str, model: str | None) -> None:
        speaker = self._directory.personal.handle
        turn = Turn(turn_id=self._journal.new_id(), speaker=speaker, text=text, model=model)
        self._fold.conversation.take_turn(turn, self._journal.now())
        self._journal.collect(self._fold.conversation, speaker)


MODEL_ROLES = {
    Level.PERSONAL: "personal",
    Level.ORCHESTRATOR: "orchestrator",
    Level.DIRECTOR: "orchestrator",
    Level.SPECIALIST: "specialist",
}
"""Which of the charter's models thinks for an agent of each level."""
