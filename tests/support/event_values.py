"""Event values: strategies that fill any event, or any value of the domain, from its types."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from annotated_types import Ge, Gt, Le
from eventsourcing.domain import Aggregate, CanInitAggregate, CanMutateAggregate
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, JsonValue, StringConstraints
from pydantic.fields import FieldInfo

from domain.agent import Agent
from domain.approval import Approval
from domain.auction import Auction
from domain.audit import Audit
from domain.breaker import Breaker
from domain.conversation import Conversation
from domain.deliberation.negotiation import Issue, Negotiation, Party
from domain.message import Delivery
from domain.organisation import Organisation
from domain.routing import STRATEGIES, Routing
from domain.session import Session
from domain.shard import Shard
from domain.shared_context import SharedContext
from domain.subject import Subject
from domain.task import Task
from domain.team import Team
from domain.topic import Publication, Subscription
from domain.value import Personal

AGGREGATES: tuple[type[Aggregate], ...] = (
    Agent,
    Organisation,
    Session,
    Conversation,
    Task,
    Subject,
    Audit,
    Delivery,
    Subscription,
    Publication,
    SharedContext,
    Approval,
    Breaker,
    Team,
    Shard,
)
ENVELOPED = {"originator_id", "originator_version", "timestamp", "originator_topic"}

TEXT = st.text(max_size=30)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
BIG = st.integers(-(10**60), 10**60)
TIMES = st.datetimes(timezones=st.just(UTC))
JSON = st.recursive(
    st.none() | st.booleans() | BIG | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
WIDTHS = st.tuples(st.floats(-1e6, 0), st.floats(1, 1e6))
NAMES = st.lists(TEXT.filter(str.strip).map(str.strip), min_size=1, max_size=3, unique=True)


@st.composite
def negotiations(draw: st.DrawFn) -> Negotiation:
    """Make negotiations whose parties weigh the issues there are."""
    names, widths = draw(NAMES), draw(WIDTHS)
    weights = {name: draw(st.floats(0.1, 10)) for name in names}
    return Negotiation(
        issues=tuple(Issue(name=name, unit="s", low=widths[0], high=widths[1]) for name in names),
        parties=tuple(Party(agent=agent, weights=weights) for agent in ("A", "B")),
        max_rounds=draw(st.integers(1, 50)),
    )


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Auction: st.builds(Auction, bidders=NAMES.map(tuple)),
    Negotiation: negotiations(),
    Routing: st.sampled_from(STRATEGIES)
    | st.dictionaries(st.sampled_from(STRATEGIES), st.floats(0.01, 10), min_size=1),
    str: TEXT,
    bool: st.booleans(),
    int: BIG,
    float: NUMBERS,
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    UUID: st.uuids(),
    datetime: TIMES,
    AwareDatetime: TIMES,
    type(None): st.none(),
    JsonValue: JSON,
}


def event_classes() -> Iterator[type[Any]]:
    """Name the classes of all events that can happen."""
    for aggregate in AGGREGATES:
        for member in vars(aggregate).values():
            event = isinstance(member, type) and issubclass(member, CanMutateAggregate)
            if event and member.__name__ != "Event":
                yield member


def attribute_types(event_class: Any) -> dict[str, Any]:
    """Tell the types of an event's own attributes."""
    hints = get_type_hints(event_class, include_extras=True)
    return {
        name: hint
        for name, hint in hints.items()
        if name in event_class.__dataclass_fields__ and name not in ENVELOPED
    }


def events_of(event_class: Any) -> st.SearchStrategy[Any]:
    """Make events of a class with any valid attributes."""
    place: dict[str, st.SearchStrategy[Any]] = {
        "originator_id": st.uuids(),
        "originator_version": st.integers(1, 2**31 - 1),
        "timestamp": TIMES,
    }
    if issubclass(event_class, CanInitAggregate):
        place["originator_topic"] = st.just(event_class.TOPIC.partition(".")[0])
    own = {name: values_of(hint) for name, hint in attribute_types(event_class).items()}
    return st.builds(event_class, **own, **place)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Make valid values of a type."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is not None:
        return _composed(origin, arguments)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    assert issubclass(hint, BaseModel), f"no strategy is known for {hint!r}"
    return _models(hint)


def _composed(origin: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is Annotated:
        limits = list(_limits(arguments[1:]))
        return _limited(arguments[0], limits) if limits else values_of(arguments[0])
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    assert origin is dict, f"no strategy is known for {origin!r}"
    return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)


@cache
def _models(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(model, include_extras=True)
    return st.builds(model, **{name: values_of(hints[name]) for name in model.model_fields})


def _limits(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for limit in metadata:
        if isinstance(limit, FieldInfo):
            yield from limit.metadata
        elif not isinstance(limit, Personal):  # it limits nothing
            yield limit


def _limited(base: Any, limits: list[Any]) -> st.SearchStrategy[Any]:
    if base is str:
        (constraints,) = limits
        assert isinstance(constraints, StringConstraints)
        if constraints.pattern is not None:
            return st.from_regex(constraints.pattern, fullmatch=True)
        return TEXT.filter(str.strip)
    lowest = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    above = next((limit.gt for limit in limits if isinstance(limit, Gt)), None)
    highest: Any = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    low: Any = above if lowest is None else lowest
    if base is int:
        return st.integers(low, highest if highest is not None else 10**60)
    assert base is float, f"no limits are known for {base!r}"
    return st.floats(
        low, highest, exclude_min=above is not None, allow_nan=False, allow_infinity=False
    )
