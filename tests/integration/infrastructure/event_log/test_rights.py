"""Rights: what logins of the service and of auditors may try against the log comes to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from infrastructure.database import Connection, connect
from infrastructure.database.embedded import AUDITOR, SERVICE
from infrastructure.database.roles import READER, WRITER
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.attacks import ATTACKS
from tests.support.event_log import a_stream, an_event, recorder_on, shrink_partitions
from tests.support.postgres import TestServer

STATE = (
    "SELECT e::text FROM hansard.events AS e ORDER BY position",
    "SELECT h::text FROM hansard.stream_heads AS h ORDER BY 1",
    "SELECT i::text FROM hansard.event_ids AS i ORDER BY 1",
    "SELECT t::text FROM hansard.time_index AS t ORDER BY 1",
    "SELECT p::text FROM hansard.partitions AS p ORDER BY 1",
    "SELECT l::text FROM hansard.logs AS l",
    "SELECT relname, relowner, relacl::text FROM pg_class WHERE oid > 16384 ORDER BY 1",
    "SELECT oid, proowner, proacl::text, prosrc FROM pg_proc WHERE oid > 16384 ORDER BY 1",
    "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger ORDER BY 1, 2",
    "SELECT inhrelid::regclass::text, inhparent FROM pg_inherits ORDER BY 1",
)
"""The log, its companions, and all that protects them."""

APPEND = """
SELECT * FROM hansard.append(
    ARRAY[(%s, %s, gen_random_uuid(), 't', 1, 'd', NULL, 'a', gen_random_uuid(), NULL, NULL, NULL,
           now(), '{}')::hansard.entry], '{1}')
"""

FATE = APPEND.replace("*", "outcome, first", 1)

GUARDED = ("hansard.events", "hansard.tiles", "hansard.checkpoints", "hansard.archives")
CHANGES = (
    "UPDATE {} SET log = 1",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "MERGE INTO {} AS t USING (SELECT 1) ON true WHEN MATCHED THEN DELETE",
    "MERGE INTO {} AS t USING (SELECT 1) ON true WHEN MATCHED THEN UPDATE SET log = 1",
    "INSERT INTO {0} TABLE {0} ON CONFLICT ON CONSTRAINT {1}_pkey DO UPDATE SET log = 1",
)


class Ground(NamedTuple):
    """A database with a log in it, and connections to it by login."""

    admin: Connection
    logins: dict[str, Connection]
    before: list[list[tuple[Any, ...]]]


def state_of(admin: Connection) -> list[list[tuple[Any, ...]]]:
    """Read all that an attack could have changed."""
    return [admin.execute(statement).fetchall() for statement in STATE]


@pytest.fixture(scope="module")
def ground(postgres_server: TestServer) -> Iterator[Ground]:
    """A database for all attacks, with the embedded server's logins and two of one's own."""
    mark = uuid4().hex[:8]
    own = {f"clerk_{mark}": WRITER, f"guest_{mark}": READER}
    with postgres_server.fresh_database() as url, ExitStack() as stack:
        admin = stack.enter_context(connect(url, autocommit=True))
        with recorder_on(url) as recorder:
            recorder.append(a_stream(3))
        for name, role in own.items():
            admin.execute(sql.SQL(f"CREATE ROLE {name} LOGIN IN ROLE {role}"))
            stack.callback(admin.execute, sql.SQL(f"DROP ROLE {name}"))
        names = {"service": SERVICE, "auditor": AUDITOR}
        names |= {name.partition("_")[0]: name for name in own}
        opened = {
            login: stack.enter_context(connect(make_conninfo(url, user=name), autocommit=True))
            for login, name in names.items()
        }
        yield Ground(admin, opened, state_of(admin))


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("login", ["service", "auditor", "clerk", "guest"])
def test_an_attack_is_refused_and_changes_nothing(ground: Ground, login: str, attack: str) -> None:
    connection = ground.logins[login]
    statement = attack.replace("{database}", connection.info.dbname)
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(sql.SQL(statement))
    assert state_of(ground.admin) == ground.before


@pytest.mark.parametrize("login", ["auditor", "guest"])
def test_who_reads_sees_the_log_and_cannot_append(ground: Ground, login: str) -> None:
    connection = ground.logins[login]
    assert connection.execute("SELECT count(*) FROM hansard.events").fetchone() == (3,)
    assert connection.execute("SELECT payload FROM hansard.event_log").fetchall() == [({},)] * 3
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(APPEND, (uuid4(), 1))


def test_who_has_no_role_of_hansard_sees_nothing(database_url: str, connection: Connection) -> None:
    name = f"stranger_{uuid4().hex[:8]}"
    connection.execute(sql.SQL(f"CREATE ROLE {name} LOGIN"))
    try:
        with connect(make_conninfo(database_url, user=name), autocommit=True) as stranger:
            for statement in ("TABLE hansard.events", "SELECT hansard.append(NULL, NULL)"):
                with pytest.raises(errors.InsufficientPrivilege):
                    stranger.execute(statement)
    finally:
        connection.execute(sql.SQL(f"DROP ROLE {name}"))


@pytest.fixture
def service(database_url: str) -> Iterator[Connection]:
    """A connection of the service's login to a fresh database."""
    with connect(make_conninfo(database_url, user=SERVICE), autocommit=True) as connection:
        yield connection


def test_who_appends_says_neither_position_nor_time_of_recording(
    service: Connection, connection: Connection
) -> None:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'hansard.entry'::regclass AND attnum > 0"
    ).fetchall()
    assert {"position", "recorded_at", "log"}.isdisjoint(name for (name,) in rows)
    [before] = service.execute("SELECT clock_timestamp()").fetchall()
    service.execute(APPEND, (uuid4(), 1))
    [after] = service.execute("SELECT clock_timestamp()").fetchall()
    [(position, recorded_at)] = service.execute(
        "SELECT position, recorded_at FROM hansard.events"
    ).fetchall()
    assert position == 1
    assert before[0] <= recorded_at <= after[0]


@pytest.mark.parametrize(
    ("entries", "sizes"),
    [
        ("'{{}}'", "'{{}}'"),
        ("'{{}}'", "'{{0}}'"),
        ("'{{}}'", "'{{1}}'"),
        ("NULL", "'{{1}}'"),
        ("NULL", "NULL"),
        ("ARRAY[{0}]", "NULL"),
        ("ARRAY[{0}]", "'{{}}'"),
        ("ARRAY[{0}]", "'{{0, 1}}'"),
        ("ARRAY[{0}]", "'{{2}}'"),
        ("ARRAY[{0}]", "'{{2, -1}}'"),
        ("ARRAY[{0}]", "'{{1, NULL}}'"),
        ("ARRAY[{0}, {0}]", "'{{1}}'"),
        ("ARRAY[[{0}], [{0}]]", "'{{1, 1}}'"),
        ("(ARRAY[{0}, {0}])[0:1]", "'{{1, 1}}'"),
    ],
)
def test_an_append_of_nothing_or_of_another_shape_is_refused_and_leaves_no_trace(
    service: Connection, connection: Connection, entries: str, sizes: str
) -> None:
    service.execute(APPEND, (uuid4(), 1))
    entry = (
        "(gen_random_uuid(), 1, gen_random_uuid(), 't', 1, 'd', NULL, 'a', gen_random_uuid(),"
        " NULL, NULL, NULL, now(), '')::hansard.entry"
    )
    before = state_of(connection)
    call = f"SELECT hansard.append({entries}, {sizes})".format(entry)
    with pytest.raises(errors.InvalidParameterValue, match="say how many of them belong to each"):
        service.execute(sql.SQL(call))
    assert state_of(connection) == before


def test_an_entry_with_something_missing_is_refused(
    service: Connection, connection: Connection
) -> None:
    service.execute(APPEND, (uuid4(), 1))
    before = state_of(connection)
    for entry in ("NULL", "(gen_random_uuid(), 1)", "(NULL, 1)"):
        values = entry.rstrip(")") + ", NULL" * (14 - entry.count(",") - 1) + ")"
        written = "NULL" if entry == "NULL" else values
        with pytest.raises(errors.NotNullViolation):
            service.execute(
                sql.SQL(f"SELECT hansard.append(ARRAY[{written}]::hansard.entry[], '{{1}}')")
            )
    assert state_of(connection) == before


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_old_snapshot_cannot_append(service: Connection, isolation: str) -> None:
    service.execute(sql.SQL(f"SET default_transaction_isolation = '{isolation}'"))
    with pytest.raises(errors.InvalidTransactionState, match="READ COMMITTED"):
        service.execute(APPEND, (uuid4(), 1))


PLANTED = (
    "CREATE FUNCTION {0}.clock_timestamp() RETURNS timestamptz RETURN '2020-01-01Z'::timestamptz",
    "CREATE FUNCTION {0}.cardinality(anyarray) RETURNS integer LANGUAGE sql AS 'SELECT 0'",
    "CREATE FUNCTION {0}.pg_advisory_xact_lock(bigint) RETURNS void LANGUAGE sql AS ''",
    "CREATE FUNCTION {0}.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT current_user'",
    "CREATE FUNCTION {0}.date_trunc(text, timestamptz) RETURNS timestamptz RETURN now()",
    "CREATE FUNCTION {0}.wrong(bigint, integer) RETURNS bigint LANGUAGE sql AS 'SELECT 77::bigint'",
    "CREATE OPERATOR {0}.+ (FUNCTION = {0}.wrong, LEFTARG = bigint, RIGHTARG = integer)",
    "CREATE FUNCTION {0}.never(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
    "CREATE OPERATOR {0}.= (FUNCTION = {0}.never, LEFTARG = uuid, RIGHTARG = uuid)",
    "CREATE FUNCTION {0}.differs(integer, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
    "CREATE OPERATOR {0}.<> (FUNCTION = {0}.differs, LEFTARG = integer, RIGHTARG = bigint)",
)


def test_functions_and_operators_of_the_caller_are_never_taken_for_those_of_the_database(
    service: Connection, connection: Connection
) -> None:
    connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")  # as old clusters have it
    stream = uuid4()
    for schema in ("public", "pg_temp"):
        for statement in PLANTED:
            service.execute(sql.SQL(statement.format(schema)))
        for table in ("events", "event_ids", "stream_heads", "logs", "partitions"):
            service.execute(sql.SQL(f"CREATE TABLE {schema}.{table} (log integer)"))
    service.execute("SET search_path = pg_temp, public, hansard, pg_catalog")
    assert service.execute("SELECT current_setting('x')").fetchone() == (SERVICE,)
    outcomes = [
        service.execute(APPEND, (stream, version)).fetchall()[0] for version in (1, 2, 2, 4)
    ]
    assert [row[0] for row in outcomes] == ["recorded", "recorded", "conflict", "conflict"]
    connection.execute("SET search_path = pg_catalog")
    rows = connection.execute(
        "SELECT position, recorded_at > now() - interval '1 hour' FROM hansard.events"
    ).fetchall()
    assert rows == [(1, True), (2, True)]


def test_settings_of_the_caller_change_neither_the_log_nor_its_growth(
    service: Connection, connection: Connection
) -> None:
    shrink_partitions(connection, 2)
    for setting in (
        "quote_all_identifiers = on",
        "transform_null_equals = on",
        "standard_conforming_strings = off",
        "default_tablespace = ''",
        "plan_cache_mode = force_custom_plan",
        "enable_indexscan = off",
        "enable_partition_pruning = off",
        "timezone = 'Asia/Kathmandu'",
        "DateStyle = 'German'",
        "bytea_output = escape",
        "row_security = off",
        "check_function_bodies = off",
        "synchronous_commit = off",
    ):
        service.execute(sql.SQL(f"SET {setting}"))
    stream = uuid4()
    for version in range(1, 8):
        row = service.execute(FATE, (stream, version)).fetchone()
        assert row == ("recorded", version)
    assert service.execute(FATE, (stream, 7)).fetchall()[0][0] == "conflict"
    assert len(_guarded(connection)) >= len(GUARDED) + 4
    assert _unguarded_partitions(connection) == []


@pytest.mark.parametrize("role", ["superuser", "owner"])
def test_not_even_the_owner_changes_the_log_while_triggers_of_replicas_alone_fire(
    connection: Connection, recorder: PostgresEventRecorder, role: str
) -> None:
    shrink_partitions(connection, 2)
    logged = recorder.append(a_stream(5))
    connection.execute("SET session_replication_role = replica")
    if role == "owner":
        connection.execute("SET ROLE hansard_owner")
    guarded = _guarded(connection)
    assert {*GUARDED, "hansard.events_from_1", "hansard.events_from_5"} <= set(guarded)
    for table in guarded:
        name = table.partition(".")[2]
        for change in CHANGES:
            with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
                connection.execute(sql.SQL(change.format(table, name)))
    assert list(recorder.select_log()) == logged


def test_nobody_may_call_a_function_of_the_log_unless_a_migration_says_so(
    connection: Connection,
) -> None:
    rows = connection.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc AS p, LATERAL"
        " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS given"
        " WHERE p.pronamespace = 'hansard'::regnamespace AND given.grantee = 0"
    ).fetchall()
    assert rows == []


def test_functions_with_the_owners_rights_fix_their_search_path(connection: Connection) -> None:
    rows = connection.execute(
        "SELECT proname, 'search_path=pg_catalog, pg_temp' = ANY (proconfig) FROM pg_proc"
        " WHERE pronamespace = 'hansard'::regnamespace AND prosecdef ORDER BY 1"
    ).fetchall()
    assert ("append", True) in rows
    assert all(fixed for _, fixed in rows)


@pytest.mark.parametrize("role", [READER, WRITER])
def test_the_roles_have_no_more_rights_on_guarded_tables_than_they_need(
    connection: Connection, role: str
) -> None:
    rights = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]
    rows = connection.execute(
        "SELECT format('hansard.%%s', relname), r.name"
        " FROM pg_class AS c, unnest(%s::text[]) AS r (name)"
        " WHERE c.oid = ANY (%s::regclass[]) AND has_table_privilege(%s, c.oid, r.name)"
        " ORDER BY 1",
        (rights, _guarded(connection), role),
    ).fetchall()
    expected = [("hansard.checkpoints", "INSERT"), ("hansard.tiles", "INSERT")]
    assert rows == (expected if role == WRITER else [])


def test_all_objects_of_the_log_belong_to_the_owner_who_never_logs_in(
    connection: Connection,
) -> None:
    rows = connection.execute(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
        " WHERE relnamespace IN ('hansard'::regnamespace, 'hansard_read'::regnamespace)"
        " UNION SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc"
        " WHERE pronamespace = 'hansard'::regnamespace"
    ).fetchall()
    assert rows == [("hansard_owner",)]
    assert (
        connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname ^@ 'hansard_'"
            " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)"
        ).fetchall()
        == []
    )
    assert connection.execute(
        "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'hansard_owner'"
    ).fetchone() == (False,)


def test_whoever_holds_the_logs_lock_delays_appends_and_changes_nothing(
    database_url: str, recorder: PostgresEventRecorder
) -> None:
    with connect(make_conninfo(database_url, user=AUDITOR), autocommit=True) as auditor:
        auditor.execute("SELECT pg_advisory_lock(%s)", (0x48414E53_00000001,))
        with connect(database_url, autocommit=True) as impatient:
            impatient.execute("SET lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                impatient.execute(APPEND, (uuid4(), 1))
    assert [event.position for event in recorder.append([an_event()])] == [1]


def _guarded(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT format('hansard.%s', relname) FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid"
        " WHERE tgname = 'append_only' AND tgenabled = 'A' ORDER BY 1"
    ).fetchall()
    return [name for (name,) in rows]


def _unguarded_partitions(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'hansard.events'::regclass AND NOT EXISTS (SELECT FROM pg_trigger"
        " WHERE tgrelid = inhrelid AND tgname = 'append_only' AND tgenabled = 'A')"
    ).fetchall()
    return [name for (name,) in rows]
