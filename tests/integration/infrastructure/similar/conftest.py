"""Fixtures of similar-query search."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.similar import SimilarSide, open_similar_side


@pytest.fixture
def side(database_url: str) -> Iterator[SimilarSide]:
    """A log with read models and similar-query search, all empty."""
    with open_similar_side(database_url) as side:
        yield side
