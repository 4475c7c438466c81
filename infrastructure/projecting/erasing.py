"""Erasing: rows that a read model made of a session are made anew, without what was erased."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from heapq import merge
from typing import TYPE_CHECKING
from uuid import UUID

from domain.event import RecordedEvent
from infrastructure.erasure.marking import ERASED
from infrastructure.projecting import sql
from infrastructure.projecting.folding import ScannedLog
from infrastructure.projecting.history import LogHistory
from infrastructure.projecting.status import Member, NewerProjectionError, read_members
from infrastructure.projecting.storing import add_rows
from projections.contexts import Contexts, context_types
from projections.protocol import SCHEMA, Batch, Projection

if TYPE_CHECKING:
    from infrastructure.database import Connection


def count_rows(
    connection: Connection, projections: Sequence[Projection], positions: Sequence[int]
) -> dict[str, int]:
    """Count the rows at some positions, by read model."""
    return {
        projection.name: sum(
            _number(connection, table.name, positions) for table in projection.tables
        )
        for projection in projections
    }


def take_in_again(
    connection: Connection,
    log: ScannedLog,
    history: LogHistory,
    projection: Projection,
    session_id: UUID,
) -> int:
    """Replace the rows of a session by what its events say now, and tell how many there were.

    Whoever has read these events before, and not stored yet what they say, has to look again. What
    was said of events that could not be taken in goes as well, because it may quote them.
    """
    replaced = 0
    with connection.transaction():
        for member in read_members(connection, [projection], lock=True):
            if member.version > projection.version:
                raise NewerProjectionError(member.name, member.version, projection.version)
            values = {"name": member.name, "slot": member.slot}
            connection.execute(sql.LOOK_AGAIN, values)
            if projection.holds_words:
                batch, positions = _fold_again(log, history, member, session_id)
                replaced += _replace(connection, member, positions, batch)
        connection.execute(
            sql.ERASE_ERRORS,
            {"name": projection.name, "session_id": session_id, "erased": ERASED},
        )
    return replaced


def _replace(connection: Connection, member: Member, positions: Sequence[int], batch: Batch) -> int:
    replaced = 0
    for table in member.projection.tables:
        statement = sql.DELETE_ROWS.format(schema=member.schema, table=table.name)
        replaced += connection.execute(statement.encode(), (positions,)).rowcount
    if member.version == member.projection.version:  # else a successor brings the rows back
        add_rows(connection, member.schema, batch)
    return replaced


def _fold_again(
    log: ScannedLog, history: LogHistory, member: Member, session_id: UUID
) -> tuple[Batch, list[int]]:
    handlers = member.projection.handlers
    noted = context_types(member.projection.contexts)
    events = _read_past(log, member, session_id, handlers.keys() | noted)
    contexts = Contexts(history.without(member.aside))
    batch, positions = Batch(contexts), []
    for recorded in merge(
        history.agents(member.position), events, key=lambda recorded: recorded.position
    ):
        contexts.position = recorded.position - 1
        if recorded.envelope.session_id == session_id:
            positions.append(recorded.position)
            if recorded.type in handlers and recorded.position not in member.aside:
                handlers[recorded.type](batch, recorded)
        if recorded.type in noted:
            contexts.note(recorded)
    return batch, positions


def _read_past(
    log: ScannedLog, member: Member, session_id: UUID, types: Collection[str]
) -> Iterator[RecordedEvent]:
    """Read a session's events, but for those that were set aside and cannot be decoded."""
    after = 0
    for position in [*sorted(member.aside), member.position + 1]:
        until = position - 1
        yield from log.read(after=after, until=until, session_id=session_id, types=types)
        if position in member.aside:
            for recorded in log.scan(until, position, types, member.aside):
                if recorded.envelope.session_id == session_id:
                    yield recorded
        after = position


def _number(connection: Connection, table: str, positions: Sequence[int]) -> int:
    statement = sql.COUNT_ROWS.format(schema=SCHEMA, table=table)
    counted = connection.execute(statement.encode(), (list(positions),)).fetchone()
    return int(counted[0]) if counted else 0
