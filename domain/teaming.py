"""Teaming: which agents make a good team for what is needed, and by how much.

The mission gives three weights that do not sum to one, so the score adds what is good, takes away
what costs, and is brought to 0 to 1 by the least and the most it can be:

    raw   = 0.8 * diversity - 0.2 * communication + 0.9 * fitness
    score = (raw + 0.2) / 1.9

- diversity, 0 to 1: Shannon entropy (A Mathematical Theory of Communication, 1948) of the members'
  skills. With n(s) members that have skill s and N the sum of all n(s), it is
  `-sum(n(s) / N * ln(n(s) / N))`, divided by the greatest entropy that a team of this size could
  reach among these candidates: `ln(min(different skills of all, sum of the longest skill lists))`.
- communication, 0 to 1: mean distance of two members in the graph of who worked with whom, divided
  by the longest way through the hierarchy; 0 for a team of one.
- fitness, 0 to 1: mean over the needs of how well the fittest member fits each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from heapq import heappop, heappush, nlargest
from itertools import combinations
from math import comb, log
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.decision import Share
from domain.errors import DomainError
from domain.value import NonEmptyText, Value

DIVERSITY_WEIGHT = 0.8
COMMUNICATION_WEIGHT = 0.2
FITNESS_WEIGHT = 0.9
_LEAST = -COMMUNICATION_WEIGHT
_MOST = DIVERSITY_WEIGHT + FITNESS_WEIGHT

EXACT_UP_TO = 3_000
"""Teams that are compared one by one; where there are more, the search is greedy."""

LONGEST_WAY = 4.0
"""Steps between specialists of two departments: director, orchestrator, director, specialist."""

Links = Mapping[tuple[str, str], float]
"""Length of the direct way between two agents by their handles, in order; the hierarchy's is 1."""


class TeamError(DomainError):
    """No team can be formed as asked."""


class TeamCandidate(Value):
    """An agent that may be chosen.

    Attributes:
        fitness: 0 to 1 for each need, in the order of the needs.
    """

    handle: NonEmptyText
    skills: tuple[NonEmptyText, ...]
    fitness: tuple[Share, ...]


class TeamScore(Value):
    """What makes a team good; see the module for the formula.

    Attributes:
        score: 0 to 1.
        parts: each part, weighted, before it was brought to 0 to 1: `communication` is negative.
    """

    score: Share
    diversity: Share
    communication: Share
    fitness: Share
    parts: dict[str, float]

    @classmethod
    def of(cls, diversity: float, communication: float, fitness: float) -> Self:
        """Combine the three figures."""
        parts = {
            "diversity": DIVERSITY_WEIGHT * diversity,
            "communication": -COMMUNICATION_WEIGHT * communication,
            "fitness": FITNESS_WEIGHT * fitness,
        }
        score = (sum(parts.values()) - _LEAST) / (_MOST - _LEAST)
        return cls(
            score=round(min(1.0, max(0.0, score)), 6),
            diversity=round(diversity, 6),
            communication=round(communication, 6),
            fitness=round(fitness, 6),
            parts={name: round(value, 6) for name, value in parts.items()},
        )


class TeamChoice(Value):
    """The team that was found.

    Attributes:
        members: handles, in order.
        search: `exact` when all teams were compared, else `greedy`.
        compared: how many teams were scored.
    """

    members: tuple[NonEmptyText, ...]
    score: TeamScore
    search: NonEmptyText
    compared: Annotated[int, Field(ge=1)]


class TeamGround(Value):
    """Whom a team is chosen from, and what it is scored by.

    Attributes:
        distances: 0 to 1 for each pair of handles, in order; a pair that is missing is 1 apart.
        size: members it shall have.
        kept: handles of members it shall have in any case.
    """

    candidates: tuple[TeamCandidate, ...]
    distances: dict[tuple[str, str], Share]
    size: Annotated[int, Field(ge=1)]
    kept: tuple[NonEmptyText, ...] = ()

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        handles = [candidate.handle for candidate in self.candidates]
        if len(set(handles)) < len(handles):
            raise ValueError("a candidate stands there twice")
        if len({len(candidate.fitness) for candidate in self.candidates}) > 1:
            raise ValueError("each candidate needs one fitness for each need")
        return self

    @cached_property
    def greatest_entropy(self) -> float:
        """The most that the entropy of a team of this size could be."""
        lengths = nlargest(self.size, (len(set(each.skills)) for each in self.candidates))
        different = len({skill for each in self.candidates for skill in each.skills})
        most = min(different, sum(lengths))
        return log(most) if most > 1 else 0.0

    def distance(self, one: str, other: str) -> float:
        """Tell how far two members are apart, 0 to 1."""
        return self.distances.get((one, other) if one < other else (other, one), 1.0)


def entropy(counts: Iterable[int]) -> float:
    """Give the Shannon entropy, in nats, of a distribution given by counts."""
    positive = [count for count in counts if count > 0]
    total = sum(positive)
    return -sum(count / total * log(count / total) for count in positive) if total else 0.0


def score_team(team: Sequence[TeamCandidate], ground: TeamGround) -> TeamScore:
    """Score a team by diversity, communication and fitness."""
    skills = Counter(skill for member in team for skill in set(member.skills))
    greatest = ground.greatest_entropy
    diversity = min(1.0, entropy(skills.values()) / greatest) if greatest else 0.0
    pairs = list(combinations(sorted(member.handle for member in team), 2))
    communication = sum(ground.distance(*pair) for pair in pairs) / len(pairs) if pairs else 0.0
    needs = len(team[0].fitness)
    fitness = (
        sum(max(member.fitness[need] for member in team) for need in range(needs)) / needs
        if needs
        else 0.0
    )
    return TeamScore.of(diversity, communication, fitness)


def choose_team(ground: TeamGround) -> TeamChoice:
    """Find a team with a high score: the best one where few are possible, else by greedy search.

    Greedy: the member that raises the score most joins until the team is complete, beginning once
    with each of the fittest few; then members are exchanged one for one as long as that raises the
    score. Of equal teams the first by handles is chosen.

    Raises:
        TeamError: there are fewer candidates than members wanted, or one to be kept is not there.
    """
    by_handle = {each.handle: each for each in sorted(ground.candidates, key=_by_handle)}
    missing = [handle for handle in ground.kept if handle not in by_handle]
    if missing:
        raise TeamError(f"{', '.join(missing)} cannot be kept: not among the candidates.")
    if not max(1, len(ground.kept)) <= ground.size <= len(by_handle):
        raise TeamError(
            f"A team of {ground.size} cannot be formed out of {len(by_handle)} candidates"
            f" of whom {len(ground.kept)} are kept."
        )
    kept = [by_handle[handle] for handle in ground.kept]
    free = [each for each in by_handle.values() if each.handle not in ground.kept]
    search = _Search(ground)
    if comb(len(free), ground.size - len(kept)) <= EXACT_UP_TO:
        teams = combinations(free, ground.size - len(kept))
        best = search.best([*kept, *team] for team in teams)
        name = "exact"
    else:
        best = search.greedily(kept, free)
        name = "greedy"
    return TeamChoice(
        members=tuple(sorted(member.handle for member in best)),
        score=score_team(best, ground),
        search=name,
        compared=search.compared,
    )


class _Search:
    """Compares teams, and counts how many."""

    STARTS = 4

    def __init__(self, ground: TeamGround) -> None:
        self._ground = ground
        self.compared = 0

    def best(self, teams: Iterable[list[TeamCandidate]]) -> list[TeamCandidate]:
        """Give the best of some teams."""
        return min(teams, key=self._rank)

    def greedily(self, kept: list[TeamCandidate], free: list[TeamCandidate]) -> list[TeamCandidate]:
        """Let teams grow from several beginnings, mend each, and give the best."""
        fittest = sorted(free, key=lambda each: (-sum(each.fitness), each.handle))
        starts = [[]] if kept else [[each] for each in fittest[: self.STARTS]]
        return self.best(
            [self._mended(self._grown([*kept, *start], free), kept, free) for start in starts]
        )

    def _grown(self, team: list[TeamCandidate], free: list[TeamCandidate]) -> list[TeamCandidate]:
        while len(team) < self._ground.size:
            team = self.best([*team, each] for each in free if each not in team)
        return team

    def _mended(
        self, team: list[TeamCandidate], kept: list[TeamCandidate], free: list[TeamCandidate]
    ) -> list[TeamCandidate]:
        while True:
            exchanged = (
                [joining if member is leaving else member for member in team]
                for leaving in team
                if leaving not in kept
                for joining in free
                if joining not in team
            )
            better = self.best([team, *exchanged])
            if self._rank(better)[0] >= self._rank(team)[0]:
                return team
            team = better

    def _rank(self, team: list[TeamCandidate]) -> tuple[float, list[str]]:
        self.compared += 1
        return -score_team(team, self._ground).score, sorted(each.handle for each in team)


def _by_handle(candidate: TeamCandidate) -> str:
    return candidate.handle


def reliability(successes: int, attempts: int) -> float:
    """Estimate how probably an agent succeeds, 0 to 1, from what is recorded.

    `(successes + 2) / (attempts + 2)`: an agent without a record counts as reliable, so that new
    ones are tried, and each failure is felt at once.
    """
    return (successes + 2) / (attempts + 2)


def distances(
    handles: Iterable[str], links: Links, longest: float = LONGEST_WAY
) -> dict[tuple[str, str], float]:
    """Give the shortest ways between agents, 0 to 1, where `longest` or more counts as 1.

    Dijkstra, A Note on Two Problems in Connexion with Graphs (1959).

    Args:
        links: direct ways; those between agents that are not asked for can be gone too.
    """
    wanted = sorted(set(handles))
    neighbours: dict[str, list[tuple[str, float]]] = {}
    for (one, other), length in links.items():
        neighbours.setdefault(one, []).append((other, length))
        neighbours.setdefault(other, []).append((one, length))
    found: dict[tuple[str, str], float] = {}
    for number, start in enumerate(wanted):
        ways = _ways_from(start, neighbours, longest)
        for other in wanted[number + 1 :]:
            found[start, other] = round(min(1.0, ways.get(other, longest) / longest), 6)
    return found


def _ways_from(
    start: str, neighbours: Mapping[str, Sequence[tuple[str, float]]], longest: float
) -> dict[str, float]:
    ways: dict[str, float] = {}
    ahead = [(0.0, start)]
    while ahead:
        way, agent = heappop(ahead)
        if agent in ways:
            continue
        ways[agent] = way
        for neighbour, length in neighbours.get(agent, ()):
            if neighbour not in ways and way + length < longest:
                heappush(ahead, (way + length, neighbour))
    return ways


def link_length(times_worked_together: int) -> float:
    """Give the length of the direct way between two agents that worked together.

    `2 / (1 + times)`: one time is as near as a director is to a specialist, 9 times a fifth of it.
    """
    return 2.0 / (1 + times_worked_together)
