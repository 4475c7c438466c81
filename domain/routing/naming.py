"""Naming: which strategies there are, and how a policy says which of them decide."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from domain.errors import DomainError

HIERARCHY = "hierarchy"
"""The order of the house alone decides."""

NAMED = "named"
"""Whoever set the task named the agent."""

RULES = "rules"
SIMILARITY = "similarity"
TRACK_RECORD = "track_record"
MODEL = "model"
AUCTION = "auction"
ASSIGNMENT = "assignment"

STRATEGIES = (RULES, SIMILARITY, TRACK_RECORD, MODEL, AUCTION, ASSIGNMENT)
"""Strategies that a policy may choose; none is ever taken away, or old policies could not load."""


class RoutingError(DomainError, ValueError):
    """A policy or a procedure names a strategy that does not exist, or weighs it by no weight."""


def check_routing(routing: str | Mapping[str, float]) -> None:
    """Hold a choice of strategies against those there are.

    Raises:
        RoutingError: there is no such strategy, or a weight is not above 0.
    """
    weights = {routing: 1.0} if isinstance(routing, str) else routing
    if not weights:
        raise RoutingError(f"No strategy is weighed; name one of {', '.join(STRATEGIES)}.")
    for name, weight in weights.items():
        if name not in STRATEGIES:
            close = get_close_matches(name, STRATEGIES, n=1)
            known = ", ".join(STRATEGIES)
            advice = f"did you mean {close[0]!r}?" if close else f"the strategies are {known}."
            raise RoutingError(f"There is no routing strategy {name!r}; {advice}")
        if not (isfinite(weight) and weight > 0):
            raise RoutingError(f"The weight of {name!r} is {weight}; give a number above 0.")


def parse_routing(text: str) -> str | dict[str, float]:
    """Read a choice of strategies out of a text: a name, or `rules:0.6,similarity:0.4`.

    Raises:
        RoutingError: a weight is missing or no number; names are not looked at.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) == 1 and ":" not in parts[0]:
        return parts[0]
    weights = {}
    for part in parts:
        name, _, weight = part.partition(":")
        try:
            weights[name.strip()] = float(weight)
        except ValueError:
            raise RoutingError(
                f"{part!r} is no strategy with its weight; write for example"
                f" 'rules:0.6,similarity:0.4'. The strategies are {', '.join(STRATEGIES)}."
            ) from None
    return weights


def _parsed(routing: object) -> object:
    return parse_routing(routing) if isinstance(routing, str) else routing


def _checked(routing: str | dict[str, float]) -> str | dict[str, float]:
    check_routing(routing)
    return routing


Routing = Annotated[str | dict[str, float], BeforeValidator(_parsed), AfterValidator(_checked)]
"""One strategy by name, or several with the weight of each; only their ratio counts."""


def weights_of(routing: str | Mapping[str, float] | None) -> dict[str, float]:
    """Give the weight of each strategy, together 1; without a choice the rules decide alone."""
    if routing is None:
        return {RULES: 1.0}
    if isinstance(routing, str):
        return {routing: 1.0}
    total = sum(routing.values())
    return {name: weight / total for name, weight in routing.items()}


def name_of(weights: Mapping[str, float]) -> str:
    """Say in one word which strategies decide: the name of one, or `rules:0.6+similarity:0.4`."""
    if len(weights) == 1:
        return next(iter(weights))
    ordered = sorted(weights.items(), key=lambda each: (-each[1], each[0]))
    return "+".join(f"{name}:{weight:.3g}" for name, weight in ordered)
