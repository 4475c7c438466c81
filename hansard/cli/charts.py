"""Charts: bars and sparklines made of characters, for terminals."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▏▎▍▌▋▊▉█"
LEVELS = "▁▂▃▄▅▆▇█"


def bar(value: float, most: float, width: int = 10) -> str:
    """Draw a bar, as long as a value is large.

    Args:
        most: the value that fills the width.
    """
    if value <= 0 or most <= 0:
        return ""
    eighths = max(1, round(min(value / most, 1.0) * width * len(BLOCKS)))
    whole, rest = divmod(eighths, len(BLOCKS))
    return BLOCKS[-1] * whole + (BLOCKS[rest - 1] if rest else "")


def sparkline(values: Sequence[float]) -> str:
    """Draw a column for each value, the largest one full, and none for nothing."""
    most = max(values, default=0)
    return "".join(
        LEVELS[min(int(value / most * len(LEVELS)), len(LEVELS) - 1)] if value > 0 else " "
        for value in values
    )
