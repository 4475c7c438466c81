"""Evolving: apply events to aggregates as the library does, at the speed that histories ask for.

The library works out for each event anew which of its attributes a method takes; here that is done
once for each type of event. A property test holds that both give the same.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from operator import itemgetter
from typing import Any

from eventsourcing.domain import decorated_funcs


def apply(aggregate: Any, event: Any) -> None:
    """Apply an event to the aggregate that it is the next one of; its place is not checked."""
    attributes, kind = vars(event), event.__class__
    _method(kind)(aggregate, attributes)
    state = vars(aggregate)
    state["_version"] += 1
    state["_modified_on"] = attributes["timestamp"]


@cache
def _method(event_class: type[Any]) -> Callable[[Any, Mapping[str, Any]], None]:
    body: Any = decorated_funcs.get(event_class)
    if body is None:
        return lambda *_: None
    names = body.__code__.co_varnames[1 : body.__code__.co_argcount]
    if len(names) == 1:
        return lambda aggregate, attributes: body(aggregate, attributes[names[0]])
    select = itemgetter(*names)
    return lambda aggregate, attributes: body(aggregate, *select(attributes))


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
