"""Activity: whatever counts in statistics, one row an event, and its sums over ranges of the log.

All statistics are asked of these facts, so that the sums over agents, departments, models, sessions
and days agree. Sums are kept for aligned blocks of positions, a block of each level being made of
four of the level below, so that any range is a few blocks and two ragged ends.

What was taken back by a rewind counts, because it happened and was paid for. What a fork has from
its parent is not counted again. What-ifs are kept apart: they count nowhere, and are asked for by
name alone.
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
    what_if_activity,
    whole_activity,
)
from projections.contexts import ALL_KINDS
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
    "what_if_activity",
    "whole_activity",
]

ACTIVITY = Projection(
    name=NAME,
    version=2,
    tables=(activity, what_if_activity),
    handlers=HANDLERS,
    sums=(activity_rollup, activity_days, activity_day_ends, activity_sessions, activity_spread),
    roll_up=roll_up,
    holds_words=False,
    contexts=ALL_KINDS,
)
