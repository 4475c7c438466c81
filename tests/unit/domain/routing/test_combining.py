"""Combining: weighted strategies, their evidence in the decision, and ties (A11)."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decision import Decision, Sources
from domain.policy import Policy
from domain.routing import (
    NO_EVIDENCE,
    RULES,
    SIMILARITY,
    STRATEGIES,
    TRACK_RECORD,
    Case,
    Choice,
    Evidence,
    Ground,
    Need,
    Offer,
    Profile,
    RoutingError,
    TrackRecord,
    check_routing,
    choose,
    evidence_in,
    fit,
    name_of,
    score,
    score_all,
    weights_of,
)

GROUND = Ground(decision_id=UUID(int=1), policy_version="1", threshold=0.3, knowledge_position=42)
NEED = Need(skills=("charts",), words="Draw revenue by month")
HANDLES = ["AAA_001", "BBB_001", "CCC_001", "DDD_001"]
SHARES = st.floats(0.0, 1.0)
FIGURES = st.none() | st.floats(0.0, 1e6)

PROFILES = st.lists(
    st.builds(
        Profile,
        agent_id=st.just(UUID(int=0)),
        handle=st.sampled_from(HANDLES),
        skills=st.lists(st.sampled_from(["charts", "sql"]), max_size=2).map(tuple),
        words=st.sampled_from(["", "Draw months", "Revenue"]),
    ),
    max_size=4,
    unique_by=lambda it: it.handle,
)
RECORDS = st.builds(TrackRecord, st.floats(0, 1e4), st.floats(0, 1e4), FIGURES, FIGURES)
EVIDENCE = st.builds(
    Evidence,
    similarity=st.dictionaries(st.sampled_from(HANDLES), st.floats(-1, 1)),
    records=st.dictionaries(st.sampled_from(HANDLES), RECORDS),
    embedder=st.just("static-256-v1"),
    learned_until=st.just(7),
    choice=st.none() | st.builds(Choice, st.sampled_from(HANDLES), SHARES, st.just("So.")),
    offers=st.dictionaries(
        st.sampled_from(HANDLES),
        st.builds(Offer, SHARES, st.floats(0, 1e3), st.floats(0, 1e3)),
    ),
    loads=st.none() | st.dictionaries(st.sampled_from(HANDLES), st.integers(0, 50)),
)
WEIGHTS = st.dictionaries(st.sampled_from(STRATEGIES), st.floats(0.01, 10), min_size=1)


def decided(weights: dict[str, float], case: Case) -> Decision:
    decision = choose(score_all(weights, case), GROUND, case.need, strategy=name_of(weights))
    sources = Sources(embedder=case.evidence.embedder, learned_until=case.evidence.learned_until)
    return decision.model_copy(update={"sources": sources})


@settings(deadline=None)
@given(PROFILES, EVIDENCE, WEIGHTS)
def test_a_decision_can_be_made_again_from_what_it_holds(
    profiles: list[Profile], evidence: Evidence, weights: dict[str, float]
) -> None:
    """Through JSON and back: what a replay reads is all that the decision rested on."""
    shares = weights_of(weights)
    first = decided(shares, Case(profiles, NEED, evidence))

    read = evidence_in(Decision.model_validate_json(first.model_dump_json()))
    again = Evidence(
        similarity=read.similarity,
        records=read.records,
        embedder=read.embedder,
        learned_until=read.learned_until,
        choice=evidence.choice,
        offers=evidence.offers,
        loads=evidence.loads,
    )

    assert decided(shares, Case(profiles, NEED, again)) == first


@settings(deadline=None)
@given(PROFILES, EVIDENCE, WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(
    profiles: list[Profile], evidence: Evidence, weights: dict[str, float], random: object
) -> None:
    shuffled = list(profiles)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a seeded Random
    shares = weights_of(weights)

    assert decided(shares, Case(shuffled, NEED, evidence)) == decided(
        shares, Case(profiles, NEED, evidence)
    )


@settings(deadline=None)
@given(PROFILES, EVIDENCE, WEIGHTS)
def test_a_score_is_the_sum_of_its_parts_and_lies_between_none_and_full(
    profiles: list[Profile], evidence: Evidence, weights: dict[str, float]
) -> None:
    for candidate in score_all(weights_of(weights), Case(profiles, NEED, evidence)):
        assert 0.0 <= candidate.score <= 1.0
        assert candidate.score == pytest.approx(max(sum(candidate.parts.values()), 0.0), abs=1e-3)


@settings(deadline=None)
@given(PROFILES)
def test_rules_alone_score_as_they_always_did(profiles: list[Profile]) -> None:
    scored = score_all(weights_of(None), Case(profiles, NEED, NO_EVIDENCE))

    assert scored == [score(profile, NEED) for profile in profiles]


def test_weights_count_by_their_ratio_and_are_named_heaviest_first() -> None:
    weights = weights_of({"similarity": 1, "rules": 2, "track_record": 1})

    assert weights == {"similarity": 0.25, "rules": 0.5, "track_record": 0.25}
    assert name_of(weights) == "rules:0.5+similarity:0.25+track_record:0.25"
    assert name_of(weights_of("similarity")) == "similarity"


def test_each_strategy_gives_its_weight_to_its_own_parts() -> None:
    profile = Profile(agent_id=UUID(int=0), handle="AAA_001", skills=("charts",))
    evidence = Evidence(similarity={"AAA_001": 1.0}, records={"AAA_001": TrackRecord(5, 0)})

    (candidate,) = score_all(
        weights_of({RULES: 0.5, SIMILARITY: 0.3, TRACK_RECORD: 0.2}),
        Case([profile], NEED, evidence),
    )

    assert candidate.parts["skills"] == pytest.approx(0.4)
    assert candidate.parts["similarity"] == pytest.approx(0.3)
    assert {"success", "latency", "cost"} <= candidate.parts.keys()
    assert candidate.facts == {"similarity": 1.0, "completed": 5, "failed": 0}


def team(loads: dict[str, int], *handles: str) -> Decision:
    profiles = [Profile(agent_id=UUID(int=0), handle=h, skills=("charts",)) for h in handles]
    return decided(weights_of(None), Case(profiles, NEED, Evidence(loads=loads), in_team=True))


def test_among_equals_who_is_less_busy_goes_first_and_the_decision_says_so() -> None:
    decision = team({"AAA_001": 2, "BBB_001": 1}, "AAA_001", "BBB_001")

    assert decision.chosen == "BBB_001"
    assert "less busy than AAA_001" in decision.reason
    assert [each.parts["load"] for each in decision.candidates] == [-0.0001, -0.0002]


def test_among_equals_who_are_equally_busy_the_handle_decides() -> None:
    decision = team({}, "BBB_001", "AAA_001")

    assert decision.chosen == "AAA_001"
    assert "first by handle among equals with BBB_001" in decision.reason


def test_being_busy_never_lifts_over_who_fits_better_nor_drops_under_the_threshold() -> None:
    good = Profile(agent_id=UUID(int=0), handle="BBB_001", skills=("charts",))
    poor = Profile(agent_id=UUID(int=0), handle="AAA_001", skills=())
    evidence = Evidence(loads={"BBB_001": 40})

    decision = decided(weights_of(None), Case([good, poor], NEED, evidence))
    exact = choose(
        score_all(weights_of(None), Case([good], NEED, evidence)),
        GROUND.model_copy(update={"threshold": fit(decision.candidates[0])}),
        NEED,
    )

    assert decision.chosen == exact.chosen == "BBB_001"


@pytest.mark.parametrize(
    ("routing", "message"),
    [
        ("simlarity", "no routing strategy 'simlarity'; did you mean 'similarity'"),
        ({"rules": 1.0, "luck": 1.0}, "no routing strategy 'luck'; the strategies are rules"),
        ({"rules": 0.0}, "The weight of 'rules' is 0.0; give a number above 0"),
        ({}, "No strategy is weighed"),
    ],
)
def test_what_is_no_strategy_is_refused(routing: str | dict[str, float], message: str) -> None:
    with pytest.raises(RoutingError, match=message):
        check_routing(routing)
    with pytest.raises(ValueError, match=message):
        Policy(routing=routing)


def test_a_policy_without_a_choice_is_written_as_it_was() -> None:
    assert "routing" not in Policy().model_dump_json()
    chosen = Policy(routing={"rules": 0.6, "similarity": 0.4})
    assert Policy.model_validate_json(chosen.model_dump_json()) == chosen
