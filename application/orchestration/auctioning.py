"""Auctioning: a task is announced, bidders bid for it unseen by each other, the winner does it."""

from __future__ import annotations

from pydantic import JsonValue

from application.fold import SessionFold
from domain.auction import Auction, Award, SealedBid, award_by, read_bid
from domain.effect import Failure, FailureKind
from domain.planning import Plan, PlannedTask
from domain.task import Result, Task, TaskStatus
from domain.workflow import OnError, Procedure, Terms

BID = "sealed_bid_"
"""What the keys of tasks begin with in which somebody bids."""

BID_SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {
        "willing": {"type": "boolean"},
        "price_usd": {"type": "number", "minimum": 0},
        "reliability": {"type": "number", "minimum": 0, "maximum": 1},
        "duration_s": {"type": "number", "minimum": 0},
    },
    "required": ["willing"],
}
"""What a bid says."""

AUCTION, AWARD = "auction", "award"
"""The argument that tells a bidder what is announced, and where a result holds the award."""


def bidding_tasks(auction: Auction, announced: PlannedTask) -> tuple[PlannedTask, ...]:
    """Announce a task to all bidders; to bid for it is no work in its skills."""
    return tuple(
        PlannedTask(
            key=f"{BID}{number}",
            title=f"Bid of {bidder}",
            instruction=_announcement(auction, announced),
        )
        for number, bidder in enumerate(auction.bidders, start=1)
    )


def contract(task: Task, procedure: Procedure, fold: SessionFold) -> Plan | None:
    """Give the task to the winner once all bids are in; None when that is done, or nobody won."""
    if procedure.auction is None or procedure.tasks[0].key in task.task_ids:
        return None
    awarded = awarded_in(task, procedure.auction, fold)
    if awarded.winner is None:
        return None
    return Plan(tasks=procedure.tasks[:1], complexity=1.0, reason=awarded.reason)


def contracted(task: Task, procedure: Procedure, fold: SessionFold) -> Result | Failure:
    """Give what the winner handed in, with the award; or why nobody did."""
    if procedure.auction is None:
        raise LookupError("a procedure without an auction has no award")
    awarded = awarded_in(task, procedure.auction, fold)
    if awarded.winner is None:
        return Failure(kind=FailureKind.UNABLE, message=awarded.reason)
    done = fold.task(task.task_ids[procedure.tasks[0].key])
    if done.result is None:
        reason = done.failure.message if done.failure is not None else "it was stopped"
        kind = done.failure.kind if done.failure is not None else FailureKind.CANCELLED
        return Failure(kind=kind, message=f"{awarded.winner} won the task and failed: {reason}")
    told: dict[str, JsonValue] = {
        "rule": awarded.rule.value,
        "winner": awarded.winner,
        "payment_usd": awarded.payment_usd,
        "bids": len(awarded.ranking),
    }
    return done.result.model_copy(update={"data": {**done.result.data, AWARD: told}})


def awarded_in(task: Task, auction: Auction, fold: SessionFold) -> Award:
    """Tell who wins by the bids that are in."""
    bids = []
    for number, bidder in enumerate(auction.bidders, start=1):
        bid = _bid(fold.task(task.task_ids[f"{BID}{number}"]), bidder)
        if bid is not None:
            bids.append(bid)
    return award_by(auction, bids)


def terms_in_auction(
    task: Task, parent: Task, procedure: Procedure, fold: SessionFold
) -> Terms | None:
    """Give the terms of a bid, or of the task that was announced, which is the winner's."""
    key, auction = task.assignment.key, procedure.auction
    if auction is None:
        return None
    announced = procedure.tasks[0]
    given = procedure.terms_of(announced.key) or Terms()
    if key.startswith(BID):
        bidder = auction.bidders[int(key.removeprefix(BID)) - 1]
        told: dict[str, JsonValue] = {
            "title": announced.title,
            "instruction": announced.instruction,
            "skills": list(announced.skills),
            "reserve_usd": auction.reserve_usd,
        }
        return silent_terms(bidder, given, {AUCTION: told}, BID_SCHEMA)
    winner = awarded_in(parent, auction, fold).winner
    return given.model_copy(update={"agent": winner})


def silent_terms(
    agent: str, given: Terms, arguments: dict[str, JsonValue], output_schema: dict[str, JsonValue]
) -> Terms:
    """Give the terms of a task of a round; who does not answer it is silent."""
    return Terms(
        agent=agent,
        model=given.model,
        tools=(),
        arguments=arguments,
        output_schema=output_schema,
        on_error=OnError.SKIP,
        default={},
    )


def _bid(bidding: Task, bidder: str) -> SealedBid | None:
    if bidding.status is not TaskStatus.COMPLETED or bidding.holder != bidder:
        return None
    return None if bidding.result is None else read_bid(bidder, bidding.result.data)


def _announcement(auction: Auction, announced: PlannedTask) -> str:
    limit = f" It may cost {auction.reserve_usd:g} USD." if auction.reserve_usd else ""
    skills = f" It takes {', '.join(announced.skills)}." if announced.skills else ""
    paid = (
        "what it bid"
        if auction.rule.value == "first_price"
        else "the most it could have bid and still won, so bid what it really costs you"
    )
    return (
        f"Bid for this task, and do not do it yet: {announced.title}: {announced.instruction}"
        f"{skills}{limit} The winner is paid {paid}. Hand in data with `willing`, `price_usd`,"
        " `reliability`, 0 to 1, that you will succeed, and `duration_s`."
    )
