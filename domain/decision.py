"""Decision: a recorded choice with every candidate, its scores and the reason."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from domain.value import NonEmptyText, NonEmptyWords, Value, later

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Candidate(Value):
    """An agent that was considered.

    Attributes:
        score: 0 to 1, the weighted sum of `parts`.
        parts: each part of the score by name, already weighted.
        facts: figures that the parts were computed from, by name, as far as they came from outside.
    """

    agent_id: UUID
    handle: NonEmptyText
    score: Share
    parts: dict[str, float] = {}
    facts: dict[str, float] = later({})


class Sources(Value):
    """Where the facts of candidates came from.

    Attributes:
        embedder: name of the model that compared meanings, with its version.
        learned_until: position of the log that track records were learned up to.
    """

    embedder: NonEmptyText | None = None
    learned_until: Annotated[int, Field(ge=0)] | None = None


class Decision(Value):
    """Who was chosen, out of whom, by which rule, and what the decider knew.

    Attributes:
        strategy: name of the routing strategy, for example `rules`.
        policy_version: version of the policy in force.
        candidates: all that were considered, best first; ties stand in order of handle.
        chosen: handle of the chosen candidate; None when nobody qualified.
        confidence: 0 to 1.
        knowledge_position: position of the log up to which the decider knew it.
        sources: of the facts of its candidates; None where nothing came from outside.
        approval_id: of the human's word that it follows; None where nobody was asked.
    """

    decision_id: UUID
    strategy: NonEmptyText
    policy_version: NonEmptyText
    candidates: tuple[Candidate, ...]
    chosen: NonEmptyText | None
    confidence: Share
    reason: NonEmptyWords
    knowledge_position: Annotated[int, Field(ge=0)]
    sources: Sources | None = later()
    approval_id: UUID | None = later()


class Delegation(Value):
    """A task passed from one agent to another, on the authority of a decision."""

    delegation_id: UUID
    from_agent: NonEmptyText
    to_agent: NonEmptyText
    decision: Decision
