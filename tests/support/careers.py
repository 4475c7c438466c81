"""Careers: any events an aggregate can live through, of any values, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, CanInitAggregate
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.agent import Agent
from domain.conversation import Conversation
from domain.organisation import Organisation
from domain.session import Session
from domain.shard import Shard
from domain.task import Task
from tests.support.event_values import TIMES, attribute_types, event_classes, values_of
from tests.support.given_when_then import STREAM

LONG_LIVED: tuple[type[Aggregate], ...] = (
    Agent,
    Organisation,
    Shard,
    Session,
    Conversation,
    Task,
)

FEW_IDS = st.integers(1, 3).map(lambda number: UUID(int=number))
FEW_HANDLES = st.sampled_from(["FIN_007", "FIN_008", "DIR_FINANCE"])
NAMES = st.text(min_size=1, max_size=9).filter(lambda name: name == name.strip() != "")

MATCHING: dict[str, st.SearchStrategy[Any]] = {
    "effect_id": FEW_IDS,
    "agents": st.dictionaries(FEW_HANDLES, FEW_IDS, max_size=2),
    "handles": st.lists(FEW_HANDLES, min_size=1, max_size=1).map(tuple),
    "display_name": NAMES,
    "attempt": st.integers(1, 3),
    "agent": FEW_HANDLES,
}
"""Attributes whose values must meet those of earlier events, or what commands let through."""


@st.composite
def careers(draw: st.DrawFn, kind: type[Aggregate], max_events: int = 16) -> list[Any]:
    """Make the events of a stream of an aggregate; each could be folded after those before it."""
    own = [each for each in event_classes() if each.TOPIC.startswith(vars(kind)["TOPIC"] + ".")]
    first = next(each for each in own if issubclass(each, CanInitAggregate))
    later = [each for each in own if each is not first]
    events: list[Any] = []
    state: Any = None
    for event_class in [first, *_drawn(draw, later, max_events - 1)]:
        event = draw(_event(event_class, state))
        try:
            state = event.mutate(deepcopy(state))
        except (KeyError, ValidationError):
            continue  # no command of the aggregate would have let it happen
        events.append(event)
    return events


def _drawn(draw: st.DrawFn, classes: list[Any], most: int) -> Iterator[Any]:
    for _ in range(draw(st.integers(0, most)) if classes else 0):
        yield draw(st.sampled_from(classes))


def _event(event_class: Any, state: Any) -> st.SearchStrategy[Any]:
    values = {
        name: MATCHING.get(name, values_of(hint))
        for name, hint in attribute_types(event_class).items()
    }
    if getattr(state, "pending", None) and "effect_id" in values:
        values["effect_id"] = st.sampled_from(sorted(state.pending))
    place: dict[str, st.SearchStrategy[Any]] = {
        "originator_id": st.just(STREAM),
        "originator_version": st.just(state.version + 1 if state else 1),
        "timestamp": TIMES.map(lambda time: time.replace(fold=0)),
    }
    if issubclass(event_class, CanInitAggregate):
        place["originator_topic"] = st.just(event_class.TOPIC.partition(".")[0])
    return st.builds(event_class, **values, **place)


def fold(events: list[Any], state: Any = None) -> Any:
    """Replay events."""
    for event in events:
        state = event.mutate(state)
    return state
