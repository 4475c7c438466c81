"""D4: how far tasks ran side by side, and how evenly they were shared out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.parallelism import Stretch, measure

stretches = st.lists(
    st.builds(
        lambda agent, begin, length: Stretch(agent, begin, begin + length),
        st.sampled_from("abc"),
        st.integers(0, 100).map(float),
        st.integers(0, 50).map(float),
    ),
    min_size=1,
    max_size=20,
)


def test_two_agents_side_by_side_are_twice_as_fast() -> None:
    found = measure([Stretch("a", 0, 2), Stretch("b", 0, 2)])
    assert (found.tasks, found.agents, found.peak) == (2, 2, 2)
    assert (found.span_ms, found.busy_ms) == (2000, 4000)
    assert (found.speed_up, found.utilisation, found.balance) == (2, 1, 1)


def test_one_after_the_other_is_not_side_by_side() -> None:
    found = measure([Stretch("a", 0, 1), Stretch("a", 1, 2)])
    assert (found.peak, found.speed_up, found.utilisation) == (1, 1, 1)


def test_uneven_shares_lower_utilisation_and_balance() -> None:
    found = measure([Stretch("a", 0, 4), Stretch("b", 0, 1)])
    assert found.speed_up == pytest.approx(1.25)
    assert found.utilisation == pytest.approx(0.625)
    assert found.balance == pytest.approx(0.625)


def test_work_that_took_no_time_is_measured_too() -> None:
    found = measure([Stretch("a", 1, 1)])
    assert (found.speed_up, found.utilisation, found.balance, found.peak) == (1, 1, 1, 1)


@given(stretches)
def test_figures_stay_within_their_bounds(work: list[Stretch]) -> None:
    found = measure(work)
    assert 1 <= found.peak <= found.tasks == len(work)
    assert 0 <= found.utilisation <= 1
    assert 0 <= found.balance <= 1
    assert found.speed_up <= found.peak + 1e-6 or found.span_ms == 0
