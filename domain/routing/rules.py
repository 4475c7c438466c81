"""Rules: how far a candidate's skills and describing words cover what a task needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from domain.decision import Candidate
from domain.routing.values import Need, Profile
from domain.routing.words import occurs

SKILLS_WEIGHT = 0.8
WORDS_WEIGHT = 0.2


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


def parts_by_rules(profile: Profile, need: Need, *, in_team: bool = False) -> dict[str, float]:
    """Score one candidate by skills (weight 0.8) and describing words (0.2).

    A pattern of the candidate that occurs in the task counts as all describing words. Where no
    skill is wanted, the words count in full; but in a team, whose members were named for
    the work, nobody then lacks anything.
    """
    vacuous = in_team and not need.skills
    cover = 1.0 if vacuous else skill_cover(profile.abilities, need.skills)
    words_weight = WORDS_WEIGHT if need.skills or in_team else 1.0
    marked = any(occurs(pattern, need.spoken) for pattern in profile.patterns)
    return {
        "skills": SKILLS_WEIGHT * cover,
        "words": words_weight * (1.0 if marked else word_cover(profile.describing, need.occurring)),
    }


def fitness_in_team(profile: Profile, need: Need) -> float:
    """Tell by the rules how well a member of a team fits a task, 0 to 1."""
    return sum(parts_by_rules(profile, need, in_team=True).values())


def score(profile: Profile, need: Need) -> Candidate:
    """Score one candidate by the rules alone."""
    parts = {name: round(part, 4) for name, part in parts_by_rules(profile, need).items()}
    return Candidate(
        agent_id=profile.agent_id,
        handle=profile.handle,
        score=round(sum(parts.values()), 4),
        parts=parts,
    )
