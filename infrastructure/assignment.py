"""Hungarian assignment: tasks and agents matched at once, by SciPy."""

from __future__ import annotations

from collections.abc import Sequence


class HungarianAssigner:
    """Solves the assignment problem by `scipy.optimize.linear_sum_assignment`.

    SciPy implements the modified Jonker-Volgenant algorithm of Crouse, On Implementing 2D
    Rectangular Assignment Algorithms, IEEE Transactions on Aerospace and Electronic Systems 52
    (2016), a successor of Kuhn's Hungarian method; n tasks take O(n^3) steps.
    """

    def assign(self, worth: Sequence[Sequence[float]]) -> list[int]:
        """Give each row a column of its own, so that the sum is greatest; see the port.

        Raises:
            ValueError: there are more rows than columns, or an entry is not a finite number.
        """
        import numpy as np  # noqa: PLC0415 - heavy
        from scipy.optimize import linear_sum_assignment

        matrix = np.asarray(worth, dtype=float)
        if not matrix.size:
            return []
        if matrix.shape[0] > matrix.shape[1]:
            raise ValueError(f"{matrix.shape[0]} rows cannot each have one of {matrix.shape[1]}")
        _, columns = linear_sum_assignment(matrix, maximize=True)
        return [int(column) for column in columns]
