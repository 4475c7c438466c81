"""Rounds: offline agents confirm their votes, bid by how they fit, and negotiate by a rule.

The rule is that of `domain.deliberation.negotiation`: concession with time (Faratin, Sierra and
Jennings, 1998), what weighs least given up first.
"""

from __future__ import annotations

import re

from pydantic import JsonValue

from application.briefs import ExecuteBrief, Submission
from domain.deliberation.negotiation import MoveKind, Turn, next_move
from domain.value import Value
from infrastructure.models.offline.fitness import fitness_for
from infrastructure.models.offline.work import Procedure, StoppedError, Work

BALLOT, NEGOTIATION, AUCTION = "ballot", "negotiation", "auction"
"""Arguments that tell what a task of a round is about; see `application.orchestration.rounds`."""


_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


class Ballot(Value):
    """What a voter confirms; its vote stands in `field` of its result's data, or is its summary."""

    field: str | None


class Announced(Value):
    """What a bidder bids for."""

    title: str
    instruction: str
    skills: tuple[str, ...]
    reserve_usd: float | None


def round_procedure(brief: ExecuteBrief) -> Procedure | None:
    """Find the procedure of a task that belongs to a round; None for any other task."""
    arguments = brief.terms.arguments if brief.terms is not None else {}
    if BALLOT in arguments:
        return confirm
    if AUCTION in arguments:
        return bid
    return negotiate if NEGOTIATION in arguments else None


def confirm(brief: ExecuteBrief) -> Work[Submission]:
    """Say again what the voter said.

    Raises:
        StoppedError: its vote is not there.
    """
    yield from ()
    ballot = Ballot.model_validate(brief.terms.arguments[BALLOT] if brief.terms else {})
    cast = brief.dependencies[0].result if brief.dependencies else None
    if cast is None:
        raise StoppedError("There is no vote to confirm.")
    vote = cast.summary if ballot.field is None else cast.data.get(ballot.field)
    data: dict[str, JsonValue] = {"vote": vote}
    digest = _DIGEST.search(brief.task.instruction)
    if digest is not None:
        data["digest"] = digest[0]
    return Submission(done=True, summary=f"Confirmed: {vote}.", data=data)


def bid(brief: ExecuteBrief) -> Work[Submission]:
    """Offer to do the announced task, as sure as the agent fits it; the rules cost nothing."""
    yield from ()
    announced = Announced.model_validate(brief.terms.arguments[AUCTION] if brief.terms else {})
    task = brief.task.model_copy(
        update={
            "title": announced.title,
            "instruction": announced.instruction,
            "skills": announced.skills,
        }
    )
    found = fitness_for(brief.agent, task)
    return Submission(
        done=True,
        summary=f"{brief.agent.handle} {found.said}.",
        data={"willing": found.score > 0, "price_usd": 0.0, "reliability": found.score},
    )


def negotiate(brief: ExecuteBrief) -> Work[Submission]:
    """Accept, offer or walk away."""
    yield from ()
    turn = Turn.model_validate(brief.terms.arguments[NEGOTIATION] if brief.terms else {})
    move = next_move(turn)
    said = {
        MoveKind.ACCEPT: "Accepted.",
        MoveKind.WALK_AWAY: "Walked away.",
    }.get(move.move, ", ".join(f"{name}: {value:g}" for name, value in move.offer.items()))
    return Submission(
        done=True, summary=said, data={"move": move.move.value, "offer": dict(move.offer)}
    )
