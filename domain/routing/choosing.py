"""Choosing: the best of scored candidates, or nobody; and what is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.decision import Candidate, Decision
from domain.routing.naming import RULES
from domain.routing.values import Ground, Need


def rank(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Put the best first; ties stand in order of handle."""
    return tuple(sorted(candidates, key=lambda candidate: (-candidate.score, candidate.handle)))


def fit(candidate: Candidate) -> float:
    """Tell how well a candidate fits, however busy it is."""
    load = candidate.parts.get("load")
    return candidate.score if load is None else round(sum(candidate.parts.values()) - load, 4)


def choose(
    candidates: Iterable[Candidate], ground: Ground, need: Need, *, strategy: str = RULES
) -> Decision:
    """Choose the best candidate, or nobody when none reaches the threshold.

    The confidence is the best score, halved to the degree that the second best comes close:
    `best * (1 - second / best / 2)`.
    """
    ranked = rank(candidates)
    best = ranked[0] if ranked else None
    chosen = best if best is not None and fit(best) >= ground.threshold else None
    return Decision(
        decision_id=ground.decision_id,
        strategy=strategy,
        policy_version=ground.policy_version,
        candidates=ranked,
        chosen=chosen.handle if chosen else None,
        confidence=_confidence(ranked) if chosen else 0.0,
        reason=_reason(ranked, chosen, ground, need),
        knowledge_position=ground.knowledge_position,
    )


def _confidence(ranked: Sequence[Candidate]) -> float:
    best = ranked[0].score
    second = ranked[1].score if len(ranked) > 1 else 0.0
    return round(best - second / 2, 4)


def _reason(
    ranked: Sequence[Candidate], chosen: Candidate | None, ground: Ground, need: Need
) -> str:
    wanted = ", ".join(need.skills) or "no particular skill"
    if not ranked:
        return f"Nobody is there to be considered for {wanted}."
    best = ranked[0]
    if chosen is None:
        return (
            f"Nobody fits {wanted}: the best, {best.handle}, scores {fit(best):.2f},"
            f" under the threshold of {ground.threshold:.2f}."
        )
    return f"{best.handle} fits {wanted} best, with a score of {fit(best):.2f}{_tie(ranked)}."


def _tie(ranked: Sequence[Candidate]) -> str:
    """Say among whom what decided, where several fit equally well."""
    best = ranked[0]
    equals = [each for each in ranked[1:] if fit(each) == fit(best)]
    busier = [each.handle for each in equals if each.score < best.score]
    tied = [each.handle for each in equals if each.score == best.score]
    said = f", less busy than {', '.join(busier)}" if busier else ""
    return f"{said}, first by handle among equals with {', '.join(tied)}" if tied else said
