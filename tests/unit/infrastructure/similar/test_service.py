"""Of very many searches only some are kept."""

from __future__ import annotations

from infrastructure.similar.service import LOGGED_AT_ONCE, QueryBudget


def test_a_burst_is_kept_and_then_one_a_second() -> None:
    now = 0.0
    budget = QueryBudget(lambda: now)

    assert sum(budget.spend() for _ in range(100)) == LOGGED_AT_ONCE
    now = 3.0
    assert sum(budget.spend() for _ in range(100)) == 3
    now = 1000.0
    assert sum(budget.spend() for _ in range(100)) == LOGGED_AT_ONCE
