"""Events of no particular kind, for tests of the log itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import sql

from application.ports import IdFactory
from domain.event import Envelope
from infrastructure.database import Connection, connect, open_pool, prepare_writer
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.event_log.writer import GroupWriter
from infrastructure.system import Uuid7Factory

IDS = Uuid7Factory()
OCCURRED = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)


@contextmanager
def recorder_on(
    database_url: str, ids: IdFactory = IDS, **choices: Any
) -> Iterator[PostgresEventRecorder]:
    """Open a recorder with connections of its own, which have the rights of a writer."""
    opened = partial(connect, database_url, autocommit=True, prepare=prepare_writer)
    with (
        open_pool(database_url, prepare=prepare_writer) as pool,
        closing(Wakeup(opened)) as wakeup,
        closing(GroupWriter(opened, wakeup.appended)) as writer,
    ):
        yield PostgresEventRecorder(pool, writer, ids, wakeup=wakeup, **choices)


def an_event(
    stream: UUID | None = None,
    version: int = 1,
    *,
    type: str = "test.happened",  # noqa: A002 - the glossary's word
    payload: bytes = b"{}",
    **envelope: Any,
) -> EnvelopedEvent:
    """Make an event; what is left out is new or does not matter."""
    full: dict[str, Any] = {
        "event_id": IDS.new(),
        "actor": "SYSTEM",
        "correlation_id": IDS.new(),
    }
    return EnvelopedEvent(
        originator_id=stream or IDS.new(),
        originator_version=version,
        topic=type,
        state=payload,
        envelope=Envelope(**full | envelope),
        occurred_at=OCCURRED,
    )


def a_stream(length: int, **choices: Any) -> list[EnvelopedEvent]:
    """Make the first events of a stream, by default a new one."""
    stream = choices.pop("stream", None) or IDS.new()
    return [an_event(stream, version, **choices) for version in range(1, length + 1)]


def plant(connection: Connection, position: int, recorded_at: datetime) -> None:
    """Put a row into the log past the recorder, as a log has it that has come this far."""
    event = an_event()
    values = {
        "log": 1,
        "position": position,
        "stream": event.originator_id,
        "version": 1,
        "event_id": event.enveloped.event_id,
        "type": event.topic,
        "schema_version": 1,
        "tenant": event.enveloped.tenant,
        "actor": event.enveloped.actor,
        "correlation_id": event.enveloped.correlation_id,
        "occurred_at": OCCURRED,
        "recorded_at": recorded_at,
        "payload": event.state,
    }
    statement = sql.SQL("INSERT INTO hansard.events ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    connection.execute(statement, values)


def shrink_partitions(connection: Connection, size: int) -> None:
    """Give an empty log partitions of few positions each, as the owner of the log would.

    Args:
        connection: in autocommit mode, of a login that may act as the owner.
    """
    with connection.transaction():
        connection.execute("SET LOCAL ROLE hansard_owner")
        rows = connection.execute("DELETE FROM hansard.partitions RETURNING name").fetchall()
        for (name,) in rows:
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(name)))
        connection.execute("UPDATE hansard.logs SET partition_size = %s", (size,))
        connection.execute("SELECT hansard.ensure_partitions(1)")


def scans_of(
    connection: Connection, statement: str, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    """Run a statement and list how its tables were read, as EXPLAIN tells."""
    rows = connection.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters)
    [[[plan]]] = rows.fetchall()
    return list(_scans(plan["Plan"]))


def _scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Scan" in plan["Node Type"]:
        yield plan
    for part in plan.get("Plans", []):
        yield from _scans(part)
