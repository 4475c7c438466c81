"""Combining: the scores of several strategies, weighted and put together."""

from __future__ import annotations

from collections.abc import Mapping

from domain.decision import Candidate
from domain.routing.strategies import BY_NAME, Case

LOAD_STEP = 0.0001
"""What an open task takes off a score: the smallest step there is, so that it decides among equals
alone."""


def score_all(weights: Mapping[str, float], case: Case) -> list[Candidate]:
    """Score all candidates of a case.

    Args:
        weights: of each strategy, together 1.
    """
    by_strategy = [(weight, BY_NAME[name](case)) for name, weight in weights.items()]
    loads = case.evidence.loads
    candidates = []
    for profile in case.profiles:
        handle = profile.handle
        parts = {
            part: round(weight * points, 4)
            for weight, scored in by_strategy
            for part, points in scored[handle].items()
        }
        if loads is not None:
            parts["load"] = round(-LOAD_STEP * loads.get(handle, 0), 4)
        candidates.append(
            Candidate(
                agent_id=profile.agent_id,
                handle=handle,
                score=round(min(max(sum(parts.values()), 0.0), 1.0), 4),
                parts=parts,
                facts=case.evidence.facts_of(handle),
            )
        )
    return candidates
