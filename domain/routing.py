"""Routing by rules: who among the candidates fits a task, and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property, lru_cache
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

    @cached_property
    def abilities(self) -> frozenset[str]:
        """The skills, to look one up in."""
        return frozenset(self.skills)

    @cached_property
    def describing(self) -> frozenset[str]:
        """The words that describe the candidate, names of skills among them."""
        return _described(f"{self.words} {' '.join(self.skills)}")


class Need(Value):
    """What a task needs.

    Attributes:
        skills: wanted skills, most important first.
        words: title and instruction of the task.
    """

    skills: tuple[str, ...]
    words: str

    @cached_property
    def occurring(self) -> frozenset[str]:
        """The words that occur in title and instruction."""
        return words_in(self.words)


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


def words_in(text: str) -> frozenset[str]:
    """Take the words of three letters or more out of a text, letter case aside."""
    return frozenset(word.casefold() for word in _WORD.findall(text))


@lru_cache(1024)
def _described(text: str) -> frozenset[str]:
    """Take the words out of a description, which is asked for again and again."""
    return words_in(text)


def skill_cover(skills: Collection[str], wanted: Sequence[str]) -> float:
    """Tell which share of the wanted skills is covered; the first weighs 1, the n-th 1/n."""
    if not wanted:
        return 0.0
    covered = total = 0.0
    for rank, skill in enumerate(wanted, start=1):
        total += 1 / rank
        if skill in skills:
            covered += 1 / rank
    return covered / total


def word_cover(describing: Collection[str], occurring: frozenset[str]) -> float:
    """Tell which share of the describing words occurs."""
    return len(occurring.intersection(describing)) / len(describing) if describing else 0.0


def score(profile: Profile, need: Need) -> Candidate:
    """Score one candidate by skills (weight 0.8) and describing words (0.2).

    Where no skill is wanted, the words count in full.
    """
    words_weight = WORDS_WEIGHT if need.skills else 1.0
    parts = {
        "skills": round(SKILLS_WEIGHT * skill_cover(profile.abilities, need.skills), 4),
        "words": round(words_weight * word_cover(profile.describing, need.occurring), 4),
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
