"""Negotiation: agents make each other offers on the terms of a task, in turn, until all agree.

The protocol is that of alternating offers (Rubinstein, Perfect Equilibrium in a Bargaining Model,
Econometrica 50, 1982), for more than two parties as a stack: an offer stands until another replaces
it, and is agreed once all other parties accepted it one after the other (Aydogan, Festen, Hindriks
and Jonker, Alternating Offers Protocols for Multilateral Negotiation, 2017). Whoever walks away
ends it, and so does the last round.

Parties without a model of language follow a rule. They concede with time (Faratin, Sierra and
Jennings, Negotiation Decision Functions for Autonomous Agents, Robotics and Autonomous Systems 24,
1998): at turn t, where T is the last in which an offer can still be agreed, a party asks for

    1 - (1 - walk_away) * min(1, t / T) ** (1 / concession)

as its utility, so that a `concession` under 1 holds out until late (Boulware) and one over 1 gives
in early. What it gives up first is what weighs least to it, so that parties that value different
things both gain.
It accepts an offer that is worth at least as much to it as what it would ask for itself (condition
AC-next of Baarslag, Hindriks and Jonker, 2013).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from domain.decision import Share
from domain.value import NonEmptyText, NonEmptyWords, Value

Offer = dict[str, float]
"""A value for each issue."""

ROUNDING = 1e-9


class Issue(Value):
    """What is negotiated, such as a price, a deadline or how much of a task is done.

    Attributes:
        unit: of its values, for example `USD`, `tokens`, `s` or `share`.
        low: least value on the table.
        high: greatest value on the table.
    """

    name: NonEmptyText
    unit: NonEmptyText
    low: float
    high: float

    @model_validator(mode="after")
    def _has_width(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"issue {self.name!r} leaves nothing to negotiate: give low < high")
        return self


class Party(Value):
    """One who negotiates, and what it wants; the others are not told.

    Attributes:
        agent: handle.
        weights: how much each issue matters to it; only the proportions count.
        wants_low: names of the issues of which it wants little; of the others it wants much.
        walk_away: utility, 0 to 1, that it has without an agreement; it takes nothing under it.
        concession: exponent of the rule; under 1 it holds out until late, over 1 it gives in early.
    """

    agent: NonEmptyText
    weights: dict[str, Annotated[float, Field(gt=0)]]
    wants_low: tuple[NonEmptyText, ...] = ()
    walk_away: Share = 0.2
    concession: Annotated[float, Field(gt=0)] = 0.6


class Negotiation(Value):
    """What is negotiated, by whom, and for how long.

    Attributes:
        parties: in the order of their turns.
        max_rounds: rounds, in each of which every party has one turn, after which it is over.
    """

    issues: tuple[Issue, ...]
    parties: tuple[Party, ...]
    max_rounds: Annotated[int, Field(ge=1, le=50)] = 6

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = {issue.name for issue in self.issues}
        if not names or len(names) < len(self.issues):
            raise ValueError("a negotiation needs issues, each with a name of its own")
        agents = [party.agent for party in self.parties]
        if len(agents) < 2 or len(set(agents)) < len(agents):  # noqa: PLR2004 - nobody negotiates alone
            raise ValueError("a negotiation needs two parties or more, each another agent")
        for party in self.parties:
            if set(party.weights) != names or not names.issuperset(party.wants_low):
                listed = ", ".join(sorted(names))
                raise ValueError(f"{party.agent} must weigh exactly these issues: {listed}")
        return self

    @property
    def max_turns(self) -> int:
        """How many turns there are at most."""
        return self.max_rounds * len(self.parties)

    @property
    def last_offer(self) -> int:
        """The last turn, counted from 0, whose offer all others can still accept."""
        return self.max_turns - len(self.parties)

    def party_at(self, turn: int) -> Party:
        """Tell whose turn it is; turns are counted from 0."""
        return self.parties[turn % len(self.parties)]


class MoveKind(StrEnum):
    """What a party can do in its turn."""

    OFFER = "offer"
    ACCEPT = "accept"
    WALK_AWAY = "walk_away"
    PASS = "pass"  # noqa: S105 - no password


class Move(Value):
    """What a party did in its turn; who was silent, or said nothing valid, passed."""

    move: MoveKind
    offer: Offer = {}
    note: str = ""


class Standing(Value):
    """How a negotiation stands after some turns.

    Attributes:
        offer: what is on the table; None before the first offer.
        offered_by: handle.
        accepted_by: handles of those who accepted it since.
        agreed: whether all others did.
        over: whether no turn follows.
    """

    turns: int
    offer: Offer | None
    offered_by: NonEmptyText | None
    accepted_by: tuple[NonEmptyText, ...] = ()
    agreed: bool
    over: bool
    reason: NonEmptyWords


class Turn(Value):
    """What a party knows when it is its turn; of the others it knows their moves alone.

    Attributes:
        max_turns: turns there are at most, over all parties.
        last_offer: the last turn, counted from 0, whose offer can still be agreed.
    """

    standing: Standing
    party: Party
    issues: tuple[Issue, ...]
    max_turns: int
    last_offer: int


@dataclass(slots=True)
class _Table:
    offer: Offer | None = None
    offered_by: str | None = None
    accepted_by: tuple[str, ...] = ()


def read_move(data: Mapping[str, JsonValue], negotiation: Negotiation) -> Move:
    """Read a turn out of the data of its result; what is invalid is a pass, and says why.

    An offer names every issue, with a value on the table.
    """
    kind = data.get("move")
    try:
        move = Move.model_validate({"move": kind, "offer": data.get("offer") or {}})
    except ValidationError:
        return Move(move=MoveKind.PASS, note=f"{kind!r} with this offer is no valid move")
    if move.move is not MoveKind.OFFER:
        return Move(move=move.move)
    for issue in negotiation.issues:
        value = move.offer.get(issue.name)
        if value is None or not issue.low <= value <= issue.high:
            note = f"its offer says {value!r} for {issue.name!r}, not {issue.low:g}-{issue.high:g}"
            return Move(move=MoveKind.PASS, note=note)
    return move.model_copy(
        update={"offer": {issue.name: move.offer[issue.name] for issue in negotiation.issues}}
    )


def standing_after(moves: Sequence[Move], negotiation: Negotiation) -> Standing:
    """Tell how a negotiation stands after these moves, in order of turn."""
    table, others = _Table(), len(negotiation.parties) - 1
    for turn, move in enumerate(moves):
        mover = negotiation.party_at(turn).agent
        if move.move is MoveKind.WALK_AWAY:
            return _standing(turn + 1, table, f"{mover} walked away.", over=True)
        if move.move is MoveKind.OFFER:
            table = _Table(move.offer, mover)
        elif move.move is MoveKind.ACCEPT and table.offered_by not in (None, mover):
            table.accepted_by = (*(each for each in table.accepted_by if each != mover), mover)
        else:
            table.accepted_by = tuple(each for each in table.accepted_by if each != mover)
        if table.offer is not None and len(table.accepted_by) == others:
            reason = f"All parties agreed in turn {turn + 1} on what {table.offered_by} offered."
            return _standing(turn + 1, table, reason, agreed=True, over=True)
    if len(moves) >= negotiation.max_turns:
        reason = f"The parties did not agree within {negotiation.max_rounds} rounds."
        return _standing(len(moves), table, reason, over=True)
    turn = len(moves)
    reason = f"It is the turn of {negotiation.party_at(turn).agent}."
    return _standing(turn, table, reason)


def _standing(
    turns: int, table: _Table, reason: str, *, agreed: bool = False, over: bool = False
) -> Standing:
    return Standing(
        turns=turns,
        offer=table.offer,
        offered_by=table.offered_by,
        accepted_by=table.accepted_by,
        agreed=agreed,
        over=over,
        reason=reason,
    )


def utility(offer: Offer, party: Party, issues: Sequence[Issue]) -> float:
    """Tell what an offer is worth to a party, 0 to 1: the weighted mean over the issues."""
    total = sum(party.weights.values())
    return sum(
        party.weights[issue.name] / total * _worth(offer[issue.name], issue, party)
        for issue in issues
    )


def aspiration(party: Party, turn: int, last_offer: int) -> float:
    """Tell the utility, 0 to 1, that a party asks for in a turn; see the module for the rule.

    Args:
        turn: counted from 0 over all parties.
        last_offer: the last turn whose offer can still be agreed.
    """
    passed = min(1.0, turn / last_offer) if last_offer else 1.0
    return 1.0 - (1.0 - party.walk_away) * float(passed ** (1.0 / party.concession))


def offer_worth(target: float, party: Party, issues: Sequence[Issue]) -> Offer:
    """Make the offer of a certain utility to a party that gives up first what weighs least to it.

    Issues of the same weight are given up in their order.
    """
    total = sum(party.weights.values())
    to_give = 1.0 - target
    offer: Offer = {}
    for issue in sorted(issues, key=lambda issue: party.weights[issue.name]):
        weight = party.weights[issue.name] / total
        given = min(1.0, max(0.0, to_give) / weight)
        to_give -= given * weight
        best, worst = _extremes(issue, party)
        offer[issue.name] = best + given * (worst - best)
    return {issue.name: offer[issue.name] for issue in issues}


def turn_after(standing: Standing, negotiation: Negotiation) -> Turn:
    """Tell the party whose turn it is what it may know."""
    return Turn(
        standing=standing,
        party=negotiation.party_at(standing.turns),
        issues=negotiation.issues,
        max_turns=negotiation.max_turns,
        last_offer=negotiation.last_offer,
    )


def next_move(turn: Turn) -> Move:
    """Decide a turn by the rule of the module.

    In the last turn of all an offer could not be accepted any more; whoever does not accept then
    walks away.
    """
    standing, party = turn.standing, turn.party
    target = aspiration(party, standing.turns, turn.last_offer)
    if standing.offer is not None and standing.offered_by != party.agent:
        worth = utility(standing.offer, party, turn.issues)
        if worth >= max(target, party.walk_away) - ROUNDING:
            return Move(move=MoveKind.ACCEPT)
    if standing.turns == turn.max_turns - 1:
        return Move(move=MoveKind.WALK_AWAY)
    return Move(move=MoveKind.OFFER, offer=offer_worth(target, party, turn.issues))


def _extremes(issue: Issue, party: Party) -> tuple[float, float]:
    """Give the best and the worst value of an issue for a party."""
    if issue.name in party.wants_low:
        return issue.low, issue.high
    return issue.high, issue.low


def _worth(value: float, issue: Issue, party: Party) -> float:
    best, worst = _extremes(issue, party)
    return (value - worst) / (best - worst)
