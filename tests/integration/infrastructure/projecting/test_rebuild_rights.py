"""Whoever keeps the read models may exchange their tables, and create or drop nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from infrastructure.database import Connection, connect
from infrastructure.database.embedded import AUDITOR, SERVICE

FOR_THE_WRITER = ("begin_rebuild", "drop_rebuild", "finish_rebuild")
FOR_NOBODY = ("copy_shape", "copy_properties", "take_place", "indexes_of")

STATE = (
    (
        "SELECT oid::regclass::text, oid, relowner, relacl::text FROM pg_class"
        " WHERE relnamespace IN ('hansard'::regnamespace, 'hansard_read'::regnamespace,"
        " 'hansard_rebuild'::regnamespace) ORDER BY 1"
    ),
    "SELECT nspname, nspacl::text FROM pg_namespace ORDER BY 1",
    "SELECT oid, proowner, proacl::text, prosrc FROM pg_proc WHERE oid > 16384 ORDER BY 1",
    "SELECT p::text FROM hansard_read.projection_tables AS p ORDER BY 1",
)


@pytest.fixture
def service(database_url: str) -> Iterator[Connection]:
    """A connection of the service's login to a fresh database."""
    with connect(make_conninfo(database_url, user=SERVICE), autocommit=True) as connection:
        yield connection


def state_of(admin: Connection) -> list[list[tuple[Any, ...]]]:
    return [admin.execute(statement.encode()).fetchall() for statement in STATE]


@pytest.mark.parametrize(
    "attack",
    [
        "CREATE TABLE hansard_rebuild.mine (id integer)",
        "CREATE TABLE hansard_read.mine (id integer)",
        "CREATE VIEW hansard_rebuild.mine AS SELECT 1",
        "CREATE FUNCTION hansard_rebuild.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DROP TABLE hansard_read.turns",
        "DROP SCHEMA hansard_rebuild",
        "ALTER TABLE hansard_read.turns SET SCHEMA hansard_rebuild",
        "ALTER TABLE hansard_read.turns RENAME TO stolen",
        "ALTER SCHEMA hansard_rebuild OWNER TO CURRENT_USER",
        "INSERT INTO hansard_read.projection_tables VALUES ('events', 'conversation_history')",
        "UPDATE hansard_read.projection_tables SET name = 'projection_positions'",
        "DELETE FROM hansard_read.projection_tables",
        "TRUNCATE hansard_read.projection_tables",
        (
            "CREATE OR REPLACE FUNCTION hansard_read.begin_rebuild(wanted text) RETURNS void"
            " LANGUAGE sql AS 'SELECT'"
        ),
        "ALTER FUNCTION hansard_read.begin_rebuild(text) SECURITY INVOKER",
        "ALTER FUNCTION hansard_read.begin_rebuild(text) RESET search_path",
        *(f"SELECT hansard_read.{name}('turns')" for name in FOR_NOBODY[:3]),
        "SELECT hansard_read.indexes_of('{turns}')",
    ],
)
def test_an_attack_of_the_service_is_refused_and_changes_nothing(
    service: Connection, connection: Connection, attack: str
) -> None:
    before = state_of(connection)
    with pytest.raises((errors.InsufficientPrivilege, errors.InvalidFunctionDefinition)):
        service.execute(sql.SQL(attack))
    assert state_of(connection) == before


@pytest.mark.parametrize("function", [*FOR_THE_WRITER, *FOR_NOBODY])
def test_who_only_reads_may_call_none_of_the_functions(
    database_url: str, connection: Connection, function: str
) -> None:
    before = state_of(connection)
    argument = "'{turns}'" if function == "indexes_of" else "'conversation_history'"
    with (
        connect(make_conninfo(database_url, user=AUDITOR), autocommit=True) as auditor,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        auditor.execute(f"SELECT hansard_read.{function}({argument})".encode())
    assert state_of(connection) == before


@pytest.mark.parametrize(
    "name",
    [
        "astrology",
        "turns",
        "hansard.events",
        'turns"; DROP TABLE hansard.events; --',
        "turns'; DROP TABLE hansard.events; --",
        "%I",
        "conversation_history; SELECT 1",
        "CONVERSATION_HISTORY",
        "",
        None,
    ],
)
@pytest.mark.parametrize("function", FOR_THE_WRITER)
def test_names_of_no_read_model_do_nothing(
    service: Connection, connection: Connection, function: str, name: str | None
) -> None:
    before = state_of(connection)
    service.execute(f"SELECT hansard_read.{function}(%s)".encode(), (name,))
    assert state_of(connection) == before


def test_an_exchange_without_a_successor_changes_nothing(
    service: Connection, connection: Connection
) -> None:
    before = state_of(connection)
    with pytest.raises(errors.UndefinedTable):
        service.execute("SELECT hansard_read.finish_rebuild('conversation_history')")
    assert state_of(connection) == before


PLANTED = (
    (
        "CREATE FUNCTION {0}.format(text, text) RETURNS text LANGUAGE sql AS"
        " 'SELECT ''DROP TABLE hansard.logs CASCADE'''"
    ),
    (
        "CREATE FUNCTION {0}.quote_ident(text) RETURNS text LANGUAGE sql AS"
        " 'SELECT ''PUBLIC; DROP TABLE hansard.logs CASCADE'''"
    ),
    "CREATE FUNCTION {0}.obj_description(oid, name) RETURNS text LANGUAGE sql AS 'SELECT NULL'",
    "CREATE FUNCTION {0}.differs(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE OPERATOR {0}.= (FUNCTION = {0}.differs, LEFTARG = text, RIGHTARG = text)",
)


def test_functions_tables_and_settings_of_the_caller_are_never_taken_for_those_of_the_database(
    service: Connection, connection: Connection
) -> None:
    connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")  # as old clusters have it
    for schema in ("public", "pg_temp"):
        for statement in PLANTED:
            service.execute(sql.SQL(statement.format(schema)))
        service.execute(
            sql.SQL(f"CREATE TABLE {schema}.projection_tables (name text, projection text)")
        )
        service.execute(sql.SQL(f"INSERT INTO {schema}.projection_tables SELECT 'events', 'x'"))
        service.execute(sql.SQL(f"CREATE TABLE {schema}.turns (mine integer)"))
    service.execute("SET search_path = pg_temp, public, hansard, pg_catalog")
    service.execute("SET quote_all_identifiers = on")
    service.execute("SET check_function_bodies = off")
    service.execute("SET transform_null_equals = on")
    service.execute("SET standard_conforming_strings = off")
    before = connection.execute("SELECT 'hansard_read.turns'::regclass::oid").fetchone()
    for function in ("begin_rebuild", "finish_rebuild"):
        service.execute(f"SELECT hansard_read.{function}('conversation_history')".encode())
    after = connection.execute("SELECT 'hansard_read.turns'::regclass::oid").fetchone()
    assert before != after
    assert connection.execute("SELECT count(*) FROM hansard.logs").fetchone() == (1,)
    assert connection.execute(
        "SELECT count(*), array_agg(DISTINCT pg_get_userbyid(relowner)::text) FROM pg_class"
        " WHERE oid = 'hansard_read.turns'::regclass"
    ).fetchone() == (1, ["hansard_owner"])
    rows = connection.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid ="
        " 'hansard_read.turns'::regclass ORDER BY 1"
    ).fetchall()
    assert ("hansard_read.turns_pkey",) in rows
    assert ("hansard_read.turns_by_words",) in rows


def test_functions_with_the_owners_rights_fix_their_search_path(connection: Connection) -> None:
    rows = connection.execute(
        "SELECT proname, prosecdef, 'search_path=pg_catalog, pg_temp' = ANY (proconfig),"
        " pg_get_userbyid(proowner), coalesce(EXISTS (SELECT FROM aclexplode(proacl) AS a"
        " WHERE a.grantee = 0), true) FROM pg_proc"
        " WHERE pronamespace = 'hansard_read'::regnamespace ORDER BY 1"
    ).fetchall()
    owned = {name: (definer, *rest) for name, definer, *rest in rows}
    assert {name for name, (definer, *_) in owned.items() if definer} == set(FOR_THE_WRITER)
    assert {tuple(rest) for _, *rest in owned.values()} == {(True, "hansard_owner", False)}
