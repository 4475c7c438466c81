"""Ports: what use cases need from the outside; adapters in `infrastructure` provide it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

from pydantic import JsonValue

from application.briefs import Brief, ToolBrief
from application.integrity import InclusionView
from domain.artefact import Artefact, InputFile
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


@dataclass(frozen=True, slots=True)
class Fence:
    """Under what an append is made: it counts only while a stream stands at a version."""

    stream: UUID
    version: int


class Follower(Iterator[RecordedEvent], Protocol):
    """Gives events of the log one after the other, each once, and waits where there are no more.

    It waits for a log that cannot be reached, too.
    """

    def stop(self) -> None:
        """End the iteration, also one that waits; may be called from any thread."""
        ...

    def __enter__(self) -> Iterator[RecordedEvent]:
        """Give the events; leaving the context stops them."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        ...


class EventReader(Protocol):
    """What can be read of a log, or of a proven part of one."""

    def read(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        stream: UUID | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
    ) -> Iterator[RecordedEvent]:
        """Read events in order of position; see `EventLog`."""
        ...

    def last_position(self) -> int:
        """Tell the position of the newest event; 0 for none."""
        ...


class EventLog(EventReader, Protocol):
    """The log: one total order of all events."""

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append events of one or more streams, all or none.

        Raises:
            ConflictError: a stream has moved on since its aggregate was loaded.
            UnavailableError: the database cannot be used.
        """
        ...

    async def append_async(
        self, entries: Sequence[Entry], fence: Fence | None = None
    ) -> Sequence[RecordedEvent]:
        """Append without blocking the event loop; see `append`.

        Who is cancelled meanwhile does not know whether the events were recorded.

        Args:
            fence: under what they are appended.

        Raises:
            FencedError: the fence does not hold any more.
        """
        ...

    def load(self, aggregate: type[A], stream: UUID) -> A:
        """Rebuild an aggregate by replay.

        Raises:
            NotFoundError: the stream has no events.
        """
        ...

    def read(  # noqa: PLR0913 - filters, all by keyword
        self,
        *,
        after: int = 0,
        until: int | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        stream: UUID | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
        limit: int | None = None,
        backwards: bool = False,
    ) -> Iterator[RecordedEvent]:
        """Read events in order of position, `after < position <= until`, in constant memory.

        Forwards, what is appended meanwhile is read too. Moments are looked up once, at the start.

        Args:
            since: only events recorded at or after this moment, which has a zone.
            before: only events recorded before this moment, which has a zone.
            stream: only events of this stream.
            session_id: only events of this session.
            types: only events of these types.
            limit: how many at most.
            backwards: newest first.
        """
        ...

    def follow(
        self, *, after: int = 0, session_id: UUID | None = None, types: Collection[str] = ()
    ) -> Follower:
        """Read what is there, and then whatever is appended, until the follower is stopped."""
        ...

    def wait_for(self, position: int, timeout_s: float) -> None:
        """Wait until the log has reached a position.

        Raises:
            PositionNotReachedError: it has not within `timeout_s` seconds.
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

    def hold(
        self, session_id: UUID, on_stop: Callable[[str], None] | None = None
    ) -> AbstractContextManager[None]:
        """Hold a session while the context lasts.

        Args:
            on_stop: is told, in another thread, who asks the holder to stop; more than once if that
                takes a while. It returns at once.

        Raises:
            ConflictError: another process holds it.
        """
        ...

    def hold_async(
        self, session_id: UUID, on_stop: Callable[[str], None] | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Hold a session without blocking the event loop; see `hold`."""
        ...

    def request_stop_of_all(self) -> None:
        """Ask every process that holds sessions to stop all of them; waits for nothing.

        Raises:
            UnavailableError: the database cannot be used.
        """
        ...

    def request_stop(self, session_id: UUID, timeout_s: float) -> None:
        """Ask the process that holds a session to stop, and return as soon as nobody holds it.

        Returns at once when nobody does. What the holder had begun stays pending in the log.

        Args:
            timeout_s: seconds to wait for it.

        Raises:
            ConflictError: it is still held when the time is over; the message says by whom.
            UnavailableError: the database cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How a worker stands among the workers.

    Attributes:
        workers: how many there are, this one included.
        rank: its place among them, from 0; each has another one.
        held: numbers of the shards that it holds.
    """

    workers: int
    rank: int
    held: frozenset[int]


class ShardLocks(Protocol):
    """Which worker has which shard; the database frees those of a worker that dies."""

    @property
    def held(self) -> frozenset[int]:
        """Numbers of the shards that this worker holds, as far as it knows."""
        ...

    def look(self) -> Standing:
        """See who else there is, and what is still held.

        Raises:
            UnavailableError: the database cannot be used.
        """
        ...

    def take(self, numbers: Sequence[int], most: int) -> Sequence[int]:
        """Take shards that nobody holds.

        Args:
            numbers: which ones, in the order in which they are tried.
            most: how many at most.

        Returns:
            Those that are held from now on.

        Raises:
            UnavailableError: the database cannot be used.
        """
        ...

    def give(self, numbers: Collection[int]) -> None:
        """Let others take shards."""
        ...


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call to a model.

    Attributes:
        effect_id: names the effect; the same on every attempt.
        model: model to ask, as configured.
        compression: 0 sends all steps whole; each more shortens what a context overflow allows.
        timeout_s: seconds the call may take.
        max_output_tokens: the longest answer; None for what the model allows.
        max_context_tokens: what the prompt should not exceed, about; it is compressed further
            until it does not.
    """

    effect_id: UUID
    model: str
    brief: Brief
    compression: int
    timeout_s: float
    max_output_tokens: int | None = None
    max_context_tokens: int | None = None


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


class OutputFiles(Protocol):
    """The files in output folders."""

    def copy(
        self, artefacts: Sequence[Artefact], source: Path, target: Path | None
    ) -> tuple[str, ...]:
        """Copy files that are still as they were recorded; None copies nothing and only looks.

        Returns:
            Paths of those that are not there any more as they were.

        Raises:
            BadRequestError: a file cannot be written to the target.
        """
        ...


class SubjectKeys(Protocol):
    """The keys that seal what subjects said."""

    def destroyed_at(self, subject: str) -> datetime | None:
        """Tell when the key of a subject was destroyed; None while it exists.

        Raises:
            NotFoundError: nothing was ever recorded for this subject.
        """
        ...

    def destroy(self, subject: str, until: int) -> None:
        """Destroy the key of a subject, unless that is done already.

        Args:
            until: position up to which the log was looked through.

        Raises:
            ConflictError: something was recorded for the subject since.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was taken out of tables that are derived from the log.

    Attributes:
        rows: rows that were made anew without words, by read model.
        unswept: tables whose files may still hold what was deleted, until it is overwritten.
    """

    rows: dict[str, int]
    snapshots: int
    unswept: tuple[str, ...] = ()


class SubjectTraces(Protocol):
    """Where the words of subjects stand beside the log."""

    def sessions_of(self, subject: str) -> list[UUID]:
        """List the sessions that were run for a subject, oldest first."""
        ...

    def count(self, sessions: Sequence[UUID]) -> Cleared:
        """Count what `clear` would take out; changes nothing."""
        ...

    def clear(self, sessions: Sequence[UUID]) -> Cleared:
        """Take the words of sessions out, after the key that sealed them was destroyed."""
        ...


class PastTurns(Protocol):
    """Search over what was said in past conversations; a read model provides it."""

    def search(self, text: str, limit: int, exclude: UUID | None) -> list[dict[str, JsonValue]]:
        """Find turns whose words match, best first.

        Args:
            exclude: a session to leave out.
        """
        ...


class InclusionProofs(Protocol):
    """Proofs that events stand in the log as it was signed."""

    def prove(self, positions: Collection[int]) -> dict[int, InclusionView]:
        """Prove the inclusion of events; those that no checkpoint covers yet are covered first.

        Args:
            positions: of events of the log.

        Raises:
            UnavailableError: the database cannot be used.
        """
        ...
