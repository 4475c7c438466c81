"""Stories: what happens in sessions of the whole organisation, by chance, and in due proportion."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from application.registration import Member, Roster
from benchmarks.templates import Recording, Template
from domain.agent import Level
from domain.conversation import USER, Conversation, Turn
from domain.decision import Candidate, Decision, Delegation
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall
from domain.planning import Plan, PlannedTask
from domain.policy import Policy
from domain.session import Charter, Intent, Session
from domain.task import Assignment, Result, Task

NOVA, MASTERMIND = "NOVA_001", "MM_001"
CHEAP, STRONG = "claude-haiku-4-5", "claude-sonnet-4-5"
MODELS = {"personal": CHEAP, "orchestrator": STRONG, "specialist": STRONG}
TOOLS = ("query_table", "profile_table", "evaluate_expression", "read_file", "draw_chart")
RETRIED = (FailureKind.OVERLOADED, FailureKind.RATE_LIMITED, FailureKind.TIMED_OUT)
TOOL_FAILURES = (FailureKind.BAD_INPUT, FailureKind.NOT_FOUND, FailureKind.TIMED_OUT)
TABLE: Any = {
    "columns": ["region", "entries", "revenue"],
    "rows": [[f"region {number}", 28 + number, 3141.5 * number] for number in range(1, 13)],
}

RETRY, REJECTION, TOOL_FAILURE, TASK_FAILURE = 0.03, 0.03, 0.05, 0.03
UNPLACED, DECLINED, CANCELLED, RESUMED, SECOND_TURN = 0.01, 0.03, 0.02, 0.02, 0.2
"""How often things happen: once in so many calls, tasks or sessions."""


@dataclass(frozen=True)
class Staff:
    """Who there is to do the work.

    Attributes:
        ids: agent id by handle.
    """

    ids: Mapping[str, UUID]
    directors: Mapping[str, str]
    specialists: Mapping[str, Sequence[Member]]

    @classmethod
    def of(cls, roster: Roster, ids: Mapping[str, UUID]) -> Staff:
        """Take the staff from a roster."""
        return cls(
            ids,
            {department.key: department.director for department in roster.departments},
            {
                department.key: [
                    member
                    for member in roster.members
                    if member.post.level is Level.SPECIALIST
                    and member.post.department == department.key
                ]
                for department in roster.departments
            },
        )

    def department(self, chance: random.Random) -> str:
        """Draw a department; the first have more to do than the last."""
        keys = [key for key in self.directors if self.specialists[key]]
        return chance.choices(keys, [1 / rank for rank in range(1, len(keys) + 1)])[0]

    def ranking(self, department: str, chance: random.Random) -> list[str]:
        """Rank the specialists of a department; who stands first on the roster often wins."""
        members = self.specialists[department]
        weight = {m.handle: chance.random() ** rank for rank, m in enumerate(members, start=1)}
        return sorted(weight, key=lambda handle: (-weight[handle], handle))


def tell(staff: Staff, chance: random.Random) -> Template:
    """Tell one session from the first word to the end."""
    story = Story(staff, Recording(chance))
    story.tell()
    return story.recording.finish(story.session.id)


class Story:
    """One session."""

    def __init__(self, staff: Staff, recording: Recording) -> None:
        self.recording = recording
        self._staff = staff
        self._chance = recording.chance
        new, now = recording.new, recording.now()
        session_id, root_id, conversation_id = new(), new(), new()
        request = recording.text(1)
        charter = Charter(
            request=request,
            input_files=(),
            output_folder="/srv/reports/out",
            models=MODELS,
            policy=Policy(),
        )
        self.session = Session.open(session_id, charter, root_id, conversation_id, now)
        self._conversation = Conversation.start(conversation_id, session_id, (USER, NOVA), now)
        self._conversation.take_turn(Turn(turn_id=new(), speaker=USER, text=request), now)
        self._root = self._create(root_id, None, "request", NOVA, None)
        recording.record(USER, self.session, self._conversation)
        recording.record(NOVA, self._root)

    def tell(self) -> None:
        """Let Nova understand, MasterMind plan, specialists work, and Nova answer."""
        self._ask(self._root, NOVA, "interpret", CHEAP, 900)
        declined = self._chance.random() < DECLINED
        self.session.interpret(
            Intent(goal=self.recording.text(1), servable=not declined), self.recording.now()
        )
        self.recording.record(NOVA, self.session)
        if declined:
            self._root.fail(self._failure(FailureKind.UNABLE), self.recording.now())
            self.session.decline(self.recording.text(1), self.recording.now())
            self.recording.record(NOVA, self._root, self.session)
            return
        self._delegate(self._root, MASTERMIND, [MASTERMIND], "hierarchy")
        self._ask(self._root, MASTERMIND, "decompose", STRONG, 4000)
        tasks = self._decompose()
        self._resume_by_chance()
        self._work([self._do(task) for task in tasks])
        self._end(tasks)

    def _decompose(self) -> list[Task]:
        number = self._chance.choice((1, 1, 2, 2, 2, 3, 3, 4))
        departments = [self._staff.department(self._chance) for _ in range(number)]
        planned = tuple(
            PlannedTask(
                key=f"part_{rank}",
                title=self.recording.text(1),
                instruction=self.recording.text(2),
                department=department,
                skills=self._staff.specialists[department][0].capabilities.skills[:2],
            )
            for rank, department in enumerate(departments, start=1)
        )
        ids = {each.key: self.recording.new() for each in planned}
        plan = Plan(tasks=planned, complexity=0.2 if number == 1 else 0.6, reason="By its parts.")
        self._root.decompose(plan, ids, self.recording.now())
        self.recording.record(MASTERMIND, self._root)
        tasks = [
            self._create(ids[each.key], self._root.id, each.key, MASTERMIND, each.department)
            for each in planned
        ]
        self.recording.record(MASTERMIND, *tasks)
        return tasks

    def _work(self, strands: list[Iterator[None]]) -> None:
        """Let tasks go on side by side."""
        while strands:
            strand = self._chance.choice(strands)
            for _ in islice(strand, 1):
                break
            else:
                strands.remove(strand)

    def _do(self, task: Task) -> Iterator[None]:
        department = str(task.assignment.department)
        director = self._staff.directors[department]
        self._delegate(task, director, [director], "hierarchy")
        yield
        ranking = self._staff.ranking(department, self._chance)
        if self._chance.random() < UNPLACED:
            task.leave_unplaced(self._decision(None, ranking, "rules"), self.recording.now())
            task.fail(self._failure(FailureKind.UNABLE), self.recording.now())
            self.recording.record(director, task)
            return
        self._delegate(task, ranking[0], ranking, "rules")
        self.recording.pass_ms(40)
        task.start(self.recording.now())
        self.recording.record(task.holder, task)
        yield
        for _ in range(self._chance.choice((1, 2, 2, 3, 3, 4, 5))):
            self._ask(task, task.holder, "execute", STRONG, 6000)
            yield
            for _ in range(self._chance.choice((0, 1, 1, 2))):
                self._use_tool(task)
                yield
        self._conclude(task)

    def _conclude(self, task: Task) -> None:
        now = self.recording.now()
        if self._chance.random() < TASK_FAILURE:
            task.fail(self._failure(FailureKind.UNABLE), now)
        else:
            task.complete(Result(summary=self.recording.text(3)), now)
        self.recording.record(task.holder, task)

    def _end(self, tasks: Sequence[Task]) -> None:
        now, text = self.recording.now(), self.recording.text
        if self._chance.random() < CANCELLED:
            self._root.cancel("stopped by the user", now)
            self.session.cancel("stopped by the user", now)
            self.recording.record(USER, self._root, self.session)
            return
        if all(task.failure is not None for task in tasks):
            failure = self._failure(FailureKind.DEPENDENCY)
            self._root.fail(failure, now)
            self.session.fail(failure, text(2), (), now)
            self.recording.record(NOVA, self._root, self.session)
            return
        self._ask(self._root, NOVA, "present", CHEAP, 2500)
        now = self.recording.now()
        self._root.complete(Result(summary=text(3)), now)
        self.recording.record(MASTERMIND, self._root)
        self._say(NOVA, 4)
        if self._chance.random() < SECOND_TURN:
            self.recording.pass_ms(20_000)
            self._say(USER, 1)
            self._say(NOVA, 2)
        self.session.complete(text(4), (), self.recording.now())
        self.recording.record(NOVA, self.session)

    def _say(self, speaker: str, sentences: int) -> None:
        turn = Turn(
            turn_id=self.recording.new(), speaker=speaker, text=self.recording.text(sentences)
        )
        self._conversation.take_turn(turn, self.recording.now())
        self.recording.record(speaker, self._conversation)

    def _resume_by_chance(self) -> None:
        if self._chance.random() < RESUMED:
            self.session.resume((), self.recording.now())
            self.recording.record(NOVA, self.session)

    def _ask(self, task: Task, agent: str, purpose: str, model: str, mean_ms: float) -> None:
        """Ask a model until it answers, and once more where its answer is rejected."""
        recording, effect_id = self.recording, self.recording.new()
        task.call_model(effect_id, purpose, model, agent, recording.now())
        recording.record(agent, task)
        while self._chance.random() < RETRY:
            recording.pass_ms(1500)
            failure = self._failure(self._chance.choice(RETRIED))
            task.fail_model(effect_id, failure, recording.now(), final=False)
            task.call_model(effect_id, purpose, model, agent, recording.now())
            recording.record(agent, task)
        took_ms = recording.pass_ms(mean_ms)
        usage, cost = recording.usage(model)
        answer = ModelAnswer(
            model=model,
            text=recording.text(4),
            stop_reason="end_turn",
            usage=usage,
            cost_usd=cost,
            duration_ms=recording.duration(took_ms),
        )
        task.answer_model(effect_id, answer, recording.now())
        rejected = self._chance.random() < REJECTION
        if rejected:
            task.reject_answer(effect_id, "It breaks its schema.", recording.now())
        recording.record(agent, task)
        if rejected:
            self._ask(task, agent, purpose, model, mean_ms)

    def _use_tool(self, task: Task) -> None:
        recording, effect_id, agent = self.recording, self.recording.new(), task.holder
        tool = self._chance.choice(TOOLS)
        call = ToolCall(call_id="call_1", tool=tool, arguments={"sql": recording.text(1)})
        task.call_tool(effect_id, call, agent, recording.now())
        recording.record(agent, task)
        took_ms = recording.pass_ms(300)
        if self._chance.random() < TOOL_FAILURE:
            failure = self._failure(self._chance.choice(TOOL_FAILURES))
            task.fail_tool(effect_id, failure, recording.now())
        else:
            answer = ToolAnswer(content=TABLE, duration_ms=recording.duration(took_ms))
            task.answer_tool(effect_id, answer, recording.now())
        recording.record(agent, task)

    def _delegate(self, task: Task, to_agent: str, ranking: list[str], strategy: str) -> None:
        delegation = Delegation(
            delegation_id=self.recording.new(),
            from_agent=task.holder,
            to_agent=to_agent,
            decision=self._decision(to_agent, ranking, strategy),
        )
        self.recording.pass_ms(5)
        actor = task.holder
        task.delegate(delegation, self.recording.now())
        self.recording.record(actor, task)

    def _decision(self, chosen: str | None, ranking: list[str], strategy: str) -> Decision:
        return Decision(
            decision_id=self.recording.new(),
            strategy=strategy,
            policy_version="1",
            candidates=tuple(
                Candidate(
                    agent_id=self._staff.ids[handle],
                    handle=handle,
                    score=round(1 / rank, 4),
                    parts={"skills": round(0.8 / rank, 4), "words": round(0.2 / rank, 4)},
                )
                for rank, handle in enumerate(ranking, start=1)
            ),
            chosen=chosen,
            confidence=0.75 if chosen else 0.0,
            reason=f"{chosen or 'Nobody'} fits what is wanted.",
            knowledge_position=1,
        )

    def _create(
        self, task_id: UUID, parent_id: UUID | None, key: str, holder: str, department: str | None
    ) -> Task:
        assignment = Assignment(
            session_id=self.session.id,
            parent_id=parent_id,
            key=key,
            title=self.recording.text(1),
            instruction=self.recording.text(2),
            department=department,
        )
        return Task.create(task_id, assignment, holder, self.recording.now())

    def _failure(self, kind: FailureKind) -> Failure:
        return Failure(kind=kind, message=self.recording.text(1))
