"""Agent statistics add up what each agent was given, did, spent and how long it took."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from projections.agent_statistics import AgentStatisticsView, agent_statistics
from tests.support.histories import DIRECTOR, MASTERMIND, NOVA, SPECIALIST
from tests.support.read_side import ReadSide


def figures(read_side: ReadSide, at: int | None = None) -> dict[str, AgentStatisticsView]:
    with read_side.read_models.reading() as connection:
        return {view.agent: view for view in agent_statistics(connection, at=at).items}


def test_an_agent_is_credited_with_its_work_and_nobody_elses(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    read_side.runner().catch_up()
    found = figures(read_side)
    specialist = found[SPECIALIST]
    assert set(found) == {NOVA, MASTERMIND, DIRECTOR, SPECIALIST}
    assert specialist.delegations_received == 1
    assert (specialist.tasks_completed, specialist.tasks_failed) == (1, 0)
    assert (specialist.model_calls, specialist.tool_calls) == (1, 1)
    assert (specialist.input_tokens, specialist.output_tokens) == (100, 20)
    assert (specialist.cache_read_tokens, specialist.cache_write_tokens) == (5, 0)
    assert specialist.cost_usd == Decimal("0.0125")
    assert specialist.busy_ms == pytest.approx(290.5)
    assert specialist.mean_duration_ms == pytest.approx(500)  # five steps of the clock
    assert specialist.median_duration_ms == pytest.approx(501, rel=0.045)
    assert specialist.p95_duration_ms == specialist.median_duration_ms
    assert specialist.success_rate == 1.0
    assert (specialist.interactions, specialist.memory_turns) == (1, 0)
    assert (found[NOVA].interactions, found[NOVA].memory_turns) == (1, 2)
    assert found[MASTERMIND].tasks_completed == 1
    assert found[MASTERMIND].mean_duration_ms is None
    assert found[DIRECTOR].delegations_received == 1
    assert found[DIRECTOR].success_rate is None


def test_an_attempt_that_is_repeated_counts_as_a_call_and_its_answer_once(
    read_side: ReadSide,
) -> None:
    told = read_side.open_session()
    task = told.create_task()
    effect_id = told.call_model(task)
    told.call_model(task, effect_id)
    told.answer_model(task, effect_id)
    read_side.runner(batch_size=1).catch_up()
    found = figures(read_side)[MASTERMIND]
    assert (found.model_calls, found.input_tokens) == (2, 100)


def test_the_success_rate_leaves_cancelled_tasks_out(read_side: ReadSide) -> None:
    told = read_side.open_session()
    for end in (told.complete, told.complete, told.complete, told.fail, told.cancel):
        task = told.create_task()
        told.start(task)
        end(task)
    read_side.runner().catch_up()
    found = figures(read_side)[MASTERMIND]
    assert (found.tasks_completed, found.tasks_failed, found.success_rate) == (3, 1, 0.75)
    assert found.tasks_cancelled == 1
    assert found.mean_duration_ms == pytest.approx(100)


def test_figures_are_given_as_of_a_position(read_side: ReadSide) -> None:
    told = read_side.open_session()
    task = told.create_task()
    told.call_model(task)
    before = read_side.log.last_position()
    told.call_model(task)
    read_side.runner().catch_up()
    assert figures(read_side, at=before)[MASTERMIND].model_calls == 1
    assert figures(read_side)[MASTERMIND].model_calls == 2


def test_one_agent_can_be_asked_for(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        (found,) = agent_statistics(connection, agent=SPECIALIST).items
        unused = agent_statistics(connection, agent="SUP_001")
    assert found.agent == SPECIALIST
    assert unused.items == ()


def test_what_happened_up_to_a_position_can_be_left_out(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    between = read_side.log.last_position()
    read_side.tell_plain_session()
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        (whole,) = agent_statistics(connection, agent=SPECIALIST).items
        (later,) = agent_statistics(connection, agent=SPECIALIST, after=between).items
        none = agent_statistics(connection, agent=SPECIALIST, after=between, at=between)
    assert (whole.tasks_completed, later.tasks_completed, none.items) == (2, 1, ())
    assert later.last_used == whole.last_used


def test_an_agent_is_idle_since_it_was_last_used(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    read_side.runner().catch_up()
    found = figures(read_side)[SPECIALIST]
    assert found.idle(found.last_used + timedelta(hours=2)) == timedelta(hours=2)
