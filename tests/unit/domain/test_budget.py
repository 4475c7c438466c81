"""B11: the figures of the mission, and what of an answer counts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.budget import Account, Budgets, Scope, spent_on_tools, tightest, tokens_of
from domain.effect import ModelAnswer, ToolCall, Usage
from domain.level import Level
from domain.policy import STANDARD, Policy
from tests.support.scripted import answer, call


def written(tokens: int, *calls: ToolCall) -> ModelAnswer:
    return answer(*calls).model_copy(update={"usage": Usage(output_tokens=tokens)})


def account(limit: int, spent: int) -> Account:
    return Account(
        agent="FIN_007", level=Level.SPECIALIST, scope=Scope.TASK, limit=limit, spent=spent
    )


def test_the_standard_budgets_are_those_of_the_mission() -> None:
    budgets = STANDARD.budgets
    assert budgets is not None
    assert (budgets.turn, budgets.context, budgets.conversation) == (4_000, 50_000, 150_000)
    assert budgets.orchestrator_task == 8_000
    assert (budgets.routing, budgets.decomposition, budgets.assembly) == (1_000, 2_000, 2_000)
    assert (budgets.director_task, budgets.coordination) == (4_000, 1_000)
    assert (budgets.specialist_task, budgets.tool_calls) == (2_000, 500)
    assert (budgets.orchestrator_parallel, budgets.director_parallel) == (10, 3)
    assert (STANDARD.max_iterations, STANDARD.model_timeout_s) == (5, 300.0)


def test_a_policy_without_budgets_limits_nothing_and_is_written_as_before() -> None:
    assert Policy().budgets is None
    assert not {"budgets", "recovery", "max_depth", "max_fan_out"} & Policy().model_dump().keys()


def test_tool_calls_count_by_their_arguments_and_handing_in_counts_as_none() -> None:
    sql = call("query_table", sql="S" * 400)
    handed_in = call("submit_result", "c2", summary="S" * 400)

    assert tokens_of(sql) == 106
    assert spent_on_tools([written(500, sql), written(500, handed_in)], "submit_") == 106


def test_tool_calls_never_count_more_than_the_answer_they_are_part_of() -> None:
    sql = call("query_table", sql="S" * 400)

    assert spent_on_tools([written(0, sql), written(50, sql, sql)], "submit_") == 50


def test_an_account_is_full_at_its_limit_and_overspent_beyond_it() -> None:
    assert [
        (each.is_full, each.is_overspent, each.left)
        for each in (account(10, 9), account(10, 10), account(10, 12))
    ] == [(False, False, 1), (True, False, 0), (True, True, 0)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 2000)), max_size=5))
def test_what_is_left_is_what_the_tightest_account_has_left(pairs: list[tuple[int, int]]) -> None:
    accounts = [account(limit, spent) for limit, spent in pairs]

    left = tightest(accounts)

    assert left == (min(max(limit - spent, 0) for limit, spent in pairs) if pairs else None)


def test_budgets_can_be_set_one_by_one() -> None:
    assert Budgets(specialist_task=9_000).director_task == 4_000
