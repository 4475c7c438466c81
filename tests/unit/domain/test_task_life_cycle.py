"""The life cycle of a task, held against a model: whatever is commanded, in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.decision import Decision, Delegation
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall
from domain.errors import DomainError
from domain.planning import Plan, PlannedTask
from domain.task import Assignment, Result, Task, TaskStatus

AT = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
FAILURE = Failure(kind=FailureKind.OVERLOADED, message="Busy.")
ANSWER = ModelAnswer(model="m", text="Hello", stop_reason="end_turn")
CALL = ToolCall(call_id="c1", tool="query_table", arguments={})
ROWS = ToolAnswer(content={"rows": [[1]]})
RESULT = Result(summary="Done.")
HANDLES = ("MM_001", "DIR_FINANCE", "FIN_007")
PLAN = Plan(
    tasks=(PlannedTask(key="extract", title="E", instruction="E"),), complexity=0.2, reason="One."
)
ASSIGNMENT = Assignment(
    session_id=UUID(int=1), parent_id=None, key="request", title="A report", instruction="Do it."
)
EFFECTS = st.integers(1, 4).map(lambda number: UUID(int=number))
OVER = {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED}


@dataclass
class Effect:
    """What the model knows of an effect."""

    is_model: bool
    attempts: int = 1
    failed: bool = False
    settled: bool = False


@dataclass
class Expected:
    """The model: where a task stands, in as few words as possible."""

    status: TaskStatus = TaskStatus.OPEN
    holder: str = HANDLES[0]
    effects: dict[UUID, Effect] = field(default_factory=dict)
    setbacks: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing may happen any more."""
        return self.status in OVER


class TaskLife(RuleBasedStateMachine):
    """Commands a task at random; the model says what may be, and what then is."""

    def __init__(self) -> None:
        super().__init__()
        self.task = Task.create(UUID(int=99), ASSIGNMENT, HANDLES[0], AT)
        self.expected = Expected()

    def command(self, do: Callable[[], object], *, allowed: bool) -> bool:
        """Command something; tell whether it was done, which is when the model allows it."""
        version = self.task.version
        if allowed:
            do()
            assert self.task.version == version + 1
        else:
            with pytest.raises(DomainError):
                do()
            assert self.task.version == version
        return allowed

    @rule(to=st.sampled_from(HANDLES), by=st.sampled_from(HANDLES))
    def delegate(self, to: str, by: str) -> None:
        decision = Decision(
            decision_id=UUID(int=2),
            strategy="rules",
            policy_version="1",
            candidates=(),
            chosen=to,
            confidence=0.5,
            reason="It fits.",
            knowledge_position=3,
        )
        delegation = Delegation(
            delegation_id=UUID(int=3), from_agent=by, to_agent=to, decision=decision
        )
        allowed = self.expected.status is TaskStatus.OPEN and by == self.expected.holder
        if self.command(lambda: self.task.delegate(delegation, AT), allowed=allowed):
            self.expected.holder = to

    @rule()
    def start(self) -> None:
        allowed = self.expected.status is TaskStatus.OPEN
        if self.command(lambda: self.task.start(AT), allowed=allowed):
            self.expected.status = TaskStatus.STARTED

    @rule()
    def decompose(self) -> None:
        allowed = self.expected.status in {TaskStatus.OPEN, TaskStatus.STARTED}
        keys = {"extract": UUID(int=5)}
        if self.command(lambda: self.task.decompose(PLAN, keys, AT), allowed=allowed):
            self.expected.status = TaskStatus.DECOMPOSED

    @rule(holder=st.sampled_from(HANDLES))
    def reopen(self, holder: str) -> None:
        allowed = not self.expected.over
        if self.command(lambda: self.task.reopen(FAILURE, holder, AT), allowed=allowed):
            self.expected.status = TaskStatus.OPEN
            self.expected.holder = holder
            self.expected.setbacks += 1

    @rule(effect_id=EFFECTS, is_model=st.booleans())
    def call(self, effect_id: UUID, *, is_model: bool) -> None:
        known = self.expected.effects.get(effect_id)
        is_model = known.is_model if known else is_model  # an effect stays what it is
        allowed = not self.expected.over and not (known and known.settled)

        def do() -> None:
            if is_model:
                self.task.call_model(effect_id, "execute", "m", self.expected.holder, AT)
            else:
                self.task.call_tool(effect_id, CALL, self.expected.holder, AT)

        if self.command(do, allowed=allowed):
            attempts = known.attempts + 1 if known else 1
            self.expected.effects[effect_id] = Effect(is_model, attempts)
            assert self.task.pending[effect_id].attempt == attempts

    @rule(effect_id=EFFECTS)
    def answer(self, effect_id: UUID) -> None:
        """What was under way when a task ended may still be answered; it changes nothing else."""
        known = self.expected.effects.get(effect_id)
        awaited = known is not None and not known.settled and not known.failed

        def do() -> None:
            if known is None or known.is_model:
                self.task.answer_model(effect_id, ANSWER, AT)
            else:
                self.task.answer_tool(effect_id, ROWS, AT)

        if self.command(do, allowed=awaited):
            self.expected.effects[effect_id].settled = True

    @rule(effect_id=EFFECTS, final=st.booleans())
    def fail_effect(self, effect_id: UUID, *, final: bool) -> None:
        known = self.expected.effects.get(effect_id)
        awaited = known is not None and not known.settled and not known.failed

        def do() -> None:
            if known is None or known.is_model:
                self.task.fail_model(effect_id, FAILURE, AT, final=final)
            else:
                self.task.fail_tool(effect_id, FAILURE, AT)

        if self.command(do, allowed=awaited):
            effect = self.expected.effects[effect_id]
            effect.settled = final or not effect.is_model
            effect.failed = not effect.settled

    @precondition(lambda self: not self.expected.over)
    @rule(how=st.sampled_from(sorted(OVER)))
    def end(self, how: TaskStatus) -> None:
        ends: dict[TaskStatus, Callable[[], Any]] = {
            TaskStatus.COMPLETED: lambda: self.task.complete(RESULT, AT),
            TaskStatus.FAILED: lambda: self.task.fail(FAILURE, AT),
            TaskStatus.SKIPPED: lambda: self.task.skip(FAILURE, RESULT, AT),
            TaskStatus.CANCELLED: lambda: self.task.cancel("stopped", AT),
        }
        self.command(ends[how], allowed=True)
        self.expected.status = how

    @precondition(lambda self: self.expected.over)
    @rule()
    def end_again(self) -> None:
        self.command(lambda: self.task.complete(RESULT, AT), allowed=False)
        self.command(lambda: self.task.cancel("stopped", AT), allowed=False)

    @invariant()
    def it_stands_where_the_model_says(self) -> None:
        assert self.task.status is self.expected.status
        assert self.task.holder == self.expected.holder
        assert self.task.ended is self.expected.over
        assert len(self.task.setbacks) == self.expected.setbacks

    @invariant()
    def each_effect_is_open_or_settled_once(self) -> None:
        effects = self.expected.effects
        settled = [step.effect_id for step in self.task.steps]
        assert len(settled) == len(set(settled))
        assert set(settled) == {each for each, known in effects.items() if known.settled}
        assert set(self.task.pending) == {each for each in effects if each not in settled}

    @invariant()
    def its_events_tell_the_same(self) -> None:
        replayed: Any = None
        for event in self.task.pending_events:
            replayed = event.mutate(replayed)
        assert vars(replayed).keys() == vars(self.task).keys()
        assert replayed.status is self.task.status
        assert replayed.steps == self.task.steps


TestTaskLife = TaskLife.TestCase
TestTaskLife.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
