"""Rounds: further tasks of a procedure, which follow from what its tasks said so far.

A byzantine quorum has a second round, in which each voter confirms its vote; a negotiation has one
task for each turn; an auction one for each bid, and then the task itself. They are tasks like any
other, so that a crash loses nothing of them, and what is decided here follows from what is
recorded.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from pydantic import JsonValue

from application.fold import SessionFold
from application.orchestration.auctioning import (
    bidding_tasks,
    contract,
    contracted,
    silent_terms,
    terms_in_auction,
)
from application.orchestration.commands import Command
from application.orchestration.deliberating import (
    CONFIRMING,
    DIGEST,
    VOTE,
    confirmations,
    deliberated,
    field_of,
    vote_of,
    votes_cast,
    voting,
)
from domain.deliberation.consensus import digest_of
from domain.deliberation.negotiation import (
    Move,
    MoveKind,
    Negotiation,
    Party,
    Standing,
    read_move,
    standing_after,
    turn_after,
    utility,
)
from domain.effect import Failure, FailureKind
from domain.planning import Plan, PlannedTask
from domain.task import Result, Task, TaskStatus
from domain.workflow import AssemblyStrategy, Procedure, Terms

TURN = "turn_"
"""What the keys of turns of a negotiation begin with."""

BALLOT, NEGOTIATION = "ballot", "negotiation"
"""Arguments that tell whoever does a task of a round what it is about."""

MOVE_SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {
        "move": {"enum": [MoveKind.OFFER.value, MoveKind.ACCEPT.value, MoveKind.WALK_AWAY.value]},
        "offer": {"type": "object", "additionalProperties": {"type": "number"}},
    },
    "required": ["move"],
}
"""What a party hands in when it is its turn."""

CONFIRMATION_SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {VOTE: {}, DIGEST: {"type": "string"}},
    "required": [VOTE],
}
"""What a voter hands in when it confirms its vote."""


def opening_tasks(procedure: Procedure) -> tuple[PlannedTask, ...]:
    """Give the tasks that a procedure begins with: those it names, or the first turn."""
    if procedure.negotiation is not None:
        return (_turn(standing_after((), procedure.negotiation), procedure.negotiation),)
    if procedure.auction is not None:
        return bidding_tasks(procedure.auction, procedure.tasks[0])
    return procedure.tasks


def in_rounds(procedure: Procedure) -> bool:
    """Tell whether a procedure's tasks are turns or bids, and no parts of its result."""
    return procedure.negotiation is not None or procedure.auction is not None


def next_round(task: Task, procedure: Procedure, fold: SessionFold) -> Plan | None:
    """Plan the tasks that follow once all of a task's tasks have ended; None when none do."""
    if procedure.negotiation is not None:
        standing = negotiated(task, procedure.negotiation, fold)
        if standing.over:
            return None
        return _plan(_turn(standing, procedure.negotiation), reason=standing.reason)
    if procedure.auction is not None:
        return contract(task, procedure, fold)
    if procedure.assembly.strategy is not AssemblyStrategy.QUORUM:
        return None
    if confirmations(task, procedure, fold) is not None:
        return None
    return _confirming(task, procedure, fold)


def has_rounds(procedure: Procedure) -> bool:
    """Tell whether tasks of a procedure may belong to rounds, whose terms follow from the last."""
    return (
        procedure.negotiation is not None
        or procedure.auction is not None
        or procedure.assembly.strategy is AssemblyStrategy.QUORUM
    )


def terms_in_round(task: Task, procedure: Procedure, fold: SessionFold) -> Terms | None:
    """Give the terms of a task that belongs to a round; None where the procedure gives them."""
    key, parent_id = task.assignment.key, task.assignment.parent_id
    if parent_id is None:
        return None
    if procedure.negotiation is not None and key.startswith(TURN):
        return _terms_of_turn(int(key.removeprefix(TURN)), fold.task(parent_id), procedure, fold)
    if procedure.auction is not None:
        return terms_in_auction(task, fold.task(parent_id), procedure, fold)
    if procedure.assembly.strategy is AssemblyStrategy.QUORUM and key.startswith(CONFIRMING):
        return _terms_of_confirming(task, procedure, fold)
    return None


def decided_together(
    task: Task, procedure: Procedure, fold: SessionFold
) -> Generator[Command, None, Result | Failure | None]:
    """Give what several agents agreed or voted on, all of whose tasks have ended.

    Returns:
        The result; a failure when they did not come to one; None until the tally is recorded.
    """
    if procedure.negotiation is not None:
        return agreement(task, procedure.negotiation, fold)
    if procedure.auction is not None:
        return contracted(task, procedure, fold)
    return (yield from deliberated(task, procedure, fold))


def agreement(task: Task, negotiation: Negotiation, fold: SessionFold) -> Result | Failure:
    """Give what was agreed, or why nothing was."""
    standing = negotiated(task, negotiation, fold)
    if not standing.agreed or standing.offer is None:
        return Failure(kind=FailureKind.UNABLE, message=f"No agreement: {standing.reason}")
    offer: dict[str, JsonValue] = dict(standing.offer)
    told = _told(standing.offer, negotiation)
    utilities: dict[str, JsonValue] = {
        party.agent: round(utility(standing.offer, party, negotiation.issues), 6)
        for party in negotiation.parties
    }
    return Result(
        summary=f"Agreed after {standing.turns} turns: {told}.",
        data={
            "offer": offer,
            "offered_by": standing.offered_by,
            "turns": standing.turns,
            "utilities": utilities,
        },
    )


def negotiated(task: Task, negotiation: Negotiation, fold: SessionFold) -> Standing:
    """Tell how the negotiation of a task stands after the turns that have ended."""
    return standing_after(_moves(task, negotiation, fold, negotiation.max_turns), negotiation)


def _moves(task: Task, negotiation: Negotiation, fold: SessionFold, until: int) -> list[Move]:
    turns = [fold.task(task_id) for key, task_id in task.task_ids.items() if key.startswith(TURN)]
    return [_move(turn, negotiation) for turn in turns[:until] if turn.ended]


def _move(turn: Task, negotiation: Negotiation) -> Move:
    number = int(turn.assignment.key.removeprefix(TURN))
    mover = negotiation.party_at(number).agent
    if turn.status is not TaskStatus.COMPLETED or turn.result is None or turn.holder != mover:
        return Move(move=MoveKind.PASS, note="was silent")
    return read_move(turn.result.data, negotiation)


def _turn(standing: Standing, negotiation: Negotiation) -> PlannedTask:
    """Describe the next turn; only its own party's wishes are told to it."""
    party = negotiation.party_at(standing.turns)
    return PlannedTask(
        key=f"{TURN}{standing.turns}",
        title=f"Turn {standing.turns + 1} of the negotiation: {party.agent}",
        instruction=_saying(standing, party, negotiation),
    )


def _saying(standing: Standing, party: Party, negotiation: Negotiation) -> str:
    total = sum(party.weights.values())
    wishes = "; ".join(
        f"{issue.name} from {issue.low:g} to {issue.high:g} {issue.unit}, of which you want"
        f" {'little' if issue.name in party.wants_low else 'much'}, weight"
        f" {party.weights[issue.name] / total:.0%}"
        for issue in negotiation.issues
    )
    table = "There is no offer yet."
    if standing.offer is not None:
        told = _told(standing.offer, negotiation)
        worth = utility(standing.offer, party, negotiation.issues)
        table = f"{standing.offered_by} offers {told}, which is worth {worth:.0%} to you."
    left = negotiation.max_turns - standing.turns
    return (
        f"Negotiate for yourself on: {wishes}. An agreement that is worth less than"
        f" {party.walk_away:.0%} to you is worse than none. {table} {left} turns are left, this one"
        " included; without an agreement by then there is none. Hand in data with `move`: `accept`"
        " the offer, `walk_away`, or `offer` with `offer`, an object of a number for each issue."
    )


def _told(offer: Mapping[str, float], negotiation: Negotiation) -> str:
    units = {issue.name: issue.unit for issue in negotiation.issues}
    return ", ".join(f"{name} {value:g} {units[name]}" for name, value in offer.items())


def _terms_of_turn(
    number: int, parent: Task, procedure: Procedure, fold: SessionFold
) -> Terms | None:
    negotiation = procedure.negotiation
    if negotiation is None:
        return None
    moves = _moves(parent, negotiation, fold, number)
    turn = turn_after(standing_after(moves, negotiation), negotiation)
    given = procedure.terms_of(f"{TURN}{number}") or Terms()
    told: dict[str, JsonValue] = {NEGOTIATION: turn.model_dump(mode="json")}
    terms = silent_terms(turn.party.agent, given, told, MOVE_SCHEMA)
    return terms.model_copy(update={"instructions": given.instructions})


def _confirming(task: Task, procedure: Procedure, fold: SessionFold) -> Plan | None:
    """Plan a task for each vote that was cast, in which its voter confirms it."""
    digest = digest_of(votes_cast(task, procedure, fold))
    cast = [child for child in voting(task, procedure, fold) if vote_of(child, procedure)]
    tasks = [
        PlannedTask(
            key=f"{CONFIRMING}{number}",
            title=f"Confirm the vote of {child.holder}",
            instruction=(
                f"You voted in the task {child.assignment.key!r}, whose result you are given. All"
                f" votes are cast; their digest is {digest}. Hand in data with `{VOTE}`, the answer"
                f" you voted for, and `{DIGEST}`, this digest. Do not change your mind now: a vote"
                " for anything else is a lie, and you lose your vote."
            ),
            depends_on=(child.assignment.key,),
        )
        for number, child in enumerate(cast, start=1)
    ]
    return _plan(*tasks, reason="Each voter confirms its vote.") if tasks else None


def _terms_of_confirming(task: Task, procedure: Procedure, fold: SessionFold) -> Terms:
    cast = fold.task(task.assignment.depends_on[0])
    given = procedure.terms_of(cast.assignment.key) or Terms()
    told: dict[str, JsonValue] = {"field": field_of(cast, procedure)}
    return silent_terms(cast.holder, given, {BALLOT: told}, CONFIRMATION_SCHEMA)


def _plan(*tasks: PlannedTask, reason: str) -> Plan:
    return Plan(tasks=tasks, complexity=1.0, reason=reason)
