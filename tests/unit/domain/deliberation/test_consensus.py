"""C2: a majority that tolerates silent voters, a quorum that tolerates liars."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.deliberation.consensus import (
    count_majority,
    count_quorum,
    digest_of,
    majority_settled,
    quorum_required,
)

ANSWERS = st.sampled_from(["a", "b", "c"])


@st.composite
def honest_and_lying(draw: st.DrawFn) -> tuple[list[str], int, dict[str, list[list[str]]]]:
    """Draw what honest voters say, how many may lie, and what liars tell two counts."""
    faults = draw(st.integers(0, 3))
    voters = draw(st.integers(3 * faults + 1, 3 * faults + 5))
    liars = draw(st.integers(0, faults))
    honest = draw(st.lists(ANSWERS, min_size=voters - liars, max_size=voters - liars))
    told = st.lists(st.lists(ANSWERS, max_size=1), min_size=2, max_size=2)
    lies = {f"L{number}": draw(told) for number in range(liars)}
    return honest, faults, lies


@given(honest_and_lying())
def test_two_counts_never_have_different_outcomes_whatever_liars_say(
    drawn: tuple[list[str], int, dict[str, list[list[str]]]],
) -> None:
    honest, faults, lies = drawn
    votes = {f"H{number}": [answer] for number, answer in enumerate(honest)}
    outcomes = {
        count_quorum(
            {**votes, **{liar: told[count] for liar, told in lies.items()}}, faults
        ).outcome
        for count in (0, 1)
    }

    assert len(outcomes - {None}) <= 1


@given(honest_and_lying(), st.data())
def test_a_count_that_missed_honest_votes_never_contradicts_one_that_saw_them(
    drawn: tuple[list[str], int, dict[str, list[list[str]]]], data: st.DataObject
) -> None:
    honest, faults, lies = drawn
    votes = {f"H{number}": [answer] for number, answer in enumerate(honest)}
    outcomes = set()
    for count in (0, 1):
        seen = {voter: said if data.draw(st.booleans()) else [] for voter, said in votes.items()}
        told = {liar: lie[count] for liar, lie in lies.items()}
        outcomes.add(count_quorum({**seen, **told}, faults).outcome)

    assert len(outcomes - {None}) <= 1


@given(st.integers(0, 4), st.integers(0, 4), st.data())
def test_liars_cannot_block_what_all_honest_voters_agree_on(
    faults: int, more: int, data: st.DataObject
) -> None:
    voters = 3 * faults + 1 + more
    votes: dict[str, list[str]] = {f"H{number}": ["a"] for number in range(voters - faults)}
    for number in range(faults):
        votes[f"L{number}"] = data.draw(st.lists(ANSWERS, max_size=3))

    assert count_quorum(votes, faults).outcome == "a"


@given(st.integers(1, 15), st.data())
def test_a_majority_tolerates_as_many_silent_voters_as_it_says(
    voters: int, data: st.DataObject
) -> None:
    silent = data.draw(st.integers(0, (voters - 1) // 2))
    votes = {f"V{number}": [] if number < silent else ["a"] for number in range(voters)}

    tally = count_majority(votes)

    assert tally.outcome == "a"
    assert tally.faults == (voters - 1) // 2


@given(st.dictionaries(st.sampled_from("ABCDEFG"), st.lists(ANSWERS, max_size=1), min_size=1))
def test_a_majority_is_settled_only_when_no_further_vote_can_change_it(
    votes: dict[str, list[str]],
) -> None:
    outstanding = [voter for voter, said in votes.items() if not said]
    if majority_settled(votes, outstanding):
        ends = {
            count_majority({**votes, **{voter: [answer] for voter in outstanding}}).outcome
            for answer in ("a", "b", "c")
        }
        assert len(ends) == 1


def test_half_is_no_majority() -> None:
    tally = count_majority({"A": ["x"], "B": ["x"], "C": ["y"], "D": []})

    assert tally.outcome is None
    assert tally.required == 3
    assert "No answer has the 3 votes it needs" in tally.reason
    assert "1 of 4 voters were silent" in tally.reason


def test_an_equivocator_is_named_and_its_vote_does_not_count() -> None:
    votes = {"A": ["x"], "B": ["x"], "C": ["x"], "D": ["x", "y"]}

    tally = count_quorum(votes, faults=1)

    assert tally.equivocators == ("D",)
    assert (tally.outcome, tally.support, tally.required) == ("x", 3, 3)


def test_who_confirms_something_else_equivocates_and_who_confirms_nothing_does_not_count() -> None:
    votes = {voter: ["x"] for voter in "ABCDEFG"}

    tally = count_quorum(votes, 2, dict.fromkeys("ABCDE", "x") | {"F": "y"})

    assert tally.equivocators == ("F",)
    assert tally.unconfirmed == ("G",)
    assert tally.outcome == "x"
    assert tally.digest == digest_of(votes)


def test_too_few_voters_for_the_liars_have_no_outcome_and_say_so() -> None:
    tally = count_quorum({"A": ["x"], "B": ["x"], "C": ["x"]}, faults=1)

    assert tally.outcome is None
    assert "at least 4 voters" in tally.reason


def test_more_equivocators_than_are_tolerated_spoil_the_vote() -> None:
    votes = {voter: ["x"] for voter in "ABCDEFGH"} | {"I": ["x", "y"], "J": ["y", "x"]}

    tally = count_quorum(votes, faults=1)

    assert tally.outcome is None
    assert "More voters lied" in tally.reason


def test_the_least_group_needs_two_of_three_honest_votes() -> None:
    assert [quorum_required(3 * f + 1, f) for f in range(4)] == [1, 3, 5, 7]
