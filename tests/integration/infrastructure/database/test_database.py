"""Database: opened from settings, embedded or the user's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.database import (
    DatabaseUnavailableError,
    connect,
    database_status,
    embedded_server,
    migrate,
    open_database,
)
from infrastructure.settings import load_settings
from migrations import head
from tests.support.own_server import PASSWORD, OwnServer
from tests.support.processes import ROOT


def test_the_embedded_database_is_ready_and_goes_with_its_last_user(home: Path) -> None:
    settings = load_settings(home=home)

    with open_database(settings) as database:
        with database.pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with database.connect() as own:
            assert own.autocommit
        status = database_status(settings)

    assert status.server is not None
    assert (status.server.running, status.schema, status.newest) == (True, head(), head())
    assert database.description == f"embedded server in '{home / 'postgres'}'"
    left = database_status(settings)
    assert left.server is not None
    assert (left.server.running, left.schema) == (False, None)


def test_a_database_can_leave_the_server_running(home: Path) -> None:
    open_database(load_settings(home=home, keep_server=True)).close()

    assert embedded_server(load_settings(home=home)).status().running


def test_closing_twice_does_no_harm(home: Path) -> None:
    database = open_database(load_settings(home=home))

    database.close()
    database.close()

    assert not embedded_server(load_settings(home=home)).status().running


def test_the_users_own_database_is_used_where_it_is_named(
    empty_database_url: str, tmp_path: Path
) -> None:
    settings = load_settings(home=tmp_path / "unused", database_url=empty_database_url)

    with open_database(settings) as database, database.pool.connection() as connection:
        assert connection.info.dbname == conninfo_to_dict(empty_database_url)["dbname"]
    assert database_status(settings).schema == head()
    assert database_status(settings).server is None
    assert not (tmp_path / "unused").exists()


def test_what_the_url_leaves_out_comes_from_libpqs_variables(
    own: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", str(own.port))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    with open_database(load_settings(database_url="postgresql:///works?user=worker")) as database:
        assert database.description == (
            f"database 'works' on '127.0.0.1:{own.port}' as user 'worker'"
        )


def test_secrets_do_not_show(own: OwnServer) -> None:
    conninfo = own.conninfo("worker", "works")

    with open_database(load_settings(database_url=conninfo)) as database:
        assert PASSWORD in conninfo_to_dict(database.access.service).values()
        assert PASSWORD not in repr(database) + database.description


def test_a_database_that_cannot_be_opened_leaves_the_server(home: Path) -> None:
    settings = load_settings(home=home)
    with open_database(settings) as database, connect(database.access.migration) as connection:
        connection.execute("UPDATE hansard.schema_version SET version_num = '9999'")

    with pytest.raises(DatabaseUnavailableError, match="newer than this Hansard knows"):
        open_database(settings)

    assert not embedded_server(settings).status().running


def test_a_migration_tells_where_it_came_from(empty_database_url: str) -> None:
    settings = load_settings(database_url=empty_database_url)

    first, second = migrate(settings), migrate(settings)

    assert (first.before, first.after) == (None, head())
    assert (second.before, second.after) == (head(), head())
    with connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM hansard.events").fetchone() == (0,)


def test_opening_warns_about_nothing_and_prints_nothing(home: Path) -> None:
    code = (
        "import sys; from infrastructure.settings import load_settings;"
        " from infrastructure.database import open_database;"
        " database = open_database(load_settings(home=sys.argv[1]));"
        " database.pool.connection().__enter__(); database.close()"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("", "")
