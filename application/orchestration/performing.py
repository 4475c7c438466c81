"""Performing: carry decided commands out on the aggregates of a session."""

from __future__ import annotations

from datetime import timedelta
from functools import partial, singledispatchmethod
from uuid import UUID

from application.directory import Directory
from application.fold import SessionFold
from application.orchestration import commands as do
from application.orchestration.approving import as_known, asks_about, is_asked
from application.orchestration.consulted import instruction_of, with_what_is_known
from application.orchestration.journal import Collector
from application.orchestration.matched import matching_of
from application.orchestration.outcomes import salvaged_artefacts, session_artefacts
from application.orchestration.placing import Placement, evidence_wanted, place
from application.orchestration.procedures import placed_with, surrounding, terms_of
from application.orchestration.recovering import model_of
from application.orchestration.rights import tools_of
from application.routing.gathering import NOTHING_GATHERED, Gatherer
from domain.agent import Level
from domain.approval import Approval
from domain.conversation import USER, Turn
from domain.decision import Decision, Delegation
from domain.effect import Failure, FailureKind, ToolCall
from domain.handoff import Handoff
from domain.planning import PlannedTask
from domain.routing import NO_EVIDENCE, Evidence, Ground
from domain.task import Assignment, Result, Task


class Performer:
    """Turns commands into events; effects are only announced here, others perform them.

    Args:
        gatherer: gathers what decisions draw on from outside, where that is not recorded yet.
    """

    def __init__(
        self,
        fold: SessionFold,
        directory: Directory,
        journal: Collector,
        gatherer: Gatherer = NOTHING_GATHERED,
    ) -> None:
        self._fold = fold
        self._directory = directory
        self._journal = journal
        self._gatherer = gatherer

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
        task = self._fold.task(command.task_id)
        task_ids = {planned.key: self._journal.new_id() for planned in command.plan.tasks}
        task.decompose(command.plan, task_ids, self._journal.now())
        self._journal.collect(task, task.holder)
        self._create_tasks(task)

    @perform.register
    def _(self, command: do.ExtendPlan) -> None:
        task = self._fold.task(command.task_id)
        task_ids = {planned.key: self._journal.new_id() for planned in command.plan.tasks}
        task.extend(command.plan, task_ids, self._journal.now())
        self._journal.collect(task, task.holder)
        self._create_tasks(task)

    @perform.register
    def _(self, command: do.CreateTasks) -> None:
        self._create_tasks(self._fold.task(command.task_id))

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
        placement = Placement(
            task,
            self._directory,
            surrounding(task, self._fold),
            placed_with(task, self._fold, self._directory.orchestrator.handle),
            policy.routing,
            instruction_of(task, self._fold),
            matching_of(task, self._fold, self._directory.orchestrator.handle),
        )
        decision = place(placement, ground, self._evidence(placement))
        asked = asks_about(decision, task, self._fold)
        if asked is not None:
            self.perform(asked)
        else:
            self._follow(task, decision)

    @perform.register
    def _(self, command: do.FollowDecision) -> None:
        decision = as_known(command.decision, self._directory)
        decision = decision.model_copy(update={"decision_id": self._journal.new_id()})
        self._follow(self._fold.task(command.task_id), decision)

    @perform.register
    def _(self, command: do.RequestApproval) -> None:
        request = command.request
        if is_asked(request, self._fold):
            return  # another task asked the same just now
        approval_id, now = self._journal.new_id(), self._journal.now()
        if command.timeout_s is not None:
            expires_at = now + timedelta(seconds=command.timeout_s)
            request = request.model_copy(update={"expires_at": expires_at})
        approval = Approval.ask(approval_id, request, now)
        self._fold.hold(approval)
        self._journal.collect(approval, request.agent)

    @perform.register
    def _(self, command: do.RefuseCall) -> None:
        task, effect_id = self._fold.task(command.task_id), self._journal.new_id()
        task.call_tool(effect_id, command.call, command.agent, self._journal.now())
        self._journal.collect(task, command.agent)
        task.fail_tool(effect_id, command.failure, self._journal.now())
        self._journal.collect(task, command.agent)

    @perform.register
    def _(self, command: do.TripGuardrail) -> None:
        task = self._fold.task(command.task_id)
        task.trip(command.trip, self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.RequestHandoff) -> None:
        task, wish = self._fold.task(command.task_id), command.wish
        handoff = Handoff(
            handoff_id=self._journal.new_id(),
            effect_id=command.effect_id,
            from_agent=task.holder,
            to_agent=wish.target,
            request=wish.request,
            context=wish.context,
            priority=wish.priority,
        )
        task.request_handoff(handoff, self._journal.now())
        self._journal.collect(task, handoff.from_agent)

    @perform.register
    def _(self, command: do.AcceptHandoff) -> None:
        task = self._fold.task(command.task_id)
        if task.handoff is not None:
            by = task.handoff.to_agent
            task.accept_handoff(task.handoff.handoff_id, command.reason, self._journal.now())
            self._journal.collect(task, by)

    @perform.register
    def _(self, command: do.RejectHandoff) -> None:
        task = self._fold.task(command.task_id)
        if task.handoff is not None:
            by = task.handoff.to_agent
            task.reject_handoff(task.handoff.handoff_id, command.reason, self._journal.now())
            self._journal.collect(task, by)

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
    def _(self, command: do.SkipTask) -> None:
        task = self._fold.task(command.task_id)
        default = Result(
            summary=f"Skipped: {command.failure.message}",
            data=terms_of(task, self._fold).default or {},
        )
        task.skip(command.failure, default, self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.ReopenTask) -> None:
        task = self._fold.task(command.task_id)
        holder = task.holder
        task.reopen(command.failure, command.holder, self._journal.now())
        self._journal.collect(task, holder)

    @perform.register
    def _(self, command: do.CountVotes) -> None:
        task = self._fold.task(command.task_id)
        task.count_votes(command.tally, self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.TransitionTask) -> None:
        task = self._fold.task(command.task_id)
        task.transition(command.transition, self._journal.now())
        self._journal.collect(task, command.agent)

    @perform.register
    def _(self, command: do.JudgeResults) -> None:
        task = self._fold.task(command.task_id)
        task.judge(command.judgement, self._journal.now())
        self._journal.collect(task, command.judgement.judge)

    @perform.register
    def _(self, command: do.ChooseRecovery) -> None:
        task = self._fold.task(command.task_id)
        task.choose_recovery(command.recovery, self._journal.now())
        self._journal.collect(task, task.holder)

    @perform.register
    def _(self, command: do.RecordOverrun) -> None:
        task = self._fold.task(command.task_id)
        task.exceed_budget(command.overrun, self._journal.now())
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
        gather = session_artefacts if command.failure is None else salvaged_artefacts
        artefacts = gather(self._fold)
        root, session = self._fold.root, self._fold.session
        if not root.ended:
            if command.failure is None:
                result = Result(summary=command.answer, data=command.data, artefacts=artefacts)
                root.complete(result, self._journal.now())
            else:
                root.fail(command.failure, self._journal.now())
            self._journal.collect(root, root.holder)
        self._say(command.answer, command.model)
        if command.failure is None:
            session.complete(command.answer, artefacts, self._journal.now())
        else:
            session.fail(command.failure, command.answer, artefacts, self._journal.now())
        self._journal.collect(session, self._directory.personal.handle)

    def _evidence(self, placement: Placement) -> Evidence:
        """Gather what a decision on a task draws on, beside the organisation."""
        evidence, wanted = NO_EVIDENCE, evidence_wanted(placement)
        if wanted is not None:
            evidence = self._journal.evidence(partial(self._gatherer.gather, wanted))
        return with_what_is_known(placement, self._fold, evidence)

    def _follow(self, task: Task, decision: Decision) -> None:
        """Pass a task on as was decided, or leave it unplaced."""
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

    def _call_model(
        self, task: Task, purpose: str, agent: str, effect_id: UUID | None = None
    ) -> None:
        level = self._directory.agent(agent).post.level
        model = (
            terms_of(task, self._fold).model
            or self._fold.session.charter.models[MODEL_ROLES[level]]
        )
        model = model_of(task, agent, task.pending.get(effect_id) if effect_id else None, model)
        task.call_model(
            effect_id or self._journal.new_id(), purpose, model, agent, self._journal.now()
        )
        self._journal.collect(task, agent)

    def _call_tool(self, task: Task, call: ToolCall, agent: str, effect_id: UUID) -> None:
        task.call_tool(effect_id, call, agent, self._journal.now())
        self._journal.collect(task, agent)
        own = self._directory.agent(agent).capabilities.tools
        if call.tool not in tools_of(task, own, self._fold):
            where = " on this task" if call.tool in own else ""
            message = f"{agent} is not authorised to use the tool {call.tool!r}{where}."
            failure = Failure(kind=FailureKind.NOT_ALLOWED, message=message)
            task.fail_tool(effect_id, failure, self._journal.now())
            self._journal.collect(task, agent)

    def _create_tasks(self, parent: Task) -> None:
        """Create the tasks of a plan that do not exist yet."""
        for planned in parent.plan.tasks if parent.plan else ():
            if not self._fold.has(parent.task_ids[planned.key]):
                self._create(planned, parent)

    def _create(self, planned: PlannedTask, parent: Task) -> None:
        task_ids = parent.task_ids
        assignment = Assignment(
            session_id=self._fold.session_id,
            parent_id=parent.id,
            key=planned.key,
            title=planned.title,
            instruction=planned.instruction,
            department=planned.department,
            skills=planned.skills,
            depends_on=tuple(task_ids[key] for key in planned.depends_on),
        )
        now = self._journal.now()
        task = Task.create(task_ids[planned.key], assignment, parent.holder, now)
        self._fold.hold(task)
        self._journal.collect(task, parent.holder)

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
