"""Errors: what real servers answer, in one sentence that says what to do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from infrastructure.database import DatabaseUnavailableError, connect, translated
from tests.conftest import RUN_FOLDER
from tests.support.own_server import PASSWORD, OwnServer, own_server

WRONG = "not-the-p4ssword"


def refused(conninfo: str) -> str:
    with pytest.raises(DatabaseUnavailableError) as caught:
        connect(conninfo)
    told = str(caught.value)
    assert "\n" not in told
    assert PASSWORD not in told
    assert WRONG not in told
    return told


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_right_password_opens_the_database(own: OwnServer) -> None:
    with connect(own.conninfo("worker", "works")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("worker",)


def test_a_password_full_of_special_characters_works_in_a_url(own: OwnServer) -> None:
    url = f"postgresql://worker:{quote(PASSWORD, safe='')}@127.0.0.1:{own.port}/works"

    with connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("worker",)


def test_a_wrong_password_is_named_without_showing_it(own: OwnServer) -> None:
    assert refused(own.conninfo("worker", "works", WRONG)) == (
        f"The PostgreSQL server at '127.0.0.1:{own.port}' refuses the password of user 'worker':"
        " correct it in HANSARD_DATABASE_URL, PGPASSWORD or ~/.pgpass."
    )


def test_a_missing_password_is_named(own: OwnServer) -> None:
    url = f"postgresql://worker@127.0.0.1:{own.port}/works"

    assert "refuses the password of user 'worker'" in refused(url)


def test_an_unknown_database_is_named(own: OwnServer) -> None:
    assert refused(own.conninfo("worker", "nowhere")) == (
        f"The PostgreSQL server at '127.0.0.1:{own.port}' has no database 'nowhere': create it"
        " with `createdb`, or name another one in HANSARD_DATABASE_URL."
    )


def test_an_unknown_role_is_named(own: OwnServer) -> None:
    conninfo = make_conninfo(own.admin_conninfo(), user="nobody_known")

    assert "has no role 'nobody_known': create it with `createuser`" in refused(conninfo)


def test_a_user_whom_the_server_does_not_admit_is_named(own: OwnServer) -> None:
    told = refused(own.conninfo("outsider", "works"))

    assert "does not admit user 'outsider' to database 'works' this way" in told
    assert "correct pg_hba.conf" in told


def test_a_user_without_the_right_to_connect_is_named(own: OwnServer) -> None:
    own.administer("CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC")

    told = refused(own.conninfo("worker", "closed"))

    assert "User 'worker' may not connect to database 'closed'" in told


def test_a_full_server_is_named(own: OwnServer) -> None:
    own.administer("CREATE ROLE single LOGIN CONNECTION LIMIT 1")
    conninfo = make_conninfo(own.admin_conninfo(), user="single")

    with connect(conninfo):
        assert "has no free connection" in refused(conninfo)


def test_a_server_that_encrypts_nothing_is_named_to_those_who_insist(own: OwnServer) -> None:
    told = refused(make_conninfo(own.conninfo("worker", "works"), sslmode="require"))

    assert "does not admit user 'worker'" in told
    assert "SSL" in told


def test_a_stopped_server_is_unreachable() -> None:
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        server.stop()
        over_tcp = refused(server.conninfo("worker", "works"))
        over_socket = refused(server.admin_conninfo())
        server.start()

    assert over_tcp == (
        f"The PostgreSQL server at '127.0.0.1:{server.port}' cannot be reached:"
        " start it, or correct HANSARD_DATABASE_URL."
    )
    assert f"at {str(server.folder)!r} cannot be reached" in over_socket


def test_a_silent_server_is_given_up_soon(silent_port: int) -> None:
    told = refused(f"host=127.0.0.1 port={silent_port} user=worker connect_timeout=2")

    assert "does not answer: check the network" in told


def test_an_unknown_host_is_named() -> None:
    told = refused("postgresql://worker@no-such-host.invalid/works")

    assert "'no-such-host.invalid:5432' is unknown: correct its name" in told


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://worker:{PASSWORD}@127.0.0.1/works",
        f"host=127.0.0.1 pasword={WRONG}",
        f"postgresql://worker:a b%zz{WRONG}@127.0.0.1/works",
        WRONG,
    ],
    ids=["special characters", "misspelt", "bad escape", "no url"],
)
def test_what_is_no_connection_string_is_said_without_repeating_it(url: str) -> None:
    assert "HANSARD_DATABASE_URL is not a connection string: write it as" in refused(url)


def test_a_server_that_stops_in_the_middle_is_named(own: OwnServer) -> None:
    with connect(own.conninfo("worker", "works")) as connection:
        own.administer(f"SELECT pg_terminate_backend({connection.info.backend_pid})")

        with (
            pytest.raises(DatabaseUnavailableError, match="in the middle of the work"),
            translated(),
        ):
            connection.execute("SELECT 1")
        with pytest.raises(DatabaseUnavailableError, match="broke off"), translated():
            connection.execute("SELECT 1")


def test_a_statement_that_takes_too_long_is_named(own: OwnServer) -> None:
    with connect(own.conninfo("worker", "works"), autocommit=True) as connection:
        connection.execute("SET statement_timeout = '10ms'")

        with pytest.raises(DatabaseUnavailableError, match="took too long"), translated():
            connection.execute("SELECT pg_sleep(60)")


def test_missing_rights_are_named(own: OwnServer) -> None:
    with (
        connect(own.conninfo("worker", "works")) as connection,
        pytest.raises(DatabaseUnavailableError, match=r"does not allow this user .* GRANT CREATE"),
        translated(),
    ):
        connection.execute("SELECT pg_read_file('PG_VERSION')")


def test_a_fault_of_the_program_stays_what_it_is(own: OwnServer) -> None:
    with (
        connect(own.conninfo("worker", "works")) as connection,
        pytest.raises(psycopg.errors.UndefinedTable),
        translated(),
    ):
        connection.execute("SELECT * FROM nothing")
