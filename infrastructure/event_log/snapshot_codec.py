"""Snapshot codec: the state of an aggregate as exact JSON, and the fingerprint of its code."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import TypedDict

import domain
from domain.agent import Agent, AgentCapabilities, AgentIdentity, Post
from domain.artefact import Artefact
from domain.budget import Overrun
from domain.conversation import Conversation, Turn
from domain.decision import Decision, Delegation
from domain.effect import Failure, PendingEffect
from domain.guardrail import Trip
from domain.handoff import Handoff
from domain.judgement import Judgement, Tally
from domain.organisation import Department, Halt, Organisation, RosterVersion
from domain.planning import Plan
from domain.recovery import Recovery
from domain.session import Charter, Intent, Session, SessionStatus
from domain.shard import Shard, Tenure
from domain.supervision import Transition
from domain.task import Assignment, Result, Task
from domain.task.values import Step, TaskStatus

A = TypeVar("A", bound=Aggregate)

FORMAT = 1
"""Raised when this module writes or reads states in another way."""


class State(TypedDict):
    """What every aggregate holds."""

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)  # type: ignore[misc]  # pydantic's place for it

    id: UUID
    version: int
    created_on: datetime
    modified_on: datetime


class AgentState(State):
    """What an agent holds."""

    identity: AgentIdentity
    post: Post
    capabilities: AgentCapabilities
    active: bool
    removed: bool


class OrganisationState(State):
    """What the organisation holds."""

    agents: dict[str, UUID]
    departments: tuple[Department, ...]
    opened: tuple[Department, ...]
    roster: RosterVersion | None
    in_charge: str | None
    halt: Halt | None


class ShardState(State):
    """What a shard holds."""

    number: int
    tenure: Tenure | None


class SessionState(State):
    """What a session holds."""

    charter: Charter
    capabilities: dict[str, AgentCapabilities]
    root_task_id: UUID
    conversation_id: UUID
    status: SessionStatus
    intent: Intent | None
    answer: str
    artefacts: tuple[Artefact, ...]
    failure: Failure | None
    resumptions: int


class ConversationState(State):
    """What a conversation holds."""

    session_id: UUID
    participants: tuple[str, ...]
    turns: list[Turn]


class TaskState(State):
    """What a task holds."""

    assignment: Assignment
    holder: str
    status: TaskStatus
    delegations: list[Delegation]
    unplaced: Decision | None
    plan: Plan | None
    task_ids: dict[str, UUID]
    pending: dict[UUID, PendingEffect]
    failed_attempts: dict[UUID, list[Failure]]
    steps: list[Step]
    result: Result | None
    failure: Failure | None
    recoveries: list[Recovery]
    overruns: list[Overrun]
    trips: list[Trip]
    handoff: Handoff | None
    handoffs: list[Handoff]
    declined_handoffs: dict[UUID, str]
    setbacks: list[Failure]
    tried_by: list[str]
    begun_at_step: int
    begun_on: datetime | None
    extensions: int
    transitions: list[Transition]
    judgement: Judgement | None
    tally: Tally | None


STATES: dict[type[Aggregate], type[Any]] = {
    Agent: AgentState,
    Organisation: OrganisationState,
    Shard: ShardState,
    Session: SessionState,
    Conversation: ConversationState,
    Task: TaskState,
}
"""Aggregates whose streams may grow long; a test holds that nothing is missing from a state."""

LIBRARY = ("id", "version", "created_on", "modified_on")
"""Attributes that the library keeps under names with an underscore."""


class UnfitStateError(Exception):
    """A state cannot be written so that it comes back as it was, or cannot be read."""


def encode_state(aggregate: Aggregate) -> bytes:
    """Write the state of an aggregate without pending events, and make sure that it comes back.

    Raises:
        UnfitStateError: it would come back changed.
    """
    attributes = {
        name.removeprefix("_"): value
        for name, value in vars(aggregate).items()
        if name != "_pending_events"
    }
    try:
        state = _codec(type(aggregate)).dump_json(attributes, warnings="error")
    except ValueError as error:
        raise UnfitStateError(f"{type(aggregate).__name__} cannot be written: {error}") from error
    if decode_state(type(aggregate), state) != aggregate:
        raise UnfitStateError(f"{type(aggregate).__name__} would not come back as it was.")
    return state


def decode_state(kind: type[A], state: bytes) -> A:
    """Rebuild an aggregate from its state.

    Raises:
        UnfitStateError: the state is none of such an aggregate.
    """
    try:
        attributes = _codec(kind).validate_json(state)
    except ValueError as error:
        raise UnfitStateError(f"This is no state of {kind.__name__}: {error}") from error
    aggregate = object.__new__(kind)
    vars(aggregate).update(
        {"_" + name: attributes.pop(name) for name in LIBRARY},
        **attributes,
        _pending_events=[],
    )
    for name, value in vars(aggregate).items():
        if isinstance(value, datetime):
            vars(aggregate)[name] = value.astimezone(UTC)
    return aggregate


@cache
def fingerprint_of(kind: type[Aggregate]) -> bytes:
    """Hash what a state of this aggregate depends on.

    That is the shape of the state, this codec, the two libraries that fold and write, and the
    source of the whole domain: its events, how they fold, and how old ones are brought up to date.
    """
    parts = (
        FORMAT,
        kind.__qualname__,
        version("pydantic"),
        version("eventsourcing"),
        domain_digest(),
        _codec(kind).json_schema(),
    )
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


@cache
def domain_digest() -> str:
    """Hash the source of the domain, once a process; to be asked before files may be replaced."""
    folder = Path(str(domain.__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")) or sorted(folder.rglob("*.pyc")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _codec(kind: type[Aggregate]) -> TypeAdapter[Any]:
    return TypeAdapter(STATES[kind])
