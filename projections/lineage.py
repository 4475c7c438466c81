"""Lineage: which stretches of the log are a session's history, after rewinds and across forks.

Most sessions are told by all their own events and no others; of them nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, starmap
from typing import Any, TypeAlias
from uuid import UUID

import sqlalchemy as sa

from domain.event import RecordedEvent
from domain.session import SessionStatus
from projections.contexts import TASK_ENDS, Segment
from projections.protocol import Batch, Projection, metadata

NAME = "lineage"

END = 2**63 - 1
"""Position up to which a stretch goes that goes on."""

session_turnings = sa.Table(
    "session_turnings",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("parent_id", sa.Uuid),
    sa.Column("to_position", sa.BigInteger, nullable=False),
    sa.Column("what_if", sa.Boolean, nullable=False),
    sa.Column("running_sessions", sa.BigInteger, nullable=False),
    sa.Column("running_tasks", sa.BigInteger, nullable=False),
    sa.Index("session_turnings_by_session", "session_id", "position"),
    comment=(
        "Every fork and rewind, to where it went, and how many more sessions and tasks run since."
    ),
)

session_segments = sa.Table(
    "session_segments",
    metadata,
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("of_session_id", sa.Uuid, nullable=False),
    sa.Column("after_position", sa.BigInteger, nullable=False),
    sa.Column("until_position", sa.BigInteger, nullable=False),
    sa.Column("counts", sa.Boolean, nullable=False),
    sa.Index("session_segments_by_session", "session_id", "position"),
    comment=(
        "What is a session's history from a fork or rewind on; without counts, what was taken back."
    ),
)

Segments: TypeAlias = Sequence[Segment]
"""What a session's history is made of, in the order of the log."""


def _forked(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    batch.add(
        session_turnings,
        recorded,
        session_id=event.originator_id,
        kind="forked",
        parent_id=event.origin.session_id,
        to_position=event.origin.position,
        what_if=batch.contexts.begins_what_if(recorded),
        running_sessions=int(event.status is SessionStatus.RUNNING),
        running_tasks=_running_tasks(batch, event.originator_id, recorded.position),
    )
    _add_segments(batch, recorded)


def _rewound(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    session_id: UUID = event.originator_id
    before = batch.contexts.session(session_id).status
    batch.add(
        session_turnings,
        recorded,
        session_id=session_id,
        kind="rewound",
        to_position=event.to_position,
        what_if=batch.contexts.is_what_if(session_id),
        running_sessions=int(event.status is SessionStatus.RUNNING)
        - int(before is SessionStatus.RUNNING),
        running_tasks=_running_tasks(batch, session_id, recorded.position)
        - _running_tasks(batch, session_id, recorded.position - 1),
    )
    _add_segments(batch, recorded)


def _running_tasks(batch: Batch, session_id: UUID, at: int) -> int:
    counts = batch.contexts.history.count(session_id, ("task.created", *TASK_ENDS), at)
    return counts.get("task.created", 0) - sum(counts.get(end, 0) for end in TASK_ENDS)


def _add_segments(batch: Batch, recorded: RecordedEvent) -> None:
    session_id: UUID = recorded.event.originator_id
    *former, last = batch.contexts.history.segments(session_id, recorded.position)
    segments = [*former, last._replace(until=END)]
    own = [segment for segment in segments if segment.session_id == session_id]
    gaps = [
        Segment(session_id, one.until, other.after)
        for one, other in pairwise(own)
        if one.until < other.after
    ]
    for counts, stretches in ((True, segments), (False, gaps)):
        for of_session_id, after, until in stretches:
            batch.add(
                session_segments,
                recorded,
                session_id=session_id,
                of_session_id=of_session_id,
                after_position=after,
                until_position=until,
                counts=counts,
            )


LINEAGE = Projection(
    name=NAME,
    version=1,
    tables=(session_turnings, session_segments),
    handlers={"session.forked": _forked, "session.rewound": _rewound},
    holds_words=False,
    contexts=frozenset({"session"}),
)


def segments_of(connection: sa.Connection, session_id: UUID, position: int) -> Segments:
    """Tell of what a session's history is made at a position that this read model has reached."""
    found = segments_of_all(connection, [session_id], position)
    return found.get(session_id, [Segment(session_id, 0, position)])


def segments_of_all(
    connection: sa.Connection, sessions: Sequence[UUID], position: int
) -> dict[UUID, list[Segment]]:
    """Tell the same of those sessions that are not told by all their own events, and no others."""
    segment = session_segments.columns
    query = (
        sa.select(
            segment.session_id,
            segment.of_session_id,
            segment.after_position,
            sa.func.least(segment.until_position, position),
        )
        .where(
            segment.session_id == sa.any_(sa.cast(sessions, sa.ARRAY(sa.Uuid))),
            segment.counts,
            _in_force(segment, position),
        )
        .order_by(segment.session_id, segment.after_position)
    )
    found: dict[UUID, list[Segment]] = {}
    for row in connection.execute(query):
        found.setdefault(row[0], []).append(Segment(*row[1:]))
    return found


def within(
    session_id: sa.ColumnElement[UUID], position: sa.ColumnElement[int], segments: Segments
) -> sa.ColumnElement[bool]:
    """Tell whether an event belongs to a history."""
    return sa.or_(
        sa.false(),
        *(
            sa.and_(session_id == segment.session_id, position > segment.after)
            & (position <= segment.until)
            for segment in segments
        ),
    )


def histories(connection: sa.Connection, sessions: Sequence[UUID], position: int) -> sa.FromClause:
    """Give what the histories of several sessions are made of, as a CTE to join by `tells`.

    Returns:
        Columns `session_id` (whose history), `of_session_id`, `after_position`, `until_position`.
    """
    known = segments_of_all(connection, sessions, position)
    rows = [
        (session_id, *segment)
        for session_id in sessions
        for segment in known.get(session_id, [Segment(session_id, 0, position)])
    ]
    columns: dict[str, sa.types.TypeEngine[Any]] = {
        "session_id": sa.Uuid(),
        "of_session_id": sa.Uuid(),
        "after_position": sa.BigInteger(),
        "until_position": sa.BigInteger(),
    }
    arrays = [
        sa.cast([row[place] for row in rows], sa.ARRAY(kind))
        for place, kind in enumerate(columns.values())
    ]
    told = sa.func.unnest(*arrays).table_valued(*starmap(sa.column, columns.items()))
    return sa.select(told.render_derived()).cte("histories")


def tells(
    history: Any, session_id: sa.ColumnElement[UUID], position: sa.ColumnElement[int]
) -> sa.ColumnElement[bool]:
    """Tell whether an event belongs to a stretch that `histories` gives."""
    return sa.and_(
        session_id == history.of_session_id,
        position > history.after_position,
        position <= history.until_position,
    )


def taken_back(
    session_id: sa.ColumnElement[UUID], position: sa.ColumnElement[int], at: int
) -> sa.ColumnElement[bool]:
    """Tell whether an event had been taken back in its own session at a position."""
    gap = session_segments.alias("gap").columns
    return sa.exists().where(
        gap.session_id == session_id,
        ~gap.counts,
        position > gap.after_position,
        position <= gap.until_position,
        _in_force(gap, at),
    )


def running_since_turnings(connection: sa.Connection, at: int) -> tuple[int, int]:
    """Tell how many more sessions and tasks run because of forks and rewinds; no what-ifs."""
    turning = session_turnings.columns
    query = sa.select(
        sa.func.coalesce(sa.func.sum(turning.running_sessions), 0),
        sa.func.coalesce(sa.func.sum(turning.running_tasks), 0),
    ).where(turning.position <= at, ~turning.what_if)
    more_sessions, more_tasks = connection.execute(query).one()
    return int(more_sessions), int(more_tasks)


def _in_force(segment: Any, at: int) -> sa.ColumnElement[bool]:
    """Tell whether a segment is of the newest ones of its session at a position."""
    later = session_turnings.alias("later").columns
    superseded = sa.exists().where(
        later.session_id == segment.session_id,
        later.position > segment.position,
        later.position <= at,
    )
    return sa.and_(segment.position <= at, ~superseded)
