"""Activity: whatever counts in statistics, one row an event, and its sums over ranges of the log.

All statistics are asked of these facts, so that the sums over agents, departments, models, sessions
and days agree. Sums are kept for aligned blocks of positions, a block of each level being made of
four of the level below, so that any range is a few blocks and two ragged ends.
"""

from __future__ import annotations

from projections.activity.facts import HANDLERS
from projections.activity.measuring import by_day, measured, milliseconds_of, spread
from projections.activity.sums import roll_up
from projections.activity.tables import (
    NAME,
    TOKENS,
    Measure,
    activity,
    activity_day_ends,
    activity_days,
    activity_rollup,
    activity_sessions,
    activity_spread,
)
from projections.contexts import STREAM_KINDS
from projections.protocol import Projection

__all__ = [
    "ACTIVITY",
    "NAME",
    "TOKENS",
    "Measure",
    "activity",
    "activity_sessions",
    "by_day",
    "measured",
    "milliseconds_of",
    "spread",
]

ACTIVITY = Projection(
    name=NAME,
    version=1,
    tables=(activity,),
    handlers=HANDLERS,
    sums=(activity_rollup, activity_days, activity_day_ends, activity_sessions, activity_spread),
    roll_up=roll_up,
    holds_words=False,
    contexts=STREAM_KINDS,
)
