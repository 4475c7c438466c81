"""A run killed at any event boundary is finished by `resume`, with nothing lost or doubled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infrastructure.database import Connection
from tests.support.doomed import doomed_runs

SHARDS = 6
REQUEST = "Generate a Q4 financial report with charts"
LEDGER = Path(__file__).parents[2] / "examples" / "q4" / "ledger.csv"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_run_killed_at_any_append_is_finished_by_resume(
    shard: int, database_url: str, connection: Connection, tmp_path: Path
) -> None:
    with doomed_runs() as carry_out:
        whole = carry_out(
            database_url=database_url,
            request=REQUEST,
            inputs=[str(LEDGER)],
            output=str(tmp_path / "whole"),
        )
        assert whole["view"]["status"] == "completed"
        assert whole["appends"] > 10
        points = [
            (append, moment)
            for append in range(1, whole["appends"] + 1)
            for moment in ("before", "after")
        ]
        for append, moment in points[shard::SHARDS]:
            output = tmp_path / f"{append}-{moment}"
            killed = carry_out(
                database_url=database_url,
                request=REQUEST,
                inputs=[str(LEDGER)],
                output=str(output),
                kill_at=append,
                moment=moment,
            )
            assert killed == {"signal": 9}, f"append {append}, {moment}"
            session = _newest_session(connection, output)
            if session is None:
                assert (append, moment) == (1, "before")
                continue
            resumed = carry_out(database_url=database_url, resume=session)
            _compare(resumed["view"], whole["view"])
            _check_books(connection, session)


def _newest_session(connection: Connection, output: Path) -> str | None:
    row = connection.execute(
        "SELECT session_id::text FROM hansard.event_log WHERE type = 'session.opened'"
        " AND payload #>> '{charter,output_folder}' = %s",
        (str(output),),
    ).fetchone()
    return row[0] if row else None


def _compare(resumed: dict[str, Any], whole: dict[str, Any]) -> None:
    assert resumed["status"] == "completed"
    assert resumed["answer"] == whole["answer"]
    assert _files(resumed) == _files(whole)
    assert [task["path"] for task in resumed["tasks"]] == [task["path"] for task in whole["tasks"]]


def _files(view: dict[str, Any]) -> set[tuple[str, str]]:
    for artefact in view["artefacts"]:
        assert (Path(view["output_folder"]) / artefact["path"]).is_file()
    return {(artefact["path"], artefact["sha256"]) for artefact in view["artefacts"]}


def _check_books(connection: Connection, session: str) -> None:
    """Hold that each task was done once and every repeated effect kept its id."""
    rows = connection.execute(
        "SELECT type, stream::text, payload FROM hansard.event_log"
        " WHERE session_id = %s ORDER BY position",
        (session,),
    ).fetchall()
    once = Counter(
        (kind, stream)
        for kind, stream, _ in rows
        if kind in {"task.completed", "task.decomposed", "task.started", "session.completed"}
    )
    assert set(once.values()) == {1}
    answered = Counter(
        payload["effect_id"]
        for kind, _, payload in rows
        if kind in {"task.model_answered", "task.tool_answered"}
    )
    assert set(answered.values()) == {1}
    called = {
        payload["effect_id"]
        for kind, _, payload in rows
        if kind in {"task.model_called", "task.tool_called"}
    }
    assert called == set(answered)
