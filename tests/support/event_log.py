"""Events of no particular kind, for tests of the log itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.event import Envelope
from infrastructure.database import Connection, open_pool
from infrastructure.event_log import sql
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.system import Uuid7Factory

IDS = Uuid7Factory()
OCCURRED = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)


@contextmanager
def recorder_on(database_url: str) -> Iterator[PostgresEventRecorder]:
    """Open a recorder with a pool of its own."""
    with open_pool(database_url) as pool:
        yield PostgresEventRecorder(pool, IDS)


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
    """Make the first events of a new stream."""
    stream = IDS.new()
    return [an_event(stream, version, **choices) for version in range(1, length + 1)]


def plant(connection: Connection, position: int, recorded_at: datetime) -> None:
    """Put a row into the log past the recorder, as a log has it that has come this far."""
    row = LoggedEvent.of(an_event(), position, recorded_at).to_row()
    connection.execute(sql.INSERT, (sql.LOG, *([value] for value in row)))


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
