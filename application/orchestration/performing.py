"""Performing: carry decided commands out on the aggregates of a session."""

from __future__ import annotations

from functools import singledispatchmethod
from uuid import UUID

from application.directory import Directory
from application.fold import SessionFold
from application.orchestration import commands as do
from application.orchestration.journal import Collector
from application.orchestration.outcomes import session_artefacts
from application.orchestration.placing import place
from domain.agent import Level
from domain.conversation import USER, Turn
from domain.decision import Delegation
from domain.effect import Failure, FailureKind, ToolCall
from domain.planning import PlannedTask
from domain.routing import Ground
from domain.task import Assignment, Result, Task


class Performer:
    """Turns commands into events; effects are only announced here, others perform them."""

    def __init__(self, fold: SessionFold, directory: Directory, journal: Collector) -> None:
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
        self._call_tool(task, command.call, command.agent, self._journal.new_id())

    @perform.register
    def _(self, command: do.RepeatEffect) -> None:
        task = self._fold.task(command.task_id)
        effect = command.effect
        if effect.call is None:
            self._call_model(task, effect.purpose, effect.agent, effect.effect_id)
        else:
            self._call_tool(task, effect.call, effect.agent, effect.effect_id)

    @perform.register
    def _(self, command: do.ResumeSession) -> None:
        self._fold.session.resume(command.effect_ids, self._journal.now())
        self._journal.collect(self._fold.session, self._directory.personal.handle)

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
        self._create_tasks()

    @perform.register
    def _(self, command: do.CreateTasks) -> None:
        del command
        self._create_tasks()

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
        root = self._fold.root
        if not root.ended:
            failure = Failure(kind=FailureKind.UNABLE, message=command.reason)
            root.fail(failure, self._journal.now())
            self._journal.collect(root, root.holder)
        self._say(command.reason, None)
        self._fold.session.decline(command.reason, self._journal.now())
        self._journal.collect(self._fold.session, self._directory.personal.handle)

    @perform.register
    def _(self, command: do.CancelSession) -> None:
        cancel(self._fold, self._journal, command.reason)

    @perform.register
    def _(self, command: do.EndSession) -> None:
        artefacts = session_artefacts(self._fold)
        root, session = self._fold.root, self._fold.session
        if not root.ended:
            if command.failure is None:
                root.complete(self._root_result(command.answer), self._journal.now())
            else:
                root.fail(command.failure, self._journal.now())
            self._journal.collect(root, root.holder)
        self._say(command.answer, command.model)
        if command.failure is None:
            session.complete(command.answer, artefacts, self._journal.now())
        else:
            session.fail(command.failure, command.answer, artefacts, self._journal.now())
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

    def _call_tool(self, task: Task, call: ToolCall, agent: str, effect_id: UUID) -> None:
        task.call_tool(effect_id, call, agent, self._journal.now())
        self._journal.collect(task, agent)
        if not self._directory.agent(agent).capabilities.may_use(call.tool):
            message = f"{agent} is not authorised to use the tool {call.tool!r}."
            failure = Failure(kind=FailureKind.NOT_ALLOWED, message=message)
            task.fail_tool(effect_id, failure, self._journal.now())
            self._journal.collect(task, agent)

    def _create_tasks(self) -> None:
        """Create the tasks of the plan that do not exist yet."""
        root = self._fold.root
        for planned in root.plan.tasks if root.plan else ():
            if not self._fold.has(root.task_ids[planned.key]):
                self._create(planned, root.task_ids)

    def _create(self, planned: PlannedTask, task_ids: dict[str, UUID]) -> None:
        root = self._fold.root
        assignment = Assignment(
            session_id=self._fold.session_id,
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
        turns = self._fold.conversation.turns
        if turns and (turns[-1].speaker, turns[-1].text) == (speaker, text):
            return  # the history broke off right behind it
        turn = Turn(turn_id=self._journal.new_id(), speaker=speaker, text=text, model=model)
        self._fold.conversation.take_turn(turn, self._journal.now())
        self._journal.collect(self._fold.conversation, speaker)


def cancel(fold: SessionFold, journal: Collector, reason: str) -> None:
    """Stop a session and all of its tasks that have not ended, because the user said so."""
    for task in fold.tasks:
        if not task.ended:
            task.cancel(reason, journal.now())
            journal.collect(task, USER)
    fold.session.cancel(reason, journal.now())
    journal.collect(fold.session, USER)


MODEL_ROLES = {
    Level.PERSONAL: "personal",
    Level.ORCHESTRATOR: "orchestrator",
    Level.DIRECTOR: "orchestrator",
    Level.SPECIALIST: "specialist",
}
"""Which of the charter's models thinks for an agent of each level."""
