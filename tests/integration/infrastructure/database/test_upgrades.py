"""Read models that an older Hansard filled answer rightly as soon as the schema is newer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from infrastructure.database import connect
from infrastructure.database.schema import ensure_schema

SESSION, TASK, DECISION = UUID(int=1), UUID(int=2), UUID(int=3)
MOMENT = datetime(2026, 10, 3, 12, tzinfo=UTC)
TURNS = "conversation_history"

TASK_ROW = """
INSERT INTO hansard_read.tasks VALUES (%s, 2, %s, %s, NULL, 'a', 'A', NULL, 'MM_001', '{}')
"""

POSITIONS = """
INSERT INTO hansard_read.projection_positions (projection, slot, version, position, updated_at)
VALUES (%s, 'live', 1, 9, %s), (%s, 'next', 1, 3, %s)
"""

DELEGATION = """
INSERT INTO hansard_read.delegations VALUES
    (%s, %s, %s, %s, %s, %s, %s, 'rules', '1', 0.5, 'fits', '[]', 1)
"""


def upgraded_to(revision: str, conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let migrations stop at a revision."""
    from alembic import command

    upgrade: Callable[[Any, str], None] = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _: upgrade(config, revision))
        ensure_schema(conninfo)


def fill_as_0009(conninfo: str) -> None:
    """Tell of a session with a task that changed hands once, and that nobody fitted twice."""
    rows: list[tuple[str, tuple[Any, ...]]] = [
        (
            "INSERT INTO hansard_read.sessions VALUES (%s, 1, %s, 'Report')",
            (SESSION, MOMENT),
        ),
        (
            "INSERT INTO hansard_read.session_ends VALUES (%s, 9, %s, 'completed', 'Done', 'Done')",
            (SESSION, MOMENT),
        ),
        (
            TASK_ROW,
            (TASK, MOMENT, SESSION),
        ),
        ("INSERT INTO hansard_read.task_starts VALUES (6, %s, %s, 'FIN_007')", (MOMENT, TASK)),
        (
            "INSERT INTO hansard_read.task_ends VALUES (%s, 8, %s, 'completed', 'Done')",
            (TASK, MOMENT),
        ),
        (DELEGATION, (3, MOMENT, SESSION, TASK, DECISION, None, None)),
        (DELEGATION, (4, MOMENT, SESSION, TASK, DECISION, "MM_001", "FIN_007")),
        (DELEGATION, (5, MOMENT, SESSION, TASK, DECISION, None, None)),
        (
            POSITIONS,
            (TURNS, MOMENT, TURNS, MOMENT),
        ),
        ("SELECT hansard_read.begin_rebuild(%s)", (TURNS,)),
    ]
    with connect(conninfo) as connection:
        for statement, values in rows:
            connection.execute(statement.encode(), values)


def test_before_rewinds_and_forks_all_histories_were_straight(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgraded_to("0009", empty_database_url, monkeypatch)
    fill_as_0009(empty_database_url)
    ensure_schema(empty_database_url)

    def ask(query: str) -> list[tuple[Any, ...]]:
        with connect(empty_database_url) as connection:
            return connection.execute(query.encode()).fetchall()

    assert ask("SELECT session_id, parent_id, what_if FROM hansard_read.sessions") == [
        (SESSION, None, False)
    ]
    assert ask(
        "SELECT position, session_id, replaces, status, ended_at FROM hansard_read.session_states"
    ) == [(9, SESSION, None, "completed", MOMENT)]
    for table in ("task_starts", "task_ends"):
        assert ask(f"SELECT session_id, task_id FROM hansard_read.{table}") == [(SESSION, TASK)]  # noqa: S608 - names of ours
    assert ask("SELECT from_agent FROM hansard_read.delegations ORDER BY position") == [
        ("MM_001",),
        ("MM_001",),
        ("FIN_007",),
    ]


def test_a_read_model_that_was_being_built_in_the_old_shape_is_begun_again(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgraded_to("0009", empty_database_url, monkeypatch)
    fill_as_0009(empty_database_url)
    ensure_schema(empty_database_url)

    with connect(empty_database_url) as connection:
        slots = connection.execute(
            "SELECT slot, position FROM hansard_read.projection_positions"
        ).fetchall()
        being_built = connection.execute(
            "SELECT to_regclass('hansard_rebuild.turns') IS NOT NULL"
        ).fetchone()
    assert slots == [("live", 9)]
    assert being_built == (False,)


def test_whoever_reads_or_keeps_read_models_may_use_the_new_tables(database_url: str) -> None:
    with connect(database_url) as connection:
        for table in ("session_turnings", "session_segments", "what_if_activity"):
            rights = connection.execute(
                "SELECT has_table_privilege('hansard_reader', t, 'SELECT'),"
                " has_table_privilege('hansard_reader', t, 'INSERT'),"
                " has_table_privilege('hansard_writer', t, 'INSERT, UPDATE, DELETE, TRUNCATE')"
                " FROM (VALUES (%s)) AS v (t)",
                (f"hansard_read.{table}",),
            ).fetchone()
            assert rights == (True, False, True)
