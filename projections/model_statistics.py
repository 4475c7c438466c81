"""Model statistics: how each model was used, what it cost, how fast and how reliable it was."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from domain.value import Value
from projections import activity
from projections.protocol import Page, computed_at
from projections.tally import Tallies, by_kind, tally
from projections.work import SUMS

KINDS = ("model_call", "model_answer", "model_failure", "answer_rejected")


class ModelStatisticsView(Value):
    """The figures of one model.

    What was asked of it counts under the name it was asked by, what it answered under the name the
    provider gave itself: the two may differ.

    Attributes:
        calls: attempts, repeated ones included.
        failures: attempts that failed.
        rejections: answers that broke a schema or a rule.
        input_tokens: without those that were read from or written to the provider's cache.
        cost_usd: US dollars; None when no answer had a price.
        unpriced: answers whose price is not known.
        mean_duration_ms: mean milliseconds of an answer; None before the first.
        provider_cache_hit_rate: share of all tokens that went in which the provider read from its
            own cache, 0 to 1; None before the first.
        last_used: time of recording of the newest event that counts.
    """

    model: str
    calls: int
    answers: int
    failures: int
    rejections: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal | None
    unpriced: int
    mean_duration_ms: float | None
    provider_cache_hit_rate: float | None
    last_used: datetime


def model_statistics(
    connection: sa.Connection, *, at: int | None = None, after: int = 0
) -> Page[ModelStatisticsView]:
    """Give the figures of all models that were used up to a position, in order of name.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
    """
    position, lag = computed_at(connection, activity.NAME, at=at)
    source = activity.measured(after, position)
    column = source.columns
    groups = (column.name, column.kind)
    found = tally(connection, source, groups, column.kind.in_(KINDS), sums=SUMS)
    items = tuple(_view(model, tallies) for model, tallies in sorted(by_kind(found).items()))
    return Page[ModelStatisticsView](position=position, lag=lag, items=items)


def _view(model: str, tallies: Tallies) -> ModelStatisticsView:
    answers = tallies.of("model_answer")
    return ModelStatisticsView(
        model=model,
        calls=tallies.number("model_call"),
        answers=answers.count,
        failures=tallies.number("model_failure"),
        rejections=tallies.number("answer_rejected"),
        input_tokens=answers.input_tokens,
        output_tokens=answers.output_tokens,
        cache_read_tokens=answers.cache_read_tokens,
        cache_write_tokens=answers.cache_write_tokens,
        cost_usd=answers.cost_usd,
        unpriced=answers.count - answers.priced,
        mean_duration_ms=answers.mean_duration_ms,
        provider_cache_hit_rate=answers.cache_hit_rate,
        last_used=tallies.last_seen,
    )
