"""Comparing: what another embedder would have changed in searches that were made."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from infrastructure.similar import sql
from infrastructure.similar.models import Comparison, ModelView
from infrastructure.similar.search import LiveModel, SimilarRequest, SimilarSearch

if TYPE_CHECKING:
    from infrastructure.database import Connection

MOST_QUERIES = 200
"""Logged searches that are repeated, at most."""

HITS = 10


def compare(
    connection: Connection, search: SimilarSearch, live: ModelView, building: ModelView
) -> Comparison:
    """Repeat logged searches with both models, as of the position of each."""
    overlaps: list[float] = []
    correlations: list[float] = []
    logged = connection.execute(sql.LOGGED_QUERIES, {"limit": MOST_QUERIES}).fetchall()
    for tenant, position, text in logged:
        request = SimilarRequest(text, at=position, tenant=tenant, limit=HITS)
        before, after = (
            [hit.position for hit in search.search_with(request, _live(model)).items]
            for model in (live, building)
        )
        if before or after:
            overlaps.append(overlap(before, after))
        correlation = rank_correlation(before, after)
        if correlation is not None:
            correlations.append(correlation)
    return Comparison(
        queries=len(logged),
        overlap=fmean(overlaps) if overlaps else None,
        rank_correlation=fmean(correlations) if correlations else None,
    )


def overlap(before: Sequence[int], after: Sequence[int]) -> float:
    """Give the share of hits that both lists have, of the longer one."""
    return len(set(before) & set(after)) / max(len(before), len(after))


def rank_correlation(before: Sequence[int], after: Sequence[int]) -> float | None:
    """Give Spearman's rank correlation of the hits that both lists have; None for fewer than two.

    Without ties it is 1 - 6 sum(d^2) / (n (n^2 - 1)), d being the difference of two ranks.
    """
    common = set(before) & set(after)
    if len(common) < 2:  # noqa: PLR2004 - one hit has no order
        return None
    ranks = [
        {hit: rank for rank, hit in enumerate(hit for hit in hits if hit in common)}
        for hits in (before, after)
    ]
    count = len(common)
    squares = sum((ranks[0][hit] - ranks[1][hit]) ** 2 for hit in common)
    return 1 - 6 * squares / (count * (count**2 - 1))


def _live(model: ModelView) -> LiveModel:
    return LiveModel(model.number, model.embedder, model.name)
