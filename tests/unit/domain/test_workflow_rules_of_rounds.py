"""What is wrong with a negotiation, an auction or a vote is told as of any workflow."""

from __future__ import annotations

import pytest

from domain import patterns as p
from domain.deliberation.negotiation import Issue, Party
from domain.workflow import Procedure
from domain.workflow_rules import Surroundings, faults_of, said_place

AROUND = Surroundings(agents={"A_1": (), "A_2": ()}, departments=(), tools=())
PRICE = Issue(name="price", unit="USD", low=1, high=2)


def party(agent: str) -> Party:
    return Party(agent=agent, weights={"price": 1.0})


def told(pattern: p.Pattern) -> list[str]:
    found = faults_of(p.workflow("w", pattern), AROUND)
    return [f"{said_place(fault.place)}: {fault.message}" for fault in found]


def test_what_the_blocks_build_breaks_no_rule() -> None:
    drawn = p.task("draw", "Draw.")

    assert told(p.negotiation([PRICE], [party("A_1"), party("A_2")])) == []
    assert told(p.auction(drawn, ["A_1", "A_2"], reserve_usd=1.0)) == []


def test_parties_and_bidders_must_be_there() -> None:
    unknown = "unknown agent 'A_9'; did you mean 'A_2'?"

    assert told(p.negotiation([PRICE], [party("A_1"), party("A_9")])) == [
        f"procedure.negotiation.parties[1].agent: {unknown}"
    ]
    assert told(p.auction(p.task("draw", "Draw."), ["A_9"])) == [
        f"procedure.auction.bidders[0]: {unknown}"
    ]


def test_a_negotiation_has_no_tasks_and_an_auction_has_one() -> None:
    drawn = p.task("draw", "Draw.", skills=("charts",))
    deal = p.negotiation([PRICE], [party("A_1"), party("A_2")]).procedure
    lots = p.auction(drawn, ["A_1"]).procedure

    def tasks(procedure: Procedure, *parts: p.Part) -> p.Pattern:
        given = tuple(part.task for part in parts)
        return p.Pattern(procedure=procedure.model_copy(update={"tasks": given}))

    assert told(tasks(deal, drawn)) == [
        "procedure.tasks: the turns of a negotiation are its tasks; name no others"
    ]
    assert told(tasks(lots, drawn, p.task("other", "Do."))) == [
        "procedure.tasks: an auction is for one task, and 2 stand here; name one"
    ]


@pytest.mark.parametrize("key", ["confirm_ballot_1", "sealed_bid_1", "turn_1"])
def test_keys_of_rounds_are_taken(key: str) -> None:
    (fault,) = told(p.chain(p.task(key, "Do.", agent="A_1")))

    assert "is one of rounds; use another key" in fault
