"""The schema of the event log: rows stay as they are, and SQL reads them as JSON."""

from __future__ import annotations

import psycopg
import pytest

from infrastructure.database import Connection
from infrastructure.event_log.recorder import PostgresEventRecorder
from migrations import VERSION_TABLE
from tests.support.event_log import a_stream, an_event

CHANGES = (
    "UPDATE {} SET actor = 'X'",
    "UPDATE {} SET payload = '' WHERE position = 2",
    "DELETE FROM {}",
    "DELETE FROM {} WHERE position = 2",
    "TRUNCATE {}",
    "TRUNCATE {} CASCADE",
    "MERGE INTO {} AS e USING (SELECT 1) ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT (log, position) DO UPDATE SET actor = 'X'",
)


@pytest.mark.parametrize("table", ["hansard.events", "hansard.events_from_1"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_log_refuses_changes(
    recorder: PostgresEventRecorder, connection: Connection, table: str, change: str
) -> None:
    logged = recorder.append(a_stream(3))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        connection.execute(change.format(table))
    assert list(recorder.select_log()) == logged


def test_partitions_made_later_refuse_changes_too(connection: Connection) -> None:
    connection.execute("SELECT hansard.ensure_partitions(3000000)")
    later = "hansard.events_from_2000001"
    for statement in (f"TRUNCATE {later}", f"DELETE FROM {later}"):  # noqa: S608 - a constant
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(statement)


def test_partitions_are_like_each_other_and_made_once(connection: Connection) -> None:
    for _ in range(2):
        connection.execute("SELECT hansard.ensure_partitions(2500000)")
    rows = connection.execute(
        "SELECT array_agg(regexp_replace(indexdef, '_[0-9]+', '', 'g') ORDER BY indexdef)"
        " FROM pg_indexes WHERE schemaname = 'hansard' AND tablename ^@ 'events_from_'"
        " GROUP BY tablename"
    ).fetchall()
    assert len(rows) == 3
    assert len(rows[0][0]) == 5
    assert all(row == rows[0] for row in rows)


def test_sql_reads_payloads_as_json(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    payloads = (b'{"a": 1}', b'{"a": "\\u0000"}', b"no json", b"\xff\xfe", b"")
    recorder.append([an_event(payload=payload) for payload in payloads])
    rows = connection.execute("SELECT payload FROM hansard.event_log ORDER BY position").fetchall()
    assert rows == [({"a": 1},), (None,), (None,), (None,), (None,)]


@pytest.mark.parametrize("column", ["position", "version"])
def test_nonsense_is_no_row(connection: Connection, column: str) -> None:
    values = {"position": 1, "version": 1} | {column: -1}
    with pytest.raises(psycopg.IntegrityError):
        connection.execute(
            "INSERT INTO hansard.events VALUES (1, %(position)s, gen_random_uuid(), %(version)s,"
            " gen_random_uuid(), 't', 1, 't', NULL, 'a', gen_random_uuid(), NULL, NULL, NULL,"
            " now(), now(), '')",
            values,
        )


def test_every_table_and_function_says_what_it_is(connection: Connection) -> None:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'hansard'::regnamespace"
        " AND relkind IN ('r', 'p', 'v') AND NOT relispartition"
        " AND obj_description(oid, 'pg_class') IS NULL"
    ).fetchall()
    assert rows == [(VERSION_TABLE,)]
