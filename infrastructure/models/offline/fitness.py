"""Fitness: how well an agent fits a task, by its skills and by the words that both share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from application.briefs import AgentBrief
from domain.planning import PlannedTask
from infrastructure.models.offline.language import is_stopword, words_of

SKILLS_WEIGHT, WORDS_WEIGHT = 0.7, 0.3
_SHORTEST_WORD = 4


@dataclass(frozen=True, slots=True)
class Fitness:
    """How well an agent fits.

    Attributes:
        score: 0 to 1.
        skills: of the task that the agent has.
        words: that the task and the agent's description share, folded.
    """

    score: float
    skills: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def said(self) -> str:
        """What speaks for the agent, in words."""
        parts = []
        if self.skills:
            parts.append(f"has {', '.join(self.skills)}")
        if self.words:
            parts.append(f"its description shares {', '.join(self.words)}")
        return " and ".join(parts) or "shares no skill and no word with the task"


def fitness(agent: AgentBrief, wanted: Sequence[str], text: str) -> Fitness:
    """Tell how well an agent fits what is wanted.

    Args:
        wanted: skills, most important first: each counts half of the one before it.
        text: what is to be done.
    """
    weights = {skill: 0.5**place for place, skill in enumerate(dict.fromkeys(wanted))}
    found = tuple(skill for skill in weights if skill in agent.skills)
    of_skills = sum(weights[skill] for skill in found) / sum(weights.values()) if weights else 0.0
    asked = content_words(text)
    own = content_words(" ".join((agent.description, agent.display_name, *agent.skills)))
    shared = tuple(sorted(asked & own))
    of_words = min(len(shared) / 3, 1.0)
    if not weights:
        return Fitness(round(of_words, 3), (), shared)
    return Fitness(round(SKILLS_WEIGHT * of_skills + WORDS_WEIGHT * of_words, 3), found, shared)


def fitness_for(agent: AgentBrief, task: PlannedTask) -> Fitness:
    """Tell how well an agent fits a task."""
    return fitness(agent, task.skills, f"{task.title} {task.instruction}")


def fittest(agents: Iterable[AgentBrief], task: PlannedTask) -> tuple[AgentBrief, Fitness] | None:
    """Find who fits a task best; the first by handle of equals, nobody when none fits."""
    rated = [(agent, fitness_for(agent, task)) for agent in agents]
    rated.sort(key=lambda pair: (-pair[1].score, pair[0].handle))
    return rated[0] if rated and rated[0][1].score > 0 else None


def content_words(text: str) -> set[str]:
    """Give the folded words of a text that carry meaning; plurals as their singular."""
    words = words_of(text)
    return {
        word.removesuffix("s") if len(word) > _SHORTEST_WORD else word
        for word in words
        if len(word) >= _SHORTEST_WORD and not is_stopword(word) and not word.isdecimal()
    }
