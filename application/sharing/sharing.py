"""Sharing: what is shared in a session follows its history, across rewinds and forks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from pydantic import JsonValue, ValidationError

from application.errors import BadRequestError, ConflictError, NotFoundError
from application.history import END, Lineage, Segment, read_lineage
from application.ports import Clock, Entry, EventLog, IdFactory
from application.sharing.ports import Replicas
from application.sharing.views import (
    SharedContextView,
    SharedMergeView,
    SharedValueView,
    SharedWriteView,
)
from domain.event import Envelope, RecordedEvent
from domain.session import Session
from domain.shared_context import SharedContext, SharedValue, replica_of, shared_context_id

MAX_VALUE_BYTES = 100_000
"""A larger value belongs into a file of which the name is shared."""

TRIES = 50
"""How often a write is tried again after somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the history of a session says of what is shared.

    Attributes:
        events: writes and merges, in order.
    """

    lineage: Lineage
    events: tuple[RecordedEvent, ...]

    @property
    def updates(self) -> tuple[str, ...]:
        """The updates, in order."""
        return tuple(_of(recorded).update for recorded in self.events)

    @property
    def replica(self) -> int:
        """Number of the replica that goes on with this history."""
        own = self.lineage.segments[-1]
        return replica_of(self.lineage.session_id, own.after)


@dataclass(frozen=True, slots=True)
class Sharing:
    """Writes, reads and merges shared contexts; safe from any thread and process."""

    log: EventLog
    clock: Clock
    ids: IdFactory
    replicas: Replicas

    def write(
        self,
        session_id: UUID,
        agent: str,
        key: str,
        value: JsonValue,
        *,
        effect_id: UUID | None = None,
    ) -> SharedWriteView:
        """Share a value under an agent's own name; None takes it back.

        Args:
            effect_id: the effect that writes; repeated, it writes nothing more.

        Raises:
            BadRequestError: the name is empty, or the value is too large or no JSON.
            NotFoundError: there is no such session.
            ConflictError: its subject was forgotten, or others were faster again and again.
            UnavailableError: the database cannot be used.
        """
        shared = _checked(agent, key, value)
        event_id = uuid5(effect_id, "shared") if effect_id else self.ids.new()
        if effect_id is not None:
            known = self._position_of(event_id)
            if known is not None:
                return _written(session_id, shared, known, repeated=True)
        for _ in range(TRIES):
            context = self._context(session_id)  # before the history, which may hold more then
            told = self._told(session_id)
            update = self.replicas.written(
                told.updates, told.replica, shared.agent, shared.key, shared.value
            )
            context.write(shared, update, self.clock.now())
            recorded = self._append(context, told.lineage, agent, event_id)
            if recorded is not None:
                return _written(session_id, shared, recorded.position)
            event_id = self.ids.new() if effect_id is None else uuid5(event_id, "again")
        raise _busy(session_id)

    def read(self, session_id: UUID, until: int | None = None) -> SharedContextView:
        """Tell what is shared in a session as of a position.

        Raises:
            NotFoundError: there is no such session, or it was opened after the position.
            UnavailableError: the database cannot be used.
        """
        position = self.log.last_position() if until is None else until
        return self._view(self._told(session_id, until), position)

    def merge(
        self, session_id: UUID, from_session_id: UUID, until: int | None = None, *, actor: str
    ) -> SharedMergeView:
        """Take over what is shared in another session, such as a fork of this one.

        Nothing conflicts: all that was shared in either is there afterwards, and where both changed
        the same value of the same agent, both arrive at the same one, whoever merges first. What is
        known already is not recorded again.

        Args:
            until: position of the log as of which the other is looked at; None for now.
            actor: who merges.

        Raises:
            NotFoundError: there is no such session.
            BadRequestError: the two are the same.
            ConflictError: a subject was forgotten, or others were faster again and again.
            UnavailableError: the database cannot be used.
        """
        if session_id == from_session_id:
            raise BadRequestError("A session has all that it shares already: name another one.")
        as_of = self.log.last_position() if until is None else until
        for _ in range(TRIES):
            context = self._context(session_id)
            mine, theirs = self._told(session_id), self._told(from_session_id, as_of)
            update = self.replicas.missing(mine.updates, theirs.updates)
            if update is None:
                return _merged(session_id, from_session_id)
            changed = tuple(self._changes(mine.updates, (*mine.updates, update)))
            context.merge(from_session_id, as_of, changed, update, self.clock.now())
            recorded = self._append(context, mine.lineage, actor, self.ids.new())
            if recorded is not None:
                return _merged(session_id, from_session_id, recorded, changed)
        raise _busy(session_id)

    def _told(self, session_id: UUID, until: int | None = None) -> Told:
        lineage = read_lineage(self.log, session_id, until)
        return Told(lineage, tuple(self._events(lineage)))

    def _events(self, lineage: Lineage) -> Iterator[RecordedEvent]:
        following = (*lineage.segments[1:], None)
        for segment, after in zip(lineage.segments, following, strict=True):
            last = None if segment.until == END else segment.until
            if after is not None and after.session_id != segment.session_id:
                last = self._until_fork(segment, after)
            stream = shared_context_id(segment.session_id)
            for recorded in self.log.read(stream=stream, after=segment.after, until=last):
                if not isinstance(recorded.event, SharedContext.Created):
                    yield recorded

    def _until_fork(self, segment: Segment, fork: Segment) -> int:
        """Tell up to where a fork has what its parent shared.

        What is shared behind an event of a session, and before its next one, comes with the first.
        """
        later = self.log.read(
            session_id=segment.session_id, after=segment.until, until=fork.after, limit=1
        )
        first = next(iter(later), None)
        return fork.after if first is None else first.position - 1

    def _context(self, session_id: UUID) -> SharedContext:
        try:
            return self.log.load(SharedContext, shared_context_id(session_id))
        except NotFoundError:
            return SharedContext.open(session_id, self.clock.now())

    def _version(self, stream: UUID) -> int:
        newest = next(iter(self.log.read(stream=stream, backwards=True, limit=1)), None)
        return newest.event.originator_version if newest else 0

    def _append(
        self, context: SharedContext, lineage: Lineage, actor: str, event_id: UUID
    ) -> RecordedEvent | None:
        """Append a change; None when others were faster, so that it has to be made anew.

        A rewind that came in between takes back what the change was made from, so it counts, too.
        """
        loaded = context.version - len(context.pending_events)
        subject = self._subject(lineage)
        events = context.collect_events()
        entries = [
            Entry(
                event,
                Envelope(
                    event_id=event_id if event is events[-1] else self.ids.new(),
                    actor=actor,
                    correlation_id=lineage.session_id,
                    subject=subject,
                ),
            )
            for event in events
        ]
        try:
            recorded = self.log.append(entries)[-1]
        except ConflictError:
            if self._version(context.id) == loaded:
                raise  # for another reason, such as a subject that was forgotten
            return None
        now = read_lineage(self.log, lineage.session_id)
        return recorded if now.segments == lineage.segments else None

    def _subject(self, lineage: Lineage) -> str | None:
        first = lineage.segments[0]
        for recorded in self.log.read(stream=first.session_id, limit=1):
            event: Any = recorded.event
            if isinstance(event, Session.Created):
                return event.charter.subject
        return None

    def _position_of(self, event_id: UUID) -> int | None:
        try:
            return self.log.position_of(event_id)
        except NotFoundError:
            return None

    def _changes(self, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[SharedValue]:
        was, now = self.replicas.values(before), self.replicas.values(after)
        for agent in sorted(was.keys() | now.keys()):
            mine, theirs = was.get(agent, {}), now.get(agent, {})
            for key in sorted(mine.keys() | theirs.keys()):
                if mine.get(key) != theirs.get(key):
                    yield SharedValue(agent=agent, key=key, value=theirs.get(key))

    def _view(self, told: Told, position: int) -> SharedContextView:
        origins = {
            (shared.agent, shared.key): (recorded, segment_session)
            for recorded, segment_session in self._with_sessions(told)
            for shared in _values_of(recorded)
        }
        views = []
        for agent, values in sorted(self.replicas.values(told.updates).items()):
            for key, value in sorted(values.items()):
                recorded, session_id = origins.get((agent, key), (None, None))
                views.append(
                    SharedValueView(
                        agent=agent,
                        key=key,
                        value=value,
                        position=recorded.position if recorded else 0,
                        recorded_at=recorded.recorded_at if recorded else None,
                        session_id=session_id,
                    )
                )
        return SharedContextView(
            session_id=told.lineage.session_id, position=position, values=tuple(views)
        )

    @staticmethod
    def _with_sessions(told: Told) -> Iterator[tuple[RecordedEvent, UUID]]:
        sessions = {
            shared_context_id(segment.session_id): segment.session_id
            for segment in told.lineage.segments
        }
        for recorded in told.events:
            yield recorded, sessions[recorded.event.originator_id]


def _of(recorded: RecordedEvent) -> Any:
    return recorded.event


def _values_of(recorded: RecordedEvent) -> tuple[SharedValue, ...]:
    event: Any = recorded.event
    return (event.shared,) if isinstance(event, SharedContext.Written) else event.changed


def _checked(agent: str, key: str, value: JsonValue) -> SharedValue:
    try:
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
        shared = SharedValue(agent=agent, key=key, value=value)
    except (ValidationError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadRequestError(f"This cannot be shared under {key!r}: {reason}") from error
    if size > MAX_VALUE_BYTES:
        raise BadRequestError(
            f"The value of {key!r} has {size:,} bytes, but up to {MAX_VALUE_BYTES:,} are shared:"
            " write it to a file and share the file's name."
        )
    return shared


def _busy(session_id: UUID) -> ConflictError:
    return ConflictError(
        f"What is shared in session {str(session_id)!r} changed {TRIES} times meanwhile: try again."
    )


def _written(
    session_id: UUID, shared: SharedValue, position: int, *, repeated: bool = False
) -> SharedWriteView:
    return SharedWriteView(
        session_id=session_id,
        agent=shared.agent,
        key=shared.key,
        position=position,
        repeated=repeated,
    )


def _merged(
    session_id: UUID,
    from_session_id: UUID,
    recorded: RecordedEvent | None = None,
    changed: tuple[SharedValue, ...] = (),
) -> SharedMergeView:
    views = tuple(
        SharedValueView(
            agent=each.agent,
            key=each.key,
            value=each.value,
            position=recorded.position if recorded else 0,
            recorded_at=recorded.recorded_at if recorded else None,
            session_id=session_id,
        )
        for each in changed
    )
    return SharedMergeView(
        session_id=session_id,
        from_session_id=from_session_id,
        position=recorded.position if recorded else None,
        changed=views,
    )
