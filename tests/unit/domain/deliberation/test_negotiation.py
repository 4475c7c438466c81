"""C1: negotiation by alternating offers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.deliberation.negotiation import (
    Issue,
    Move,
    MoveKind,
    Negotiation,
    Party,
    Standing,
    aspiration,
    next_move,
    offer_worth,
    read_move,
    standing_after,
    turn_after,
    utility,
)

PRICE = Issue(name="price_usd", unit="USD", low=1.0, high=9.0)
DEADLINE = Issue(name="deadline_s", unit="s", low=60.0, high=600.0)
BUYER = Party(
    agent="BUYER", weights={"price_usd": 3, "deadline_s": 1}, wants_low=("price_usd", "deadline_s")
)
SELLER = Party(agent="SELLER", weights={"price_usd": 1, "deadline_s": 3})
DEAL = Negotiation(issues=(PRICE, DEADLINE), parties=(BUYER, SELLER), max_rounds=8)
MIDDLE = Move(move=MoveKind.OFFER, offer={"price_usd": 5.0, "deadline_s": 300.0})
ACCEPT = Move(move=MoveKind.ACCEPT)
PASS = Move(move=MoveKind.PASS)


def negotiate(negotiation: Negotiation) -> Standing:
    """Let all parties follow the rule to the end."""
    moves: list[Move] = []
    while not (standing := standing_after(moves, negotiation)).over:
        moves.append(next_move(turn_after(standing, negotiation)))
    return standing


def party(walk_away: float, concession: float, name: str, *, low: bool) -> Party:
    return Party(
        agent=name,
        weights={"price_usd": 1.0},
        wants_low=("price_usd",) if low else (),
        walk_away=walk_away,
        concession=concession,
    )


def test_who_values_different_things_agrees_on_more_than_half_for_each() -> None:
    standing = negotiate(DEAL)

    assert standing.agreed
    assert standing.offer is not None
    assert utility(standing.offer, BUYER, DEAL.issues) > 0.5
    assert utility(standing.offer, SELLER, DEAL.issues) > 0.5


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 5), st.floats(0.1, 5), st.integers(1, 12))
def test_an_agreement_gives_nobody_less_than_walking_away(
    buyer: float, seller: float, slow: float, fast: float, rounds: int
) -> None:
    deal = Negotiation(
        issues=(PRICE,),
        parties=(party(buyer, slow, "B", low=True), party(seller, fast, "S", low=False)),
        max_rounds=rounds,
    )

    standing = negotiate(deal)

    assert standing.turns <= deal.max_turns
    if standing.agreed:
        assert standing.offer is not None
        for each in deal.parties:
            assert utility(standing.offer, each, deal.issues) >= each.walk_away - 1e-6
    if buyer + seller < 0.99:
        assert standing.agreed
    if buyer + seller > 1.01:
        assert not standing.agreed


@given(st.floats(0, 1), st.lists(st.floats(0.1, 10), min_size=2, max_size=2))
def test_an_offer_is_worth_what_it_was_made_to_be_worth(
    target: float, weights: list[float]
) -> None:
    wanting = SELLER.model_copy(
        update={"weights": dict(zip(("price_usd", "deadline_s"), weights, strict=True))}
    )

    offer = offer_worth(target, wanting, DEAL.issues)

    assert utility(offer, wanting, DEAL.issues) == pytest.approx(target)
    assert read_move({"move": "offer", "offer": dict(offer)}, DEAL).move is MoveKind.OFFER


def test_a_party_asks_for_all_first_and_for_its_walk_away_value_last() -> None:
    asked = [aspiration(BUYER, turn, 9) for turn in range(10)]

    assert asked[0] == 1.0
    assert asked[-1] == pytest.approx(BUYER.walk_away)
    assert asked == sorted(asked, reverse=True)


def test_who_holds_out_longer_gets_more() -> None:
    hard = party(0.2, 0.2, "B", low=True)
    soft = party(0.2, 4.0, "S", low=False)
    deal = Negotiation(issues=(PRICE,), parties=(hard, soft), max_rounds=10)

    standing = negotiate(deal)

    assert standing.offer is not None
    assert utility(standing.offer, hard, deal.issues) > utility(standing.offer, soft, deal.issues)


def test_among_three_an_offer_stands_until_both_others_accepted_it_in_turn() -> None:
    third = SELLER.model_copy(update={"agent": "THIRD"})
    deal = Negotiation(issues=DEAL.issues, parties=(BUYER, SELLER, third), max_rounds=4)

    assert not standing_after([MIDDLE, ACCEPT], deal).agreed
    assert standing_after([MIDDLE, ACCEPT, ACCEPT], deal).agreed
    assert not standing_after([MIDDLE, ACCEPT, PASS], deal).agreed
    replaced = standing_after([MIDDLE, ACCEPT, MIDDLE], deal)
    assert (replaced.offered_by, replaced.accepted_by) == ("THIRD", ())
    assert negotiate(deal).agreed


def test_nobody_accepts_its_own_offer() -> None:
    standing = standing_after([MIDDLE, PASS, ACCEPT], DEAL)

    assert not standing.agreed


def test_walking_away_ends_it_and_so_does_the_last_round() -> None:
    left = standing_after([MIDDLE, Move(move=MoveKind.WALK_AWAY)], DEAL)
    late = standing_after([PASS] * DEAL.max_turns, DEAL)

    assert (left.over, left.agreed, left.reason) == (True, False, "SELLER walked away.")
    assert (late.over, late.agreed) == (True, False)
    assert "within 8 rounds" in late.reason


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"move": "shout"},
        {"move": "offer"},
        {"move": "offer", "offer": {"price_usd": 5.0}},
        {"move": "offer", "offer": {"price_usd": 50.0, "deadline_s": 100}},
        {"move": "offer", "offer": {"price_usd": "five", "deadline_s": 100}},
        {"move": "offer", "offer": [5.0]},
    ],
)
def test_a_move_that_is_none_passes_and_says_why(data: dict[str, object]) -> None:
    move = read_move(data, DEAL)  # type: ignore[arg-type]

    assert move.move is MoveKind.PASS
    assert move.note


@pytest.mark.parametrize(
    "change",
    [
        {"parties": (BUYER,)},
        {"parties": (BUYER, BUYER)},
        {"issues": (PRICE,)},
        {"issues": ()},
    ],
)
def test_a_negotiation_without_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Negotiation.model_validate({**dict(DEAL), **change})
