"""C1: sealed-bid auctions by the contract net protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.auction import DuplicateBidError, PaymentRule, SealedBid, award

COSTS = st.floats(0.01, 100.0, allow_nan=False)
RELIABILITIES = st.floats(0.1, 1.0)


@st.composite
def rivals(draw: st.DrawFn) -> list[SealedBid]:
    return [
        SealedBid(bidder=f"R{number}", price_usd=draw(COSTS), reliability=draw(RELIABILITIES))
        for number in range(draw(st.integers(0, 4)))
    ]


@given(rivals(), COSTS, COSTS, RELIABILITIES, st.none() | COSTS)
def test_nobody_gains_by_bidding_anything_but_its_true_cost_where_the_second_price_is_paid(
    others: list[SealedBid], cost: float, lie: float, reliability: float, reserve: float | None
) -> None:
    def gain(price: float) -> float:
        bid = SealedBid(bidder="ME", price_usd=price, reliability=reliability)
        outcome = award([*others, bid], rule=PaymentRule.SECOND_PRICE, reserve_usd=reserve)
        return outcome.payment_usd - cost if outcome.winner == "ME" else 0.0

    if others or reserve is not None:  # without either, nothing but its own word limits the price
        assert gain(cost) >= gain(lie) - 1e-9


@given(rivals())
def test_the_lowest_price_for_a_success_wins_and_is_paid_no_less_than_it_bid(
    bids: list[SealedBid],
) -> None:
    outcome = award(bids)

    if not bids:
        assert (outcome.winner, outcome.reason) == (None, "Nobody bid.")
        return
    best = next(bid for bid in bids if bid.bidder == outcome.winner)
    assert all(best.expected_cost_usd <= bid.expected_cost_usd for bid in bids)
    assert outcome.payment_usd >= best.price_usd


def test_the_second_price_is_paid_among_equally_reliable_bidders() -> None:
    bids = [
        SealedBid(bidder="A", price_usd=3.0),
        SealedBid(bidder="B", price_usd=5.0),
        SealedBid(bidder="C", price_usd=4.0),
    ]

    second = award(bids, rule=PaymentRule.SECOND_PRICE)
    first = award(bids, rule=PaymentRule.FIRST_PRICE)

    assert (second.winner, second.payment_usd) == ("A", 4.0)
    assert (first.winner, first.payment_usd) == ("A", 3.0)
    assert second.ranking == ("A", "C", "B")


def test_a_cheap_bidder_that_mostly_fails_loses_to_a_dearer_one_that_does_not() -> None:
    cheap = SealedBid(bidder="CHEAP", price_usd=2.0, reliability=0.2)
    sound = SealedBid(bidder="SOUND", price_usd=5.0, reliability=1.0)

    outcome = award([cheap, sound])

    assert outcome.winner == "SOUND"
    assert outcome.payment_usd == pytest.approx(10.0)


def test_equal_bids_go_to_the_faster_and_then_by_handle() -> None:
    slow = SealedBid(bidder="A", price_usd=1.0, duration_s=9.0)
    fast = SealedBid(bidder="Z", price_usd=1.0, duration_s=1.0)
    same = SealedBid(bidder="Y", price_usd=1.0, duration_s=1.0)

    assert award([slow, fast, same]).ranking == ("Y", "Z", "A")


def test_bids_over_the_reserve_or_of_hopeless_bidders_are_dismissed_with_the_reason() -> None:
    bids = [
        SealedBid(bidder="DEAR", price_usd=9.0),
        SealedBid(bidder="WEAK", price_usd=1.0, reliability=0.1),
    ]

    outcome = award(bids, reserve_usd=5.0, min_reliability=0.3)

    assert outcome.winner is None
    assert outcome.dismissed["DEAR"] == "asks 9.0000 USD, over the reserve of 5.0000 USD"
    assert "0.10 reliable" in outcome.dismissed["WEAK"]
    assert outcome.reason.startswith("No bid can be accepted")


def test_who_has_no_rival_is_paid_the_reserve_or_its_own_price() -> None:
    only = [SealedBid(bidder="A", price_usd=3.0)]

    assert award(only, reserve_usd=7.0).payment_usd == 7.0
    assert award(only).payment_usd == 3.0


def test_a_second_bid_of_one_bidder_is_an_error() -> None:
    bid = SealedBid(bidder="A", price_usd=3.0)

    with pytest.raises(DuplicateBidError, match="'A' bid twice"):
        award([bid, bid])
