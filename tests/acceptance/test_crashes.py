"""A run killed at any event boundary is finished by `resume`, with nothing lost or doubled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infrastructure.database import Connection
from tests.support.command import LEDGER, REQUEST
from tests.support.doomed import Order, doomed_runs

ONCE = {"task.completed", "task.decomposed", "task.started", "session.completed"}
CALLED = {"task.model_called", "task.tool_called"}
ANSWERED = {"task.model_answered", "task.tool_answered"}
History = list[tuple[Any, ...]]


@pytest.mark.parametrize("kill", [(2, "after"), (3, "before")], ids=["after", "before"])
def test_a_run_killed_at_any_append_is_finished_by_resume(
    kill: tuple[int, str],
    program: Path,
    database_url: str,
    connection: Connection,
    tmp_path: Path,
) -> None:
    """One session is killed at every one of its appends, one after the other.

    A resumed run records its resumption first, and is killed after its second append or before its
    third one, so that each gets one append further than the one before.
    """
    kill_at, moment = kill

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

        assert carry_out(order("doomed", kill_at=1, moment="before")) == {"signal": 9}
        assert _session(connection, tmp_path / "doomed") is None
        assert carry_out(order("doomed", kill_at=1, moment="after")) == {"signal": 9}
        session = _session(connection, tmp_path / "doomed")
        assert session is not None
        killed, ended = 0, None
        left = _history(connection, session)
        while ended is None:
            outcome = carry_out(
                {
                    "database_url": database_url,
                    "resume": session,
                    "kill_at": kill_at,
                    "moment": moment,
                }
            )
            history = _history(connection, session)
            assert history[: len(left)] == left
            left = history
            killed += outcome == {"signal": 9}
            ended = outcome.get("view")
            assert killed <= 3 * whole["appends"], "it gets no further"
        assert killed >= whole["appends"] / 2
        _compare(ended, whole["view"])
        _check_books(left)


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


def _check_books(history: History) -> None:
    """Hold that each task was done once, and repeated effects kept their ids."""
    once = Counter((kind, stream) for _, _, kind, stream, _ in history if kind in ONCE)
    assert set(once.values()) == {1}
    answered = Counter(row[4]["effect_id"] for row in history if row[2] in ANSWERED)
    assert set(answered.values()) == {1}
    assert {row[4]["effect_id"] for row in history if row[2] in CALLED} == set(answered)
