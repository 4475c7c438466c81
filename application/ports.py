"""Ports: what use cases need from the outside; adapters in `infrastructure` provide it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

from pydantic import JsonValue

from application.briefs import Brief, ToolBrief
from domain.artefact import InputFile
from domain.effect import ModelAnswer, ToolAnswer, ToolCall
from domain.event import Envelope, RecordedEvent

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate, CanMutateAggregate

A = TypeVar("A", bound="Aggregate")


class Clock(Protocol):
    """Source of time."""

    def now(self) -> datetime:
        """Tell the time, in UTC, with a zone."""
        ...


class IdFactory(Protocol):
    """Source of ids."""

    def new(self) -> UUID:
        """Make a new UUIDv7."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to append, in its envelope."""

    event: CanMutateAggregate[UUID]
    envelope: Envelope


class EventLog(Protocol):
    """The log: one total order of all events."""

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append events of one or more streams, all or none.

        Raises:
            ConflictError: a stream has moved on since its aggregate was loaded.
            UnavailableError: the database cannot be used.
        """
        ...

    def load(self, aggregate: type[A], stream: UUID) -> A:
        """Rebuild an aggregate by replay.

        Raises:
            NotFoundError: the stream has no events.
        """
        ...

    def read(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
    ) -> Iterator[RecordedEvent]:
        """Read events in order of position, `after < position <= until`, in constant memory.

        Args:
            session_id: only events of this session.
            types: only events of these types.
        """
        ...

    def last_position(self) -> int:
        """Tell the position of the newest event; 0 for an empty log."""
        ...

    def position_at(self, moment: datetime) -> int:
        """Tell the position of the newest event recorded at or before a moment; 0 for none."""
        ...

    def position_of(self, event_id: UUID) -> int:
        """Tell the position of an event.

        Raises:
            NotFoundError: there is no such event.
        """
        ...


class SessionLease(Protocol):
    """The right to run a session; the database frees it when its holder dies."""

    def hold(self, session_id: UUID) -> AbstractContextManager[None]:
        """Hold a session while the context lasts.

        Raises:
            ConflictError: another process holds it.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call to a model.

    Attributes:
        effect_id: names the effect; the same on every attempt.
        model: model to ask, as configured.
        compression: 0 sends all steps whole; each more shortens what a context overflow allows.
        timeout_s: seconds the call may take.
    """

    effect_id: UUID
    model: str
    brief: Brief
    compression: int
    timeout_s: float


class Model(Protocol):
    """A language model, or rules that answer in its place."""

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call.

        Raises:
            EffectError: the call failed; its failure says how and whether to try again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files a session's tools may touch.

    Attributes:
        input_files: may be read, under their names.
        output_folder: may be read and written.
    """

    session_id: UUID
    input_files: tuple[InputFile, ...]
    output_folder: Path


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """One use of a tool.

    Attributes:
        effect_id: names the effect; a repeated effect must leave the same files behind.
        agent: handle of the agent on whose right the tool runs.
        timeout_s: seconds the call may take.
    """

    effect_id: UUID
    agent: str
    call: ToolCall
    workspace: Workspace
    timeout_s: float


class Toolbox(Protocol):
    """The tools of the house (level L3)."""

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe tools to a model, in order of name."""
        ...

    @property
    def names(self) -> frozenset[str]:
        """Names of all tools."""
        ...

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use a tool; its arguments are validated against its schema first.

        Raises:
            EffectError: unknown tool, bad arguments, refused path, time-out, or the tool's own
                failure.
        """
        ...


class PastTurns(Protocol):
    """Search over what was said in past conversations; a read model provides it."""

    def search(self, text: str, limit: int, exclude: UUID | None) -> list[dict[str, JsonValue]]:
        """Find turns whose words match, best first.

        Args:
            exclude: a session to leave out.
        """
        ...
