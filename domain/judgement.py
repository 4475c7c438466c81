"""Judgement: results compared, and what was decided on them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.decision import Share
from domain.value import NonEmptyText, NonEmptyWords, Value, Words


class Judgement(Value):
    """Which of several results is the best.

    Attributes:
        judge: handle of the agent that compared them.
        scores: 0 to 1, by key of the task.
        chosen: key of the best; ties go to the first in plan order.
    """

    judge: NonEmptyText
    scores: dict[str, Share]
    chosen: NonEmptyText
    reason: NonEmptyWords


class Tally(Value):
    """What several agents decided together.

    Attributes:
        rule: `majority` or `quorum`.
        votes: normalised answer of each voter by handle; None from who was silent.
        equivocators: handles of voters that said different things; their votes do not count.
        unconfirmed: handles of voters that did not hold to their vote when asked for it again;
            their votes do not count.
        faults: voters that may be silent (majority), or lie or be silent (quorum).
        required: votes that one answer needs.
        support: votes that the answer with the most of them has.
        digest: SHA-256, in hex, of the votes as cast, which voters confirmed; empty where nobody
            had to.
        outcome: the answer that has enough; None when none has.
    """

    rule: NonEmptyText
    votes: dict[str, NonEmptyWords | None]
    equivocators: tuple[NonEmptyText, ...] = ()
    unconfirmed: tuple[NonEmptyText, ...] = ()
    faults: Annotated[int, Field(ge=0)] = 0
    required: Annotated[int, Field(ge=1)]
    support: Annotated[int, Field(ge=0)] = 0
    digest: Words = ""
    outcome: NonEmptyWords | None
    reason: NonEmptyWords
