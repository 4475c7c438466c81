"""C6: teams by Shannon entropy, communication cost and fitness, with weights 0.8, 0.2 and 0.9."""

from __future__ import annotations

from itertools import combinations
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import teaming
from domain.teaming import (
    TeamCandidate,
    TeamError,
    TeamGround,
    TeamScore,
    choose_team,
    distances,
    entropy,
    link_length,
    reliability,
    score_team,
)

SKILLS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=True)


def candidate(handle: str, skills: str, *fitness: float) -> TeamCandidate:
    return TeamCandidate(handle=handle, skills=tuple(skills), fitness=fitness)


@st.composite
def grounds(draw: st.DrawFn) -> TeamGround:
    number = draw(st.integers(2, 7))
    handles = [f"A{index}" for index in range(number)]
    candidates = tuple(
        TeamCandidate(
            handle=handle,
            skills=tuple(draw(SKILLS)),
            fitness=tuple(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2))),
        )
        for handle in handles
    )
    apart = {pair: draw(st.floats(0, 1)) for pair in combinations(handles, 2)}
    size = draw(st.integers(1, number))
    return TeamGround(candidates=candidates, distances=apart, size=size)


@given(st.lists(st.integers(0, 50), max_size=12))
def test_entropy_lies_between_none_and_that_of_equal_shares(counts: list[int]) -> None:
    different = sum(1 for count in counts if count)

    assert -1e-12 <= entropy(counts) <= (log(different) if different else 0.0) + 1e-12


def test_entropy_is_greatest_where_all_shares_are_equal() -> None:
    assert entropy([3, 3, 3, 3]) == pytest.approx(log(4))
    assert entropy([9]) == 0.0


@given(grounds())
def test_every_score_and_each_of_its_parts_lies_between_0_and_1(ground: TeamGround) -> None:
    for team in combinations(ground.candidates, ground.size):
        score = score_team(team, ground)

        assert min(score.diversity, score.communication, score.fitness, score.score) >= 0
        assert max(score.diversity, score.communication, score.fitness, score.score) <= 1


@given(grounds())
def test_a_small_search_finds_the_best_of_all_teams(ground: TeamGround) -> None:
    best = max(
        score_team(team, ground).score for team in combinations(ground.candidates, ground.size)
    )

    choice = choose_team(ground)

    assert choice.search == "exact"
    assert choice.score.score == best
    assert len(choice.members) == ground.size


@given(grounds())
def test_the_greedy_search_leaves_no_single_exchange_that_is_better(ground: TeamGround) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(teaming, "EXACT_UP_TO", 0)
        choice = choose_team(ground)

    members = [each for each in ground.candidates if each.handle in choice.members]
    others = [each for each in ground.candidates if each.handle not in choice.members]
    assert choice.search == "greedy"
    for leaving in members:
        for joining in others:
            team = [joining if member is leaving else member for member in members]
            assert score_team(team, ground).score <= choice.score.score + 1e-6


def test_the_weights_are_those_of_the_mission() -> None:
    score = TeamScore.of(diversity=0.5, communication=0.5, fitness=0.5)

    assert score.parts == {"diversity": 0.4, "communication": -0.1, "fitness": 0.45}
    assert score.score == pytest.approx((0.4 - 0.1 + 0.45 + 0.2) / 1.9, abs=1e-6)
    assert TeamScore.of(1.0, 0.0, 1.0).score == 1.0
    assert TeamScore.of(0.0, 1.0, 0.0).score == 0.0


def test_different_skills_near_members_and_fitness_each_make_a_team_better() -> None:
    alike = [candidate("A", "xy", 0.5), candidate("B", "xy", 0.5)]
    unlike = [candidate("A", "xy", 0.5), candidate("B", "vw", 0.5)]
    fitter = [candidate("A", "xy", 0.9), candidate("B", "xy", 0.5)]

    def scored(team: list[TeamCandidate], apart: float) -> float:
        others = (candidate("Z", "xyvw", 0.0),)
        ground = TeamGround(candidates=(*team, *others), distances={("A", "B"): apart}, size=2)
        return score_team(team, ground).score

    assert scored(unlike, 0.5) > scored(alike, 0.5)
    assert scored(alike, 0.1) > scored(alike, 0.5)
    assert scored(fitter, 0.5) > scored(alike, 0.5)


def test_members_that_are_kept_are_in_the_team() -> None:
    ground = TeamGround(
        candidates=tuple(candidate(name, "xy", 0.1 * index) for index, name in enumerate("ABCD")),
        distances={},
        size=2,
        kept=("A",),
    )

    assert choose_team(ground).members == ("A", "D")


@pytest.mark.parametrize(("size", "kept"), [(3, ()), (1, ("A", "B")), (2, ("Z",))])
def test_a_team_that_cannot_be_is_an_error(size: int, kept: tuple[str, ...]) -> None:
    ground = TeamGround(
        candidates=(candidate("A", "x", 1.0), candidate("B", "x", 1.0)),
        distances={},
        size=size,
        kept=kept,
    )

    with pytest.raises(TeamError):
        choose_team(ground)


def test_ways_go_through_the_hierarchy_unless_common_work_is_a_shorter_one() -> None:
    links = {
        ("D1", "S1"): 1.0,
        ("D1", "S2"): 1.0,
        ("D1", "MM"): 1.0,
        ("D2", "MM"): 1.0,
        ("D2", "S3"): 1.0,
    }

    assert distances(["S1", "S2", "S3"], links) == {
        ("S1", "S2"): 0.5,
        ("S1", "S3"): 1.0,
        ("S2", "S3"): 1.0,
    }
    links["S1", "S3"] = link_length(9)
    worked = distances(["S1", "S2", "S3"], links)
    assert worked["S1", "S3"] == pytest.approx(0.05)
    assert worked["S2", "S3"] == pytest.approx(0.55)


def test_reliability_begins_at_one_and_falls_with_failures() -> None:
    assert reliability(0, 0) == 1.0
    assert reliability(0, 2) == 0.5
    assert reliability(8, 8) == 1.0
