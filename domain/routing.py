"""Routing by rules: who among the candidates fits a task, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.decision import Candidate, Decision, Share
from domain.value import NonEmptyText, Value

STRATEGY = "rules"
SKILLS_WEIGHT = 0.8
WORDS_WEIGHT = 0.2
_WORD = re.compile(r"[^\W_]{3,}")


class Profile(Value):
    """What the rules know of a candidate.

    Attributes:
        words: free text that describes it, such as its speciality.
    """

    agent_id: UUID
    handle: NonEmptyText
    skills: tuple[str, ...]
    words: str = ""


class Need(Value):
    """What a task needs.

    Attributes:
        skills: wanted skills, most important first.
        words: title and instruction of the task.
    """

    skills: tuple[str, ...]
    words: str


class Ground(Value):
    """What a decision rests on beside its candidates.

    Attributes:
        threshold: score below which nobody is chosen.
        knowledge_position: position of the log up to which the decider knew it.
    """

    decision_id: UUID
    policy_version: NonEmptyText
    threshold: Share
    knowledge_position: int


def skill_cover(skills: Iterable[str], wanted: Sequence[str]) -> float:
    """Tell which share of the wanted skills is covered; the first weighs 1, the n-th 1/n."""
    if not wanted:
        return 0.0
    have = set(skills)
    weights = [1 / rank for rank in range(1, len(wanted) + 1)]
    covered = sum(weight for skill, weight in zip(wanted, weights, strict=True) if skill in have)
    return covered / sum(weights)


def word_cover(words: str, text: str) -> float:
    """Tell which share of the describing words occurs in a text, letter case aside."""
    describing = {word.casefold() for word in _WORD.findall(words)}
    if not describing:
        return 0.0
    occurring = {word.casefold() for word in _WORD.findall(text)}
    return len(describing & occurring) / len(describing)


def score(profile: Profile, need: Need) -> Candidate:
    """Score one candidate by skills (weight 0.8) and describing words (0.2).

    Where no skill is wanted, the words count in full.
    """
    words_weight = WORDS_WEIGHT if need.skills else 1.0
    parts = {
        "skills": round(SKILLS_WEIGHT * skill_cover(profile.skills, need.skills), 4),
        "words": round(
            words_weight * word_cover(f"{profile.words} {' '.join(profile.skills)}", need.words), 4
        ),
    }
    return Candidate(
        agent_id=profile.agent_id,
        handle=profile.handle,
        score=round(sum(parts.values()), 4),
        parts=parts,
    )


def rank(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Put the best first; ties stand in order of handle."""
    return tuple(sorted(candidates, key=lambda candidate: (-candidate.score, candidate.handle)))


def choose(
    candidates: Iterable[Candidate], ground: Ground, need: Need, *, strategy: str = STRATEGY
) -> Decision:
    """Choose the best candidate, or nobody when none reaches the threshold.

    The confidence is the best score, halved to the degree that the second best comes close:
    `best * (1 - second / best / 2)`.
    """
    ranked = rank(candidates)
    best = ranked[0] if ranked else None
    chosen = best if best is not None and best.score >= ground.threshold else None
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
            f"Nobody fits {wanted}: the best, {best.handle}, scores {best.score:.2f},"
            f" under the threshold of {ground.threshold:.2f}."
        )
    tied = [other.handle for other in ranked[1:] if other.score == best.score]
    tie = f", first by handle among equals with {', '.join(tied)}" if tied else ""
    return f"{best.handle} fits {wanted} best, with a score of {best.score:.2f}{tie}."
