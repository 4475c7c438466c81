"""Strategies: each scores all candidates for a task by a measure of its own, 0 to 1.

A score is the sum of named parts. No two strategies share the name of a part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from domain.routing.evidence import Evidence, TrackRecord
from domain.routing.naming import ASSIGNMENT, AUCTION, MODEL, RULES, SIMILARITY, TRACK_RECORD
from domain.routing.rules import fitness_in_team, parts_by_rules, skill_cover
from domain.routing.values import Need, Profile

Parts = dict[str, float]

UNLIKE, ALIKE = 0.15, 0.55
"""Cosines at which a description and a task count as nothing alike, and as fully alike."""

SUCCESS_WEIGHT, LATENCY_WEIGHT, COST_WEIGHT = 0.7, 0.15, 0.15
PRIOR_COMPLETED, PRIOR_FAILED = 4.0, 1.0
"""Tasks that everybody is taken to have completed and failed before the first: an agent was
registered because it is expected to succeed, and five tasks of its own weigh as much."""

OPTIMISM = 0.5
"""Standard deviations that success is estimated above its mean, so that who is little known is
tried where those who are well known do not do better."""

CONFIDENCE_WEIGHT, PRICE_WEIGHT, TIME_WEIGHT = 0.6, 0.2, 0.2


@dataclass(frozen=True, slots=True)
class Case:
    """A task, and who might do it.

    Attributes:
        in_team: whether the candidates were named for the work, as members of a team.
    """

    profiles: Sequence[Profile]
    need: Need
    evidence: Evidence
    in_team: bool = False


Strategy = Callable[[Case], Mapping[str, Parts]]
"""Gives the parts of each candidate's score, by handle."""


def by_rules(case: Case) -> dict[str, Parts]:
    """Score by skills and describing words: parts `skills` and `words`."""
    return {
        each.handle: parts_by_rules(each, case.need, in_team=case.in_team) for each in case.profiles
    }


def by_similarity(case: Case) -> dict[str, Parts]:
    """Score by how near descriptions are to the task in meaning: part `similarity`.

    Cosines are stretched from 0.15..0.55, where those of the house's embedder lie, to 0..1.
    """
    cosines = case.evidence.similarity
    return {
        each.handle: {"similarity": _between(cosines.get(each.handle, UNLIKE), UNLIKE, ALIKE)}
        for each in case.profiles
    }


def by_track_record(case: Case) -> dict[str, Parts]:
    """Score by what became of such work before: parts `success`, `latency` and `cost`.

    Success is estimated from a beta distribution over the rate of success, half a standard
    deviation above its mean. Latency and cost compare with the fastest and the cheapest candidate;
    who has no record of them is not held back. All of it counts only as far as the candidate has
    the skills that are wanted, since a good record in other work says nothing.
    """
    records = {each.handle: case.evidence.records.get(each.handle) for each in case.profiles}
    known = [record for record in records.values() if record is not None]
    fastest = _least(record.duration_s for record in known)
    cheapest = _least(record.cost_usd for record in known)
    skills = case.need.skills
    scored = {}
    for each in case.profiles:
        record = records[each.handle] or NEWCOMER
        cover = skill_cover(each.abilities, skills) if skills else 1.0
        scored[each.handle] = {
            "success": SUCCESS_WEIGHT * cover * expected_success(record),
            "latency": LATENCY_WEIGHT * cover * _against(fastest, record.duration_s),
            "cost": COST_WEIGHT * cover * _against(cheapest, record.cost_usd),
        }
    return scored


def by_model(case: Case) -> dict[str, Parts]:
    """Score by what a model said: part `model`, its confidence for whom it chose."""
    choice = case.evidence.choice
    return {
        each.handle: {"model": choice.confidence if choice and choice.agent == each.handle else 0.0}
        for each in case.profiles
    }


def by_auction(case: Case) -> dict[str, Parts]:
    """Score by what candidates offer: parts `confidence`, `price` and `time`.

    Price and time compare with the lowest offers; who is not willing scores nothing.
    """
    offers = case.evidence.offers
    lowest = _least(offer.cost_usd for offer in offers.values())
    shortest = _least(offer.duration_s for offer in offers.values())
    scored: dict[str, Parts] = {}
    for each in case.profiles:
        offer = offers.get(each.handle)
        scored[each.handle] = {
            "confidence": CONFIDENCE_WEIGHT * offer.confidence if offer else 0.0,
            "price": PRICE_WEIGHT * _against(lowest, offer.cost_usd) if offer else 0.0,
            "time": TIME_WEIGHT * _against(shortest, offer.duration_s) if offer else 0.0,
        }
    return scored


def by_assignment(case: Case) -> dict[str, Parts]:
    """Score so that whoever the tasks of the plan are assigned to together comes first.

    The member to whom the task falls scores how it fits by the rules: part `assignment`. What the
    others score is half of that at most, in proportion to how they fit: part `alternative`. Where
    tasks are not given out together, the rules decide.
    """
    chosen = next((each for each in case.profiles if each.handle == case.evidence.assigned), None)
    if chosen is None:
        return by_rules(case)
    fits = fitness_in_team(chosen, case.need)
    return {
        each.handle: {"assignment": fits}
        if each is chosen
        else {"alternative": fits * fitness_in_team(each, case.need) / 2}
        for each in case.profiles
    }


BY_NAME: Mapping[str, Strategy] = {
    RULES: by_rules,
    SIMILARITY: by_similarity,
    TRACK_RECORD: by_track_record,
    MODEL: by_model,
    AUCTION: by_auction,
    ASSIGNMENT: by_assignment,
}


def expected_success(record: TrackRecord) -> float:
    """Estimate how probably an agent succeeds, 0 to 1; each success raises it.

    Mean and standard deviation are those of the beta distribution that the record makes of the
    prior. See Kaufmann, Cappe and Garivier, On Bayesian Upper Confidence Bounds for Bandit Problems
    (AISTATS 2012), for why optimism keeps newcomers from being starved.
    """
    good, bad = PRIOR_COMPLETED + record.completed, PRIOR_FAILED + record.failed
    total = good + bad
    deviation = sqrt(good * bad / (total * total * (total + 1)))
    return min(good / total + OPTIMISM * deviation, 1.0)


NEWCOMER = TrackRecord()


def _between(figure: float, low: float, high: float) -> float:
    return min(max((figure - low) / (high - low), 0.0), 1.0)


def _least(figures: Iterable[float | None]) -> float | None:
    return min((figure for figure in figures if figure is not None), default=None)


def _against(least: float | None, figure: float | None) -> float:
    """Compare with the least: 1 for it and for what is not known, 0.5 for twice as much."""
    if figure is None or least is None or figure <= least:
        return 1.0
    return least / figure
