"""Evolving: fold histories at the speed that they ask for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from domain.evolving import apply

__all__ = ["apply", "without_collector"]


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the cyclic garbage collector from going through a growing history again and again.

    Events and aggregates hold no cycles, and a third of a fold's time would go to looking for some.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
