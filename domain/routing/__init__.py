"""Routing: who among the candidates fits a task, and why.

Strategies score candidates, each by its own measure; weights put several of them together. They are
pure: what comes from outside stands in the evidence, and then in the decision.
"""

from __future__ import annotations

from domain.routing.choosing import choose, fit, rank
from domain.routing.combining import score_all
from domain.routing.evidence import (
    NO_EVIDENCE,
    Choice,
    Evidence,
    Offer,
    TrackRecord,
    evidence_in,
)
from domain.routing.naming import (
    ASSIGNMENT,
    AUCTION,
    HIERARCHY,
    MODEL,
    NAMED,
    RULES,
    SIMILARITY,
    STRATEGIES,
    TRACK_RECORD,
    Routing,
    RoutingError,
    check_routing,
    name_of,
    parse_routing,
    weights_of,
)
from domain.routing.rules import (
    SKILLS_WEIGHT,
    WORDS_WEIGHT,
    fitness_in_team,
    score,
    skill_cover,
    word_cover,
)
from domain.routing.strategies import Case, expected_success
from domain.routing.values import Ground, Need, Profile
from domain.routing.words import words_in

STRATEGY = RULES

__all__ = [
    "ASSIGNMENT",
    "AUCTION",
    "HIERARCHY",
    "MODEL",
    "NAMED",
    "NO_EVIDENCE",
    "RULES",
    "SIMILARITY",
    "SKILLS_WEIGHT",
    "STRATEGIES",
    "STRATEGY",
    "TRACK_RECORD",
    "WORDS_WEIGHT",
    "Case",
    "Choice",
    "Evidence",
    "Ground",
    "Need",
    "Offer",
    "Profile",
    "Routing",
    "RoutingError",
    "TrackRecord",
    "check_routing",
    "choose",
    "evidence_in",
    "expected_success",
    "fit",
    "fitness_in_team",
    "name_of",
    "parse_routing",
    "rank",
    "score",
    "score_all",
    "skill_cover",
    "weights_of",
    "word_cover",
    "words_in",
]
