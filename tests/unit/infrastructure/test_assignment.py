"""C6: tasks are assigned by the Hungarian algorithm."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.assigning import assign_fairly
from infrastructure.assignment import HungarianAssigner


@st.composite
def matrices(draw: st.DrawFn) -> list[list[float]]:
    rows = draw(st.integers(1, 4))
    columns = draw(st.integers(rows, 5))
    entry = st.floats(0, 1)
    return draw(
        st.lists(st.lists(entry, min_size=columns, max_size=columns), min_size=rows, max_size=rows)
    )


@given(matrices())
@settings(max_examples=50, deadline=None)  # the first call loads SciPy
def test_no_other_assignment_is_worth_more(worth: list[list[float]]) -> None:
    chosen = HungarianAssigner().assign(worth)

    total = sum(row[column] for row, column in zip(worth, chosen, strict=True))
    others = permutations(range(len(worth[0])), len(worth))
    best = max(sum(worth[row][column] for row, column in enumerate(each)) for each in others)
    assert len(set(chosen)) == len(chosen)
    assert total == pytest.approx(best)


@given(st.integers(1, 9), st.integers(1, 4), st.data())
@settings(max_examples=50, deadline=None)  # the first call loads SciPy
def test_nobody_gets_more_than_an_equal_share(tasks: int, agents: int, data: st.DataObject) -> None:
    load = data.draw(st.lists(st.integers(0, 2), min_size=agents, max_size=agents))
    fitness = [[0.1 * agent for agent in range(agents)] for _ in range(tasks)]

    chosen = assign_fairly(fitness, HungarianAssigner(), load)

    share = -(-(tasks + sum(load)) // agents)
    for agent in range(agents):
        given_out = chosen.count(agent)
        assert not given_out or given_out + load[agent] <= share


def test_fewer_columns_than_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 rows cannot each have one of 1"):
        HungarianAssigner().assign([[1.0], [1.0]])


def test_no_tasks_are_assigned_to_nobody() -> None:
    assert assign_fairly([], HungarianAssigner()) == []
    assert HungarianAssigner().assign([]) == []
    with pytest.raises(ValueError, match="without agents"):
        assign_fairly([[]], HungarianAssigner())
