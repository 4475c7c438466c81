"""Deliberating: patterns in which several agents settle one question together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from domain.auction import MIN_RELIABILITY, Auction, PaymentRule
from domain.deliberation.negotiation import Issue, Negotiation, Party
from domain.patterns.parts import Part, Pattern, filled, task
from domain.workflow import ANY, Assembly, AssemblyStrategy, Procedure, Terms

ANSWER = "answer"
"""Where the result of a voter holds what it votes for."""


def consensus(
    question: str,
    voters: Sequence[str],
    *,
    faults: int | None = None,
    choices: Sequence[str] = (),
    arguments: Mapping[str, JsonValue] | None = None,
    coordinator: str | None = None,
    instructions: str = "",
    tools: Sequence[str] | None = None,
    max_parallel: int | None = None,
) -> Pattern:
    """Let agents vote on a question, each without knowing what the others say.

    Args:
        question: may hold references.
        voters: handles; each votes once.
        faults: liars that must not sway the outcome: a quorum decides, and it takes at least
            3 * faults + 1 voters. Without it a majority decides.
        choices: the only answers that count; any short text by default.
        arguments: what each voter is given to decide on; may hold references.
        coordinator: handle of the agent that asks; by default the orchestrator.
        instructions: how the voters shall go about it.
        tools: the only tools that they may use, of those they may use at all.
    """
    strategy = AssemblyStrategy.MAJORITY if faults is None else AssemblyStrategy.QUORUM
    answer: dict[str, JsonValue] = {"type": "string", "minLength": 1}
    if choices:
        answer["enum"] = list(choices)
    ballot: dict[str, JsonValue] = {
        "type": "object",
        "properties": {ANSWER: answer},
        "required": [ANSWER],
    }
    parts = [
        task(
            f"voter_{number}",
            question,
            title=f"Vote of {voter}",
            agent=voter,
            arguments=dict(arguments or {}),
            instructions=instructions,
            tools=None if tools is None else tuple(tools),
            output_schema=ballot,
        )
        for number, voter in enumerate(voters, start=1)
    ]
    procedure = Procedure(
        pattern="consensus",
        coordinator=coordinator,
        assembly=Assembly(strategy=strategy, faults=faults or 0),
        max_parallel=max_parallel,
    )
    return filled(procedure, parts)


def negotiation(
    issues: Sequence[Issue],
    parties: Sequence[Party],
    *,
    max_rounds: int = 6,
    coordinator: str | None = None,
    instructions: str = "",
) -> Pattern:
    """Let agents make each other offers in turn until all accept one; see `Negotiation`.

    Args:
        parties: in the order of their turns; each is told its own wishes alone.
        max_rounds: rounds, in each of which every party has one turn.
        coordinator: handle of the agent that calls them together; by default the orchestrator.
        instructions: how the parties shall go about it.
    """
    procedure = Procedure(
        pattern="negotiation",
        coordinator=coordinator,
        terms={ANY: Terms(instructions=instructions)} if instructions else {},
        negotiation=Negotiation(
            issues=tuple(issues), parties=tuple(parties), max_rounds=max_rounds
        ),
    )
    return Pattern(procedure=procedure)


def auction(
    part: Part,
    bidders: Sequence[str],
    *,
    rule: PaymentRule = PaymentRule.SECOND_PRICE,
    reserve_usd: float | None = None,
    min_reliability: float = MIN_RELIABILITY,
    coordinator: str | None = None,
) -> Pattern:
    """Announce a task by the contract net protocol: agents bid unseen, the best bid does it.

    Args:
        bidders: handles.
        rule: what the winner is paid.
        reserve_usd: the most the task may cost, in US dollars; without it there is no limit.
        min_reliability: 0 to 1; bids under it are dismissed.
        coordinator: handle of the agent that announces; by default the orchestrator.
    """
    announced = Auction(
        bidders=tuple(bidders),
        rule=rule,
        reserve_usd=reserve_usd,
        min_reliability=min_reliability,
    )
    procedure = Procedure(pattern="auction", coordinator=coordinator, auction=announced)
    return filled(procedure, (part,))
