"""Tests of prices: the lists that come with the installation, cached tokens at their own price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.effect import Usage
from infrastructure.models.prices import price_usd

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("usage", "price"),
    [
        (Usage(), "0"),
        (Usage(input_tokens=MILLION), "2"),
        (Usage(output_tokens=MILLION), "10"),
        (Usage(cache_read_tokens=MILLION), "0.1"),
        (Usage(cache_write_tokens=MILLION), "2.5"),
        (Usage(input_tokens=10, cache_read_tokens=MILLION), "0.10002"),
    ],
)
def test_each_kind_of_token_has_its_own_price(usage: Usage, price: str) -> None:
    assert price_usd("claude-sonnet-5-5", usage, "anthropic") == Decimal(price)


def test_a_long_prompt_is_priced_by_its_whole_length_cached_or_not() -> None:
    short = Usage(input_tokens=1_000, cache_read_tokens=90_000)
    long = Usage(input_tokens=1_000, cache_read_tokens=110_000)
    assert price_usd("claude-haiku-5-5", short, "anthropic") == Decimal("0.001")
    assert price_usd("claude-haiku-5-5", long, "anthropic") == Decimal("0.006")


def test_an_unknown_model_or_provider_has_no_price() -> None:
    assert price_usd("claude-next-9", Usage(input_tokens=5), "anthropic") is None
    assert price_usd("claude-sonnet-5-5", Usage(input_tokens=5), "nobody") is None
