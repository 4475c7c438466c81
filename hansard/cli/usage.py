"""Usage: print what answers of models took, by whatever it is told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hansard
from hansard.cli.figures import Bar, Column, count, duration, money, print_page

ALL = 1_000_000
"""As many groups as anybody may want, where there is no option for how many."""

NO_GROUP = "(none)"
"""Stands for a department, or whatever else, that there is none of."""


def context_tokens(row: Any) -> int:
    """Add up all tokens that went in, cached or not."""
    tokens: int = row.input_tokens + row.cache_read_tokens + row.cache_write_tokens
    return tokens


TOKENS = Bar("Tokens", lambda row: context_tokens(row) + row.output_tokens)


def print_usage(*by: str, as_json: bool, as_csv: bool, limit: int = ALL, **bounds: Any) -> None:
    """Ask for usage, and print it as it was asked for.

    Args:
        by: dimensions; one text may hold several with commas between them.
    """
    from projections.usage import UsageView  # noqa: PLC0415 - heavy

    dimensions = tuple(dict.fromkeys(name.strip() for text in by for name in text.split(",")))
    with hansard.open() as h:
        page = h.usage(dimensions, limit=limit, **bounds)
    columns = (
        *(group_column(name, lambda row, name=name: row.group[name]) for name in dimensions),
        Column("Answers", lambda row: count(row.answers)),
        Column("In", lambda row: count(context_tokens(row))),
        Column("Out", lambda row: count(row.output_tokens)),
        Column("Cached", lambda row: count(row.cache_read_tokens), only_wide=True),
        Column("USD", lambda row: money(row.cost_usd)),
        Column("Unpriced", lambda row: count(row.unpriced), only_wide=True),
        Column("Time", lambda row: duration(row.duration_ms), only_wide=True),
    )
    print_page(page, UsageView, columns, chart=TOKENS, as_json=as_json, as_csv=as_csv)


def group_column(name: str, value: Callable[..., str | None]) -> Column:
    """Make the column of what rows are told apart by."""
    return Column(name.title(), lambda row: value(row) or NO_GROUP, is_text=True)
