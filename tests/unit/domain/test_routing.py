"""Routing by rules: scores by skills and words, ties by handle, and nobody under the threshold."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decision import Candidate
from domain.routing import (
    SKILLS_WEIGHT,
    STRATEGY,
    WORDS_WEIGHT,
    Ground,
    Need,
    Profile,
    choose,
    rank,
    score,
    skill_cover,
    word_cover,
    words_in,
)

GROUND = Ground(decision_id=UUID(int=1), policy_version="1", threshold=0.3, knowledge_position=42)
NEED = Need(skills=("charts", "graphs"), words="Draw charts of revenue")
SKILLS = st.sampled_from(["charts", "graphs", "metrics", "reporting", "sql"])


def candidate(handle: str, points: float) -> Candidate:
    return Candidate(agent_id=UUID(int=0), handle=handle, score=points)


PROFILES = st.builds(
    Profile,
    agent_id=st.uuids(),
    handle=st.from_regex(r"[A-Z]{3}_0[0-9]{2}", fullmatch=True),
    skills=st.lists(SKILLS, max_size=4).map(tuple),
    words=st.text(max_size=20) | SKILLS,
)
NEEDS = st.builds(Need, skills=st.lists(SKILLS, max_size=4).map(tuple), words=st.text(max_size=30))
CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.from_regex(r"[A-Z]{3}_00[0-9]", fullmatch=True),
        st.integers(0, 10).map(lambda tenths: tenths / 10),
    ),
    max_size=8,
    unique_by=lambda it: it.handle,
)


def test_skills_weigh_less_the_later_they_are_named() -> None:
    wanted = ("charts", "graphs", "metrics")

    assert skill_cover(["charts"], wanted) == pytest.approx(1 / (1 + 1 / 2 + 1 / 3))
    assert skill_cover(["metrics"], wanted) == pytest.approx((1 / 3) / (1 + 1 / 2 + 1 / 3))
    assert skill_cover(["sql"], wanted) == 0.0
    assert skill_cover(wanted, wanted) == 1.0


def test_without_wanted_skills_nothing_is_covered() -> None:
    assert skill_cover(["charts"], ()) == 0.0


@pytest.mark.parametrize(
    ("words", "text", "share"),
    [
        ("Financial reports", "the FINANCIAL report", 0.5),
        ("Visualisation charts graphs", "charts, graphs; visualisation!", 1.0),
        ("straße", "STRASSE", 1.0),
        ("data_extraction", "extraction of data", 1.0),
        ("of an a", "of an a", 0.0),
        ("", "anything", 0.0),
        ("charts", "", 0.0),
    ],
)
def test_words_are_compared_whole_and_without_letter_case(
    words: str, text: str, share: float
) -> None:
    assert word_cover(words_in(words), words_in(text)) == share


def test_a_score_is_the_sum_of_its_weighted_parts() -> None:
    profile = Profile(agent_id=UUID(int=3), handle="ANA_007", skills=("charts",), words="Charts")

    scored = score(profile, NEED)

    assert (scored.agent_id, scored.handle) == (UUID(int=3), "ANA_007")
    assert scored.parts == {"skills": round(SKILLS_WEIGHT / 1.5, 4), "words": WORDS_WEIGHT}
    assert scored.score == pytest.approx(sum(scored.parts.values()))


def test_where_no_skill_is_wanted_words_count_in_full() -> None:
    profile = Profile(agent_id=UUID(int=3), handle="ANA_007", skills=("charts",), words="Graphs")

    scored = score(profile, Need(skills=(), words="Draw charts"))

    assert scored.parts == {"skills": 0.0, "words": 0.5}


@settings(deadline=None)
@given(PROFILES, NEEDS)
def test_every_score_lies_between_none_and_full(profile: Profile, need: Need) -> None:
    scored = score(profile, need)

    assert 0.0 <= scored.score <= 1.0
    assert scored.score == pytest.approx(sum(scored.parts.values()), abs=1e-4)
    assert score(profile, need) == scored


def test_ties_stand_in_order_of_handle() -> None:
    ranked = rank([candidate("B", 0.5), candidate("C", 0.9), candidate("A", 0.5)])

    assert [it.handle for it in ranked] == ["C", "A", "B"]


def test_the_best_candidate_is_chosen_with_the_ground_of_the_decision() -> None:
    decision = choose([candidate("A", 0.4), candidate("B", 0.9)], GROUND, NEED)

    assert decision.chosen == "B"
    assert decision.confidence == pytest.approx(0.9 - 0.4 / 2)
    assert [it.handle for it in decision.candidates] == ["B", "A"]
    assert decision.reason == "B fits charts, graphs best, with a score of 0.90."
    assert (decision.strategy, decision.decision_id) == (STRATEGY, GROUND.decision_id)
    assert (decision.policy_version, decision.knowledge_position) == ("1", 42)


def test_a_tie_is_decided_by_handle_and_says_so() -> None:
    decision = choose([candidate("B", 0.8), candidate("A", 0.8)], GROUND, NEED)

    assert decision.chosen == "A"
    assert "first by handle among equals with B" in decision.reason


@pytest.mark.parametrize(("points", "chosen"), [(0.3, "A"), (0.2999, None)])
def test_the_threshold_itself_is_enough(points: float, chosen: str | None) -> None:
    assert choose([candidate("A", points)], GROUND, NEED).chosen == chosen


def test_nobody_is_chosen_under_the_threshold_and_all_are_named() -> None:
    decision = choose([candidate("A", 0.1), candidate("B", 0.2)], GROUND, NEED)

    assert (decision.chosen, decision.confidence) == (None, 0.0)
    assert [it.handle for it in decision.candidates] == ["B", "A"]
    assert "the best, B, scores 0.20, under the threshold of 0.30" in decision.reason


def test_without_candidates_nobody_is_chosen() -> None:
    decision = choose([], GROUND, Need(skills=(), words=""))

    assert decision.chosen is None
    assert decision.reason == "Nobody is there to be considered for no particular skill."


@settings(deadline=None)
@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(
    candidates: list[Candidate], random: object
) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a seeded Random

    assert choose(shuffled, GROUND, NEED) == choose(candidates, GROUND, NEED)


@settings(deadline=None)
@given(CANDIDATES)
def test_who_is_chosen_has_the_best_score_and_it_reaches_the_threshold(
    candidates: list[Candidate],
) -> None:
    decision = choose(candidates, GROUND, NEED)
    best = max((it.score for it in candidates), default=0.0)

    assert (decision.chosen is not None) == (best >= GROUND.threshold)
    assert 0.0 <= decision.confidence <= best
    assert sorted(it.handle for it in decision.candidates) == sorted(it.handle for it in candidates)
    if decision.chosen is not None:
        assert decision.chosen == min(it.handle for it in candidates if it.score == best)
