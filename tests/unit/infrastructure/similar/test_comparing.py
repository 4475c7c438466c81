"""Two models are compared by the hits they share and by the order of those."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.similar.comparing import overlap, rank_correlation

orders = st.permutations(list(range(8)))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [([1, 2, 3], [3, 2, 1], 1.0), ([1, 2], [3, 4], 0.0), ([1, 2, 3, 4], [1, 2], 0.5)],
)
def test_overlap_is_the_share_of_hits_that_both_have(
    before: list[int], after: list[int], expected: float
) -> None:
    assert overlap(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 2, 3, 4], [9, 2, 1, 8], -1.0),
        ([1, 2, 3], [2, 1, 3], 0.5),
        ([1, 2], [2, 3], None),
        ([], [], None),
    ],
)
def test_rank_correlation_is_that_of_the_common_hits(
    before: list[int], after: list[int], expected: float | None
) -> None:
    assert rank_correlation(before, after) == expected


@given(orders, orders)
def test_rank_correlation_is_symmetric_and_bounded(before: list[int], after: list[int]) -> None:
    correlation = rank_correlation(before, after)
    assert correlation is not None
    assert -1 <= correlation <= 1
    assert correlation == rank_correlation(after, before)
