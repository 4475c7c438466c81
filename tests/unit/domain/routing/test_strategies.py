"""Strategies: what each scores candidates by (A11)."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.routing import (
    NO_EVIDENCE,
    Case,
    Choice,
    Evidence,
    Need,
    Offer,
    Profile,
    TrackRecord,
    expected_success,
)
from domain.routing.strategies import (
    ALIKE,
    UNLIKE,
    by_auction,
    by_model,
    by_rules,
    by_similarity,
    by_track_record,
)

CHARTS = Need(skills=("charts",), words="Draw revenue by month")
ANYTHING = Need(skills=(), words="Do it")
COUNTS = st.integers(0, 10_000)


def profile(handle: str, *skills: str) -> Profile:
    return Profile(agent_id=UUID(int=0), handle=handle, skills=skills)


A, B = profile("AAA_001", "charts"), profile("BBB_001", "charts")


def case(need: Need = CHARTS, **evidence: object) -> Case:
    return Case((A, B), need, Evidence(**evidence))  # type: ignore[arg-type] # as the test says


def test_a_member_of_a_team_lacks_nothing_where_no_skill_is_wanted() -> None:
    alone = by_rules(Case((A,), ANYTHING, NO_EVIDENCE))
    in_team = by_rules(Case((A,), ANYTHING, NO_EVIDENCE, in_team=True))

    assert alone["AAA_001"]["skills"] == 0.0
    assert in_team["AAA_001"]["skills"] == 0.8


def test_in_a_team_a_wanted_skill_still_counts() -> None:
    other = profile("CCC_001", "sql")

    scored = by_rules(Case((A, other), CHARTS, NO_EVIDENCE, in_team=True))

    assert (scored["AAA_001"]["skills"], scored["CCC_001"]["skills"]) == (0.8, 0.0)


@pytest.mark.parametrize(
    ("cosine", "points"), [(-1.0, 0.0), (UNLIKE, 0.0), (ALIKE, 1.0), (0.9, 1.0), (0.35, 0.5)]
)
def test_meanings_are_stretched_over_the_range_where_they_lie(cosine: float, points: float) -> None:
    scored = by_similarity(case(similarity={"AAA_001": cosine}))

    assert scored["AAA_001"]["similarity"] == pytest.approx(points)
    assert scored["BBB_001"]["similarity"] == 0.0


def test_a_newcomer_is_expected_to_do_better_than_who_often_fails_and_worse_than_the_proven() -> (
    None
):
    newcomer = expected_success(TrackRecord())

    assert expected_success(TrackRecord(completed=10, failed=10)) < newcomer
    assert newcomer < expected_success(TrackRecord(completed=50))


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_each_success_raises_what_is_expected_and_each_failure_lowers_it(
    completed: int, failed: int
) -> None:
    now = expected_success(TrackRecord(completed, failed))

    assert 0.0 < now <= 1.0
    assert expected_success(TrackRecord(completed + 1, failed)) >= now
    assert expected_success(TrackRecord(completed, failed + 1)) < now


@settings(deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_whoever_succeeds_once_more_never_loses_ground(a: int, b: int, c: int, d: int) -> None:
    def lead(completed: int) -> float:
        records = {"AAA_001": TrackRecord(completed, b), "BBB_001": TrackRecord(c, d)}
        scored = by_track_record(case(records=records))
        return scored["AAA_001"]["success"] - scored["BBB_001"]["success"]

    assert lead(a + 1) >= lead(a)


def test_latency_and_cost_compare_with_the_best_and_hold_no_newcomer_back() -> None:
    records = {
        "AAA_001": TrackRecord(5, 0, duration_s=10.0, cost_usd=0.02),
        "BBB_001": TrackRecord(5, 0, duration_s=20.0, cost_usd=0.01),
    }
    newcomer = profile("CCC_001", "charts")

    scored = by_track_record(Case((A, B, newcomer), CHARTS, Evidence(records=records)))

    assert scored["AAA_001"]["latency"] == pytest.approx(0.15)
    assert scored["BBB_001"]["latency"] == pytest.approx(0.075)
    assert scored["AAA_001"]["cost"] == pytest.approx(0.075)
    assert scored["BBB_001"]["cost"] == pytest.approx(0.15)
    assert (scored["CCC_001"]["latency"], scored["CCC_001"]["cost"]) == (0.15, 0.15)


def test_a_record_counts_as_far_as_the_candidate_has_the_wanted_skills() -> None:
    stranger = profile("CCC_001", "sql")
    records = {"CCC_001": TrackRecord(1_000, 0)}

    scored = by_track_record(Case((A, stranger), CHARTS, Evidence(records=records)))

    assert sum(scored["CCC_001"].values()) == 0.0
    assert sum(scored["AAA_001"].values()) > 0.5


def test_the_model_gives_its_confidence_to_whom_it_chose() -> None:
    chosen = by_model(case(choice=Choice("BBB_001", 0.7, "Knows it.")))
    nobody = by_model(case(choice=Choice(None, 0.9, "None fits.")))

    assert (chosen["AAA_001"], chosen["BBB_001"]) == ({"model": 0.0}, {"model": 0.7})
    assert nobody["AAA_001"] == nobody["BBB_001"] == {"model": 0.0}
    assert by_model(case())["AAA_001"] == {"model": 0.0}


def test_an_offer_scores_by_confidence_price_and_time_and_no_offer_scores_nothing() -> None:
    offers = {"AAA_001": Offer(confidence=0.5, cost_usd=0.2, duration_s=5.0)}
    both = {**offers, "BBB_001": Offer(confidence=1.0, cost_usd=0.1, duration_s=10.0)}

    alone, competing = by_auction(case(offers=offers)), by_auction(case(offers=both))

    assert alone["AAA_001"] == pytest.approx({"confidence": 0.3, "price": 0.2, "time": 0.2})
    assert alone["BBB_001"] == {"confidence": 0.0, "price": 0.0, "time": 0.0}
    assert competing["AAA_001"] == pytest.approx({"confidence": 0.3, "price": 0.1, "time": 0.2})
    assert competing["BBB_001"] == pytest.approx({"confidence": 0.6, "price": 0.2, "time": 0.1})


def test_what_costs_nothing_is_the_cheapest() -> None:
    free, dear = Offer(0.5, 0.0, 0.0), Offer(0.5, 0.1, 1.0)

    scored = by_auction(case(offers={"AAA_001": free, "BBB_001": dear}))

    assert (scored["AAA_001"]["price"], scored["BBB_001"]["price"]) == (0.2, 0.0)
