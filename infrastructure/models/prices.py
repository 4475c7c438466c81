"""Prices: what a model call cost, from price lists that come with the installation."""

from __future__ import annotations

from decimal import Decimal

from domain.effect import Usage


def price_usd(model: str, usage: Usage, provider: str) -> Decimal | None:
    """Price the tokens of one call by today's list.

    Tokens read from and written to the provider's cache have their own prices; `usage` counts
    them beside the other input tokens, as Anthropic does. Nothing is fetched from the network.

    Args:
        provider: as the price list calls it, for example `anthropic`.

    Returns:
        US dollars; None when the list does not know the model.
    """
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    cached = usage.cache_read_tokens + usage.cache_write_tokens
    counted = Counted(
        input_tokens=usage.input_tokens + cached,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        return calc_price(counted, model, provider_id=provider).total_price
    except LookupError:
        return None
