"""Replay: whatever commands a task was given, its events rebuild it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decision import Decision, Delegation
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall
from domain.errors import DomainError
from domain.planning import Plan
from domain.task import Assignment, Result, Task
from tests.support.given_when_then import AT, STREAM, happenings, when

Command = Callable[[Task], object]

HANDLES = st.sampled_from(["MM_001", "DIR_FINANCE", "FIN_007"])
EFFECTS = st.integers(1, 4).map(lambda number: UUID(int=number))
FAILURES = st.builds(
    Failure, kind=st.sampled_from(FailureKind), message=st.sampled_from(["Busy.", "No."])
)
ANSWERS = st.builds(ModelAnswer, model=st.just("m"), text=st.text(), stop_reason=st.just("end"))
CALLS = st.builds(ToolCall, call_id=st.just("c"), tool=st.just("t"), arguments=st.just({"a": 1}))
ROWS = st.builds(ToolAnswer, content=st.integers() | st.text())
RESULTS = st.builds(Result, summary=st.text())
TIMES = st.datetimes(timezones=st.just(AT.tzinfo))


@st.composite
def delegations(draw: st.DrawFn) -> Delegation:
    chosen = draw(HANDLES)
    decision = Decision(
        decision_id=draw(EFFECTS),
        strategy="rules",
        policy_version="1",
        candidates=(),
        chosen=chosen,
        confidence=1.0,
        reason="It fits.",
        knowledge_position=0,
    )
    return Delegation(
        delegation_id=draw(EFFECTS), from_agent=draw(HANDLES), to_agent=chosen, decision=decision
    )


def command(
    name: str, *values: st.SearchStrategy[Any], **named: object
) -> st.SearchStrategy[Command]:
    """Make commands that call one method of a task with drawn values and a drawn time."""
    arguments = st.tuples(*values)
    return st.builds(
        lambda drawn, at: lambda it: getattr(it, name)(*drawn, at, **named), arguments, TIMES
    )


EMPTY_PLAN = st.just(Plan(tasks=(), complexity=0.5, reason="Nobody can."))
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    [
        command("delegate", delegations()),
        command("leave_unplaced", delegations().map(lambda delegation: delegation.decision)),
        command("start"),
        command("decompose", EMPTY_PLAN, st.just({})),
        command("call_model", EFFECTS, st.just("execute"), st.just("m"), HANDLES),
        command("answer_model", EFFECTS, ANSWERS),
        command("fail_model", EFFECTS, FAILURES, final=True),
        command("fail_model", EFFECTS, FAILURES, final=False),
        command("reject_answer", EFFECTS, st.just("No tool was called.")),
        command("call_tool", EFFECTS, CALLS, HANDLES),
        command("answer_tool", EFFECTS, ROWS),
        command("fail_tool", EFFECTS, FAILURES),
        command("complete", RESULTS),
        command("fail", FAILURES),
        command("cancel", st.just("stopped")),
    ]
)


def new_task() -> Task:
    assignment = Assignment(
        session_id=UUID(int=9), parent_id=None, key="k", title="T", instruction="Do it."
    )
    return Task.create(STREAM, assignment, "MM_001", AT)


@settings(deadline=None)
@given(st.lists(COMMANDS, max_size=25))
def test_replaying_the_events_of_any_commands_gives_an_equal_task(commands: list[Command]) -> None:
    task = new_task()
    for give in commands:
        version = task.version
        try:
            give(task)
        except DomainError:
            assert task.version == version

    assert len(happenings(None, task)) == task.version


@settings(deadline=None)
@given(st.lists(COMMANDS, max_size=25))
def test_a_task_never_awaits_an_effect_that_is_settled(commands: list[Command]) -> None:
    task = new_task()
    task.collect_events()
    for give in commands:
        try:
            when(task, give)
        except DomainError:
            continue
        settled = [step.effect_id for step in task.steps]
        assert len(settled) == len(set(settled))
        assert not task.pending.keys() & set(settled)
        assert task.ended == (task.result is not None or task.failure is not None)
