"""How the log is cut into batches makes no difference to what read models hold."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.task import Task
from projections.agent_statistics import agent_statistics
from tests.support.histories import DIRECTOR, MASTERMIND, NOVA, SPECIALIST, SessionTeller
from tests.support.read_side import Contents, ReadSide

STEPS = ("create", "delegate", "start", "model", "answer", "fail", "tool", "end", "say", "close")
ENDS = ("complete", "decline", "fail", "cancel")

steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), max_size=40)


def tell(teller: SessionTeller, story: list[tuple[str, int]]) -> None:
    """Take the steps of a story that its state allows."""
    tasks: list[Task] = [teller.root]
    for step, number in story:
        live = [task for task in tasks if not task.ended]
        if step == "close":
            teller.end(ENDS[number % len(ENDS)])
            return
        if step == "say":
            teller.say(NOVA, f"words {number}")
        elif step == "create":
            tasks.append(teller.create_task(f"task_{number}", ("finance", None)[number % 2]))
        elif live:
            advance(teller, live[number % len(live)], step, number)


def advance(teller: SessionTeller, task: Task, step: str, number: int) -> None:
    """Take one step with a task, if its state allows."""
    pending = [effect for effect in task.pending.values() if not effect.failed]
    effect = pending[number % len(pending)] if pending else None
    if step == "delegate" and task.status.value == "open":
        if number % 4:
            teller.delegate(task, (MASTERMIND, DIRECTOR, SPECIALIST)[number % 3])
        else:
            teller.leave_unplaced(task)
    elif step == "start" and task.status.value == "open":
        teller.start(task)
    elif step == "model":
        teller.call_model(task)
    elif step == "tool":
        teller.call_tool(task)
    elif step == "end":
        (teller.complete, teller.fail, teller.cancel)[number % 3](task)
    elif effect is not None and effect.call is not None:
        teller.answer_tool(task, effect.effect_id)
    elif effect is not None and step == "answer":
        teller.answer_model(task, effect.effect_id, None if number % 2 else Decimal("0.25"))
    elif effect is not None and step == "fail":
        teller.fail_model(task, effect.effect_id)


def built(read_side: ReadSide, sizes: list[int]) -> Contents:
    """Build all read models anew, advancing by the sizes in turn."""
    last = read_side.log.last_position()
    reset(read_side)
    reached, turn = 0, 0
    while reached < last:
        reached = min(reached + sizes[turn % len(sizes)], last)
        turn += 1
        with closing(read_side.runner(batch_size=sizes[turn % len(sizes)])) as runner:
            statuses = runner.catch_up(until=reached)
        assert {(status.position, status.error) for status in statuses} == {(reached, None)}
    return read_side.contents()


def reset(read_side: ReadSide) -> None:
    """Empty all read models without filling them again."""
    with read_side.read_models.writing() as connection:
        connection.exec_driver_sql(
            "TRUNCATE " + ", ".join(f"hansard_read.{name}" for name in read_side.contents())
        )
        connection.exec_driver_sql("TRUNCATE hansard_read.projection_positions")


@given(story=steps, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_batch_sizes_give_the_same_rows_as_one_batch(
    read_side: ReadSide, story: list[tuple[str, int]], sizes: list[int]
) -> None:
    tell(read_side.open_session(), story)
    at_once = built(read_side, [10_000])
    assert built(read_side, sizes) == at_once
    calls = Counter(
        (getattr(recorded.event, "agent", ""), recorded.type)
        for recorded in read_side.log.read(types=("task.model_called", "task.tool_called"))
    )
    with read_side.read_models.reading() as connection:
        figures = {view.agent: view for view in agent_statistics(connection).items}
    for (agent, kind), number in calls.items():
        view = figures[agent]
        assert (view.model_calls if kind == "task.model_called" else view.tool_calls) == number
