"""Connections: limits, zone, liveness, and a pool that says what is wrong."""

from __future__ import annotations

import logging
import selectors
from functools import partial

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.database import DatabaseUnavailableError, connect, open_pool, translated
from infrastructure.database.connection import MIGRATING, NETWORK, Limits, complete, set_limits


def shown(conninfo: str, limits: Limits, *names: str) -> list[str]:
    with connect(conninfo, prepare=partial(set_limits, limits=limits)) as connection:
        rows = [
            connection.execute("SELECT current_setting(%s)", (name,)).fetchone() for name in names
        ]
    return [row[0] for row in rows if row]


def test_transactions_are_limited(database_url: str) -> None:
    names = ("transaction_timeout", "idle_in_transaction_session_timeout", "lock_timeout")

    assert shown(database_url, Limits(), *names) == ["2min", "30s", "0"]
    assert shown(database_url, MIGRATING, *names) == ["0", "0", "2min"]


def test_a_transaction_that_stands_still_is_closed_by_the_server(database_url: str) -> None:
    connection = connect(database_url, prepare=partial(set_limits, limits=Limits(idle_s=1)))
    connection.execute("SELECT 1")
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        assert selector.select(timeout=30), "the server says nothing"

    with pytest.raises(DatabaseUnavailableError, match="stood still for too long"), translated():
        connection.execute("SELECT 1")
    connection.close()


def test_times_are_told_in_utc_under_the_name_of_hansard(database_url: str) -> None:
    assert shown(database_url, Limits(), "TimeZone", "application_name") == ["UTC", "hansard"]


def test_a_new_connection_is_outside_of_a_transaction(database_url: str) -> None:
    with connect(database_url) as connection:
        assert connection.info.transaction_status.name == "IDLE"


def test_network_settings_are_added() -> None:
    completed = conninfo_to_dict(complete("host=db.example user=me"))

    assert {keyword: completed[keyword] for keyword in NETWORK} == NETWORK


def test_what_the_user_says_about_the_network_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "77")

    completed = conninfo_to_dict(complete("host=db.example tcp_user_timeout=5 keepalives=0"))

    assert completed["tcp_user_timeout"] == "5"
    assert completed["keepalives"] == "0"
    assert "connect_timeout" not in completed


def test_the_users_application_name_wins(database_url: str) -> None:
    named = make_conninfo(database_url, application_name="mine")

    assert shown(named, Limits(), "application_name") == ["mine"]


def test_a_pool_gives_connections_that_are_alive_after_the_server_cut_them(
    database_url: str,
) -> None:
    with open_pool(database_url, max_size=2) as pool:
        with pool.connection() as connection:
            pid = connection.info.backend_pid
        with connect(database_url) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))

        with pool.connection() as connection:
            assert connection.info.backend_pid != pid
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_pool_keeps_a_connection_that_is_alive(database_url: str) -> None:
    with open_pool(database_url) as pool:
        with pool.connection() as connection:
            pid = connection.info.backend_pid
        with pool.connection() as connection:
            assert connection.info.backend_pid == pid


def test_an_exhausted_pool_says_so(database_url: str) -> None:
    with (
        open_pool(database_url, max_size=1, timeout_s=0.1) as pool,
        pool.connection(),
        pytest.raises(DatabaseUnavailableError, match="All 1 connections of this process"),
        pool.connection(),
    ):
        pass


def test_a_pool_says_why_there_is_no_connection(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = make_conninfo(database_url, dbname="nowhere")

    with (
        open_pool(nowhere, timeout_s=0.5) as pool,
        pytest.raises(DatabaseUnavailableError, match="has no database 'nowhere'"),
        pool.connection(),
    ):
        pass

    assert logging.getLogger("psycopg").hasHandlers()
    assert capsys.readouterr().err == ""
