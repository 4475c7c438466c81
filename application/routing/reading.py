"""Reading: which strategies somebody chose, in a text or in a program's own data."""

from __future__ import annotations

from collections.abc import Mapping

from application.errors import BadRequestError
from domain.routing import RoutingError, check_routing, parse_routing


def read_routing(chosen: str | Mapping[str, float]) -> str | dict[str, float]:
    """Read a choice of strategies: a name, `rules:0.6,similarity:0.4`, or weights by name.

    Raises:
        BadRequestError: it cannot be read, or there is no such strategy.
    """
    try:
        routing = parse_routing(chosen) if isinstance(chosen, str) else dict(chosen)
        check_routing(routing)
    except RoutingError as error:
        raise BadRequestError(str(error)) from error
    return routing
