"""Spending: what work took, in calls, tokens and money."""

from __future__ import annotations

from decimal import Decimal

from domain.value import Value


class Spent(Value):
    """What work took.

    Attributes:
        model_calls: attempts, repeated ones included.
        input_tokens: all tokens that went in, cached ones included.
        cost_usd: US dollars; None when no answer had a price.
    """

    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None


def added(*parts: Spent) -> Spent:
    """Add up what work took."""
    costs = [part.cost_usd for part in parts if part.cost_usd is not None]
    return Spent(
        model_calls=sum(part.model_calls for part in parts),
        tool_calls=sum(part.tool_calls for part in parts),
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
    )
