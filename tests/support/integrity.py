"""A log under attack: integrity on a fresh database, and an attacker who may do anything in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from application.integrity import Finding, FindingKind
from infrastructure.database import Connection, open_pool, prepare_writer
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.integrity.service import LogIntegrity
from tests.support.event_log import IDS, a_stream

DISARM = """
DO $$
DECLARE
    weapon record;
BEGIN
    FOR weapon IN SELECT oid::regclass AS name FROM pg_class
                  WHERE relnamespace = 'hansard'::regnamespace AND relhastriggers LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', weapon.name);
    END LOOP;
    FOR weapon IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
                  WHERE connamespace = 'hansard'::regnamespace AND contype = 'c'
                    AND coninhcount = 0 AND conrelid <> 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', weapon.name, weapon.conname);
    END LOOP;
END $$
"""


@contextmanager
def integrity_on(database_url: str, home: Path, **choices: Any) -> Iterator[LogIntegrity]:
    """Open the integrity of a log with connections of its own."""
    with open_pool(database_url, prepare=prepare_writer) as pool:
        yield LogIntegrity(pool, home, **choices)


def fill(recorder: PostgresEventRecorder, count: int, **choices: Any) -> None:
    """Append events of several streams, some of them interwoven and with rare fields."""
    rare = {"causation_id": IDS.new(), "traceparent": "00-ab-cd-01", "subject": "s-1"}
    streams = [a_stream(count // 4 + 1, **extra | choices) for extra in ({}, rare, {}, {})]
    events = [event for versions in zip(*streams, strict=True) for event in versions][:count]
    for start in range(0, count, 500):
        recorder.append(events[start : start + 500])


class Attacker:
    """A superuser who switches the guards of the tables off.

    Args:
        connection: of a superuser, in autocommit mode.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, *statements: str, at: int = 0, other: int = 0) -> None:
        """Run statements on tables of the schema `hansard`, without triggers and checks.

        Args:
            at: stands for `:at` in the statements, as `other` does for `:other`.
        """
        with self._connection.transaction():
            self._connection.execute("SET LOCAL search_path = hansard, public")
            self._connection.execute(DISARM)
            for statement in statements:
                filled = statement.replace(":at", str(at)).replace(":other", str(other))
                self._connection.execute(filled.encode())

    def shift(self, position: int, by: int) -> None:
        """Move all events from a position on, and what names them."""
        self.run(
            "UPDATE events SET position = position + 500000 + :other WHERE position >= :at",
            "UPDATE events SET position = position - 500000 WHERE position > 400000",
            "UPDATE event_ids SET position = position + :other WHERE position >= :at",
            at=position,
            other=by,
        )


def first(findings: tuple[Finding, ...]) -> tuple[FindingKind, int]:
    """Say what is wrong first, and where."""
    return findings[0].kind, findings[0].position
