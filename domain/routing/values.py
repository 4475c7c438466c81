"""Values: what is known of a candidate, what a task needs, and what a decision rests on."""

from __future__ import annotations

from functools import cached_property, lru_cache
from uuid import UUID

from domain.decision import Share
from domain.routing.words import every_word_in, words_in
from domain.value import NonEmptyText, Value


class Profile(Value):
    """What is known of a candidate.

    Attributes:
        words: free text that describes it, such as its speciality.
        patterns: words that mark its work in a task; `*` stands for any letters.
    """

    agent_id: UUID
    handle: NonEmptyText
    skills: tuple[str, ...]
    words: str = ""
    patterns: tuple[str, ...] = ()

    @cached_property
    def abilities(self) -> frozenset[str]:
        """The skills, to look one up in."""
        return frozenset(self.skills)

    @cached_property
    def describing(self) -> frozenset[str]:
        """The words that describe the candidate, names of skills among them."""
        return _described(f"{self.words} {' '.join(self.skills)}")

    @cached_property
    def description(self) -> str:
        """What the candidate does, in words that can be compared by meaning."""
        return f"{self.words} {' '.join(skill.replace('_', ' ') for skill in self.skills)}".strip()


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

    @cached_property
    def spoken(self) -> tuple[str, ...]:
        """All words of title and instruction, short ones too, letter case aside."""
        return every_word_in(self.words)

    @cached_property
    def description(self) -> str:
        """What the task is about, in words that can be compared by meaning."""
        return f"{self.words} {' '.join(skill.replace('_', ' ') for skill in self.skills)}".strip()


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


@lru_cache(1024)
def _described(text: str) -> frozenset[str]:
    """Take the words out of a description, which is asked for again and again."""
    return words_in(text)
