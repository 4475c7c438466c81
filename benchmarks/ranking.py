"""Ranking: how often the document that answers a query comes first, or among the first ten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 100
"""Documents that each ranking gives to the fusion."""

SHOWN = 10
"""Documents that somebody who searches looks at."""

RANK_CONSTANT = 10
"""k of reciprocal rank fusion."""

Scores = NDArray[np.floating[Any]]
"""A row for each query and a column for each document."""


class Hits(NamedTuple):
    """Share of queries whose document is the first, and is among the first ten, in percent."""

    at_1: float
    at_10: float


def lexical_scores(
    queries: Sequence[Mapping[int, float]], documents: Sequence[Mapping[int, float]]
) -> Scores:
    """Multiply the weights of every query with those of every document."""
    places: dict[int, list[int]] = defaultdict(list)
    weights: dict[int, list[float]] = defaultdict(list)
    for place, document in enumerate(documents):
        for dimension, weight in document.items():
            places[dimension].append(place)
            weights[dimension].append(weight)
    postings = {key: (np.array(places[key]), np.array(weights[key])) for key in places}
    scores = np.zeros((len(queries), len(documents)))
    for row, query in zip(scores, queries, strict=True):
        for dimension, weight in query.items():
            if dimension in postings:
                found, by = postings[dimension]
                row[found] += weight * by
    return scores


def vector_scores(
    embed: Callable[[Sequence[str]], NDArray[np.float32]],
    queries: Sequence[str],
    documents: Sequence[str],
) -> Scores:
    """Take the cosine of every query with every document."""
    cosines: Scores = embed(queries) @ embed(documents).T
    return cosines


def fused(parts: Sequence[tuple[Scores, float]]) -> Scores:
    """Fuse rankings by reciprocal rank (Cormack et al. 2009), each with its weight."""
    total = np.zeros(parts[0][0].shape)
    for scores, weight in parts:
        first = np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES]
        gains = weight / (RANK_CONSTANT + 1 + np.arange(first.shape[1]))
        np.put_along_axis(total, first, np.take_along_axis(total, first, axis=1) + gains, axis=1)
    return total


def hits(scores: Scores) -> Hits:
    """Count, where the document of each query has the query's own number; ties count against."""
    own = np.diagonal(scores)[:, np.newaxis]
    ranks = (scores >= own).sum(axis=1)
    return Hits(at_1=100 * float((ranks <= 1).mean()), at_10=100 * float((ranks <= SHOWN).mean()))
