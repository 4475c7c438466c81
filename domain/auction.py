"""Auction: sealed bids for a task, and what the winner is paid, by the contract net protocol.

The course is that of Smith, The Contract Net Protocol, IEEE Transactions on Computers C-29 (1980):
a manager announces a task to those eligible, they bid or decline, the manager awards, the winner
reports. Nobody sees another's bid. The two rules of payment are those of Vickrey,
Counterspeculation, Auctions, and Competitive Sealed Tenders, The Journal of Finance 16 (1961),
turned round: work is bought, so the lowest price wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from domain.decision import Share
from domain.errors import DomainError
from domain.value import NonEmptyText, NonEmptyWords, Value

Price = Annotated[float, Field(ge=0)]
MIN_RELIABILITY = 0.05
"""Under it a bid counts as hopeless: its price would be multiplied by more than 20."""


class DuplicateBidError(DomainError):
    """Somebody bid twice in one auction."""

    def __init__(self, bidder: str) -> None:
        self.bidder = bidder
        super().__init__(f"{bidder!r} bid twice; one bid of each bidder counts.")


class PaymentRule(StrEnum):
    """What the winner of an auction is paid.

    `first_price` pays what it bid. `second_price` pays the most it could have bid and still won, so
    that nobody gains by bidding anything but its true cost.
    """

    FIRST_PRICE = "first_price"
    SECOND_PRICE = "second_price"


class Auction(Value):
    """How a task is announced, and who may bid for it.

    Attributes:
        bidders: handles, each named once.
        reserve_usd: the most the task may cost, in US dollars; None for no limit.
        min_reliability: bids under it are dismissed.
    """

    bidders: Annotated[tuple[NonEmptyText, ...], Field(min_length=1)]
    rule: PaymentRule = PaymentRule.SECOND_PRICE
    reserve_usd: Price | None = None
    min_reliability: Share = MIN_RELIABILITY

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len(set(self.bidders)) < len(self.bidders):
            raise ValueError("a bidder is named twice; each bids once")
        return self


class SealedBid(Value):
    """What one bidder offers; nobody sees another's before the award.

    Attributes:
        bidder: handle.
        price_usd: for which it takes the task, in US dollars.
        reliability: 0 to 1, how probably it succeeds: the bidder's own word, or its track record.
        duration_s: seconds it expects to take.
    """

    bidder: NonEmptyText
    price_usd: Price
    reliability: Share = 1.0
    duration_s: Annotated[float, Field(ge=0)] = 0.0

    @property
    def expected_cost_usd(self) -> float:
        """What success costs when the task is given out anew after each failure: price by odds.

        The number of tries until the first success is geometric, with mean 1 / reliability.
        """
        return self.price_usd / max(self.reliability, MIN_RELIABILITY)


class Award(Value):
    """The outcome of an auction.

    Attributes:
        winner: handle; None when no bid could be accepted.
        payment_usd: what the winner is paid; 0 when there is none.
        ranking: handles of the acceptable bids, best first.
        dismissed: why a bid was not accepted, by handle of the bidder.
    """

    rule: PaymentRule
    winner: NonEmptyText | None
    payment_usd: Price
    ranking: tuple[NonEmptyText, ...]
    dismissed: dict[str, NonEmptyText]
    reason: NonEmptyWords


def award(
    bids: Iterable[SealedBid],
    *,
    rule: PaymentRule = PaymentRule.SECOND_PRICE,
    reserve_usd: float | None = None,
    min_reliability: float = MIN_RELIABILITY,
) -> Award:
    """Award a task to the bid with the lowest expected cost.

    Ties go to the more reliable, then to the faster, then by handle.

    By `second_price` the winner is paid the price at which it would have tied with the next best:
    `next.expected_cost_usd * winner.reliability`, at most the reserve. With equal reliabilities
    that is Vickrey's second price; with unequal ones it is the second score of Che, Design
    Competition through Multidimensional Auctions, RAND Journal of Economics 24 (1993). The true
    cost is then the best price to bid whatever the others do, as long as the reliability does not
    depend on the bid. A bidder without a rival is paid the reserve, or its own price when there is
    none.

    Args:
        bids: at most one of each bidder; those that declined are left out.
        reserve_usd: the most the task may cost; dearer bids are dismissed.
        min_reliability: bids under it are dismissed.

    Raises:
        DuplicateBidError: somebody bid twice.
    """
    everyone = list(bids)
    _require_one_each(everyone)
    dismissed = {
        bid.bidder: why
        for bid in everyone
        if (why := _objection(bid, reserve_usd, min_reliability)) is not None
    }
    ranked = sorted((bid for bid in everyone if bid.bidder not in dismissed), key=_rank)
    if not ranked:
        return Award(
            rule=rule,
            winner=None,
            payment_usd=0.0,
            ranking=(),
            dismissed=dismissed,
            reason=_nobody(dismissed),
        )
    payment = _payment(ranked, rule, reserve_usd)
    best = ranked[0]
    return Award(
        rule=rule,
        winner=best.bidder,
        payment_usd=payment,
        ranking=tuple(bid.bidder for bid in ranked),
        dismissed=dismissed,
        reason=(
            f"{best.bidder} costs least for a success, {best.expected_cost_usd:.4f} USD, among"
            f" {len(ranked)} whose bids can be accepted, and is paid {payment:.4f} USD"
            f" ({rule.value.replace('_', ' ')})."
        ),
    )


def award_by(auction: Auction, bids: Iterable[SealedBid]) -> Award:
    """Award a task as it was announced."""
    return award(
        bids,
        rule=auction.rule,
        reserve_usd=auction.reserve_usd,
        min_reliability=auction.min_reliability,
    )


def read_bid(bidder: str, data: Mapping[str, JsonValue]) -> SealedBid | None:
    """Read a bid out of the data of a result; None where the bidder is not willing, or says none.

    Args:
        data: `willing`, `price_usd`, and as far as said `reliability` and `duration_s`.
    """
    said = {name: data[name] for name in ("price_usd", "reliability", "duration_s") if name in data}
    if not data.get("willing", True) or "price_usd" not in said:
        return None
    try:
        return SealedBid.model_validate({"bidder": bidder, **said})
    except ValidationError:
        return None


def _require_one_each(bids: list[SealedBid]) -> None:
    bidders = [bid.bidder for bid in bids]
    for bidder in bidders:
        if bidders.count(bidder) > 1:
            raise DuplicateBidError(bidder)


def _objection(bid: SealedBid, reserve_usd: float | None, min_reliability: float) -> str | None:
    if reserve_usd is not None and bid.price_usd > reserve_usd:
        return f"asks {bid.price_usd:.4f} USD, over the reserve of {reserve_usd:.4f} USD"
    if bid.reliability < min_reliability:
        return f"is {bid.reliability:.2f} reliable, under the {min_reliability:.2f} required"
    return None


def _rank(bid: SealedBid) -> tuple[float, float, float, str]:
    return bid.expected_cost_usd, -bid.reliability, bid.duration_s, bid.bidder


def _payment(ranked: list[SealedBid], rule: PaymentRule, reserve_usd: float | None) -> float:
    best = ranked[0]
    if rule is PaymentRule.FIRST_PRICE:
        return best.price_usd
    if len(ranked) == 1:
        return best.price_usd if reserve_usd is None else reserve_usd
    highest = ranked[1].expected_cost_usd * max(best.reliability, MIN_RELIABILITY)
    if reserve_usd is not None:
        highest = min(highest, reserve_usd)
    return max(highest, best.price_usd)  # a tie may fall short of it by a rounding error


def _nobody(dismissed: dict[str, str]) -> str:
    if not dismissed:
        return "Nobody bid."
    listed = "; ".join(f"{bidder} {why}" for bidder, why in sorted(dismissed.items()))
    return f"No bid can be accepted: {listed}."
