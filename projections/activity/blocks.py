"""Blocks: ranges of positions whose facts are summed up, a block of each level made of several."""

from __future__ import annotations

LEVELS = [12, 14, 16, 18, 20]
"""A block of level n sums up 2 ** n positions."""

Blocks = list[tuple[int, int, int]]
"""Level, first block and the block after the last."""

Ranges = list[tuple[int, int]]
"""Positions, `after < position <= until`."""


def cover(after: int, until: int) -> tuple[Blocks, Ranges]:
    """Cover positions `after < position <= until` by whole blocks, and tell what is left."""
    blocks: Blocks = []
    lowest = LEVELS[0]
    low, high = -(-after >> lowest), until >> lowest
    if low >= high:
        return [], [(after, until)] if after < until else []
    ends = [(after, low << lowest), (high << lowest, until)]
    for level, above in zip(LEVELS, [*LEVELS[1:], None], strict=True):
        if above is None:
            blocks.append((level, low, high))
            break
        step = above - level
        inner_low, inner_high = -(-low >> step), high >> step
        if inner_low >= inner_high:
            blocks.append((level, low, high))
            break
        blocks += [(level, low, inner_low << step), (level, inner_high << step, high)]
        low, high = inner_low, inner_high
    return (
        [block for block in blocks if block[1] < block[2]],
        [part for part in ends if part[0] < part[1]],
    )
