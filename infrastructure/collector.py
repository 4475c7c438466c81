"""Collector: settings of Python's cyclic garbage collector for processes that run many sessions."""

from __future__ import annotations

import gc

THRESHOLDS = 50_000, 20, 20
"""Objects that a collection waits for, and collections that the next generation waits for.

What sessions hold is freed when they end, without cycles; by default, looking for some among all
that are in flight takes a seventh of the processor.
"""


def ease_collector() -> None:
    """Let what is loaded by now never be looked at again, and the rest less often.

    It is a choice for a whole process: for programs of their own, not for a library.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
