"""A run killed at any event boundary is finished by `resume`, with nothing lost or doubled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infrastructure.database import Connection
from tests.support.command import LEDGER, REQUEST
from tests.support.doomed import Order, doomed_runs

SHARDS = 4
ONCE = {"task.completed", "task.decomposed", "task.started", "session.completed"}
CALLED = {"task.model_called", "task.tool_called"}
ANSWERED = {"task.model_answered", "task.tool_answered"}
History = list[tuple[Any, ...]]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_run_killed_at_any_append_is_finished_by_resume(
    shard: int, program: Path, database_url: str, connection: Connection, tmp_path: Path
) -> None:
    def order(output: str, **kill: Any) -> Order:
        return {
            "database_url": database_url,
            "request": REQUEST,
            "inputs": [str(LEDGER)],
            "output": str(tmp_path / output),
            **kill,
        }

    with doomed_runs(program.with_name("python")) as carry_out:
        whole = carry_out(order("whole"))
        assert whole["view"]["status"] == "completed"
        assert whole["appends"] > 10
        points = [
            (append, moment)
            for append in range(1, whole["appends"] + 1)
            for moment in ("before", "after")
        ]
        for append, moment in points[shard::SHARDS]:
            output = f"{append}-{moment}"
            killed = carry_out(order(output, kill_at=append, moment=moment))
            if killed != {"signal": 9}:
                # Answers that come in together are appended together, so the number varies.
                assert killed["appends"] < append, killed
                continue
            session = _session(connection, tmp_path / output)
            if session is None:
                assert (append, moment) == (1, "before")
                continue
            left = _history(connection, session)
            resumed = carry_out({"database_url": database_url, "resume": session})
            _compare(resumed["view"], whole["view"])
            _check_books(left, _history(connection, session))


def _session(connection: Connection, output: Path) -> str | None:
    row = connection.execute(
        "SELECT session_id::text FROM hansard.event_log WHERE type = 'session.opened'"
        " AND payload #>> '{charter,output_folder}' = %s",
        (str(output),),
    ).fetchone()
    return row[0] if row else None


def _history(connection: Connection, session: str) -> History:
    return connection.execute(
        "SELECT position, event_id, type, stream, payload FROM hansard.event_log"
        " WHERE session_id = %s ORDER BY position",
        (session,),
    ).fetchall()


def _compare(resumed: dict[str, Any], whole: dict[str, Any]) -> None:
    """Hold that the user gets the same, whatever happened on the way."""
    assert resumed["status"] == "completed"
    assert resumed["answer"] == whole["answer"]
    assert _files(resumed) == _files(whole)
    assert [task["path"] for task in resumed["tasks"]] == [task["path"] for task in whole["tasks"]]


def _files(view: dict[str, Any]) -> list[tuple[str, str]]:
    folder = Path(view["output_folder"])
    artefacts = {artefact["path"]: artefact["sha256"] for artefact in view["artefacts"]}
    assert {path.name for path in folder.iterdir()} == artefacts.keys()
    return list(artefacts.items())


def _check_books(left: History, history: History) -> None:
    """Hold that nothing was lost, each task was done once, and repeated effects kept their ids."""
    assert history[: len(left)] == left
    once = Counter((kind, stream) for _, _, kind, stream, _ in history if kind in ONCE)
    assert set(once.values()) == {1}
    answered = Counter(row[4]["effect_id"] for row in history if row[2] in ANSWERED)
    assert set(answered.values()) == {1}
    assert {row[4]["effect_id"] for row in history if row[2] in CALLED} == set(answered)
