"""Errors: what a connection string points at, told without its secrets."""

from __future__ import annotations

import pytest

from infrastructure.database.errors import Target


@pytest.mark.parametrize(
    ("conninfo", "told"),
    [
        (
            "postgresql://me:secret@db.example/works",
            "database 'works' on 'db.example:5432' as user 'me'",
        ),
        (
            "postgresql://me@one:1,two:2/works",
            "database 'works' on 'one,two:1,2' as user 'me'",
        ),
        ("host=/run/pg user=me", "database 'me' on '/run/pg' as user 'me'"),
        ("user=me hostaddr=10.0.0.1 port=6", "database 'me' on '10.0.0.1:6' as user 'me'"),
        ("user=me", "database 'me' on 'local socket' as user 'me'"),
        ("user=me service=mine", "database 'me' on 'service mine' as user 'me'"),
    ],
)
def test_a_target_is_told_by_server_database_and_user(conninfo: str, told: str) -> None:
    assert str(Target.of(conninfo)) == told


def test_libpqs_variables_fill_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example")
    monkeypatch.setenv("PGPORT", "6")
    monkeypatch.setenv("PGDATABASE", "works")
    monkeypatch.setenv("PGUSER", "me")
    monkeypatch.setenv("PGPASSWORD", "secret")

    assert str(Target.of("")) == "database 'works' on 'db.example:6' as user 'me'"
