"""`hansard cancel --stop` and stop requests, on sessions that real processes run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import hansard
from domain.session import SessionStatus
from hansard.cli.main import CONFLICT, OK
from infrastructure.database import Connection
from tests.support.command import Command, Running, command_of_this_tree

REQUEST = "What is 6 * 7?"

STUCK = """\
import asyncio
import sys
from hansard.cli.main import main
from infrastructure.models.registry import RoutedModel

answer = RoutedModel.answer

async def stuck(self, request):
    if request.brief.purpose == "execute":
        print("stuck", file=sys.stderr, flush=True)
        await asyncio.sleep(3600)
    return await answer(self, request)

RoutedModel.answer = stuck
main()
"""
"""The command with a model that never answers who works on a task."""


@pytest.fixture
def stuck(database_url: str, tmp_path: Path) -> Command:
    """The command of this tree, whose runs never end."""
    (tmp_path / "stuck.py").write_text(STUCK)
    return command_of_this_tree(tmp_path, database_url, f'"{tmp_path / "stuck.py"}"')


@pytest.fixture
def healthy(database_url: str, tmp_path: Path) -> Command:
    """The command of this tree."""
    return command_of_this_tree(tmp_path, database_url)


def stuck_session(running: Running) -> str:
    """Wait until a session hangs, and give its id."""
    found = re.search(r"session ([0-9a-f-]{36}) opened", running.await_message("opened"))
    assert found
    running.await_message("stuck")
    return found[1]


def types(connection: Connection, session: str) -> list[str]:
    rows = connection.execute(
        "SELECT type FROM hansard.event_log WHERE session_id = %s ORDER BY position", (session,)
    )
    return [row[0] for row in rows]


def test_a_running_session_is_stopped_and_cancelled_from_elsewhere(
    stuck: Command, healthy: Command, connection: Connection
) -> None:
    with stuck.started("run", REQUEST) as running:
        session = stuck_session(running)
        begun = types(connection, session)
        refused = healthy.run("cancel", session, "--reason", "Too slow.")
        assert refused.code == CONFLICT
        assert f"is being run already by hansard process {running.process.pid} on " in refused.err

        cancelled = healthy.document("cancel", session, "--reason", "Too slow.", "--stop")
        outcome = running.end()

    assert cancelled["status"] == "cancelled"
    assert (outcome.code, outcome.out) == (CONFLICT, "")
    last = outcome.err.splitlines()[-1]
    assert last.startswith(f"hansard: Session '{session}' was stopped by request of process ")
    assert "Traceback" not in outcome.err
    ended = types(connection, session)
    assert ended[: len(begun)] == begun
    assert set(ended[len(begun) :]) == {"task.cancelled", "session.cancelled"}


def test_a_stopped_session_goes_on_where_it_was(
    stuck: Command, database_url: str, connection: Connection
) -> None:
    with (
        stuck.started("run", REQUEST) as running,
        hansard.open(database_url=database_url, model="offline") as h,
    ):
        session = stuck_session(running)
        begun = types(connection, session)
        h._call(h._inner._house.sessions.stop, h.session(session).session_id)
        outcome = running.end()
        assert outcome.code == CONFLICT
        assert f"`hansard resume {session}` goes on." in outcome.err.splitlines()[-1]
        assert types(connection, session) == begun

        view = h.resume(session)

    assert view.status is SessionStatus.COMPLETED
    assert "42" in view.answer
    again = types(connection, session)[len(begun) :]
    assert again[:2] == ["session.resumed", "task.model_called"]


def test_a_session_that_no_process_runs_is_cancelled_all_the_same(
    stuck: Command, healthy: Command
) -> None:
    with stuck.started("run", REQUEST) as running:
        session = stuck_session(running)
        running.kill()

    assert healthy.run("cancel", session, "--reason", "Lost.", "--stop").code == OK
    again = healthy.run("cancel", session, "--reason", "Lost.", "--stop")
    assert again.code == CONFLICT
    assert "has ended already: cancelled" in again.err


def test_a_session_that_is_stopped_while_a_run_finishes_it_does_not_stop_the_run(
    stuck: Command, healthy: Command, tmp_path: Path
) -> None:
    with stuck.started("run", REQUEST) as running:
        session = stuck_session(running)
        running.kill()
    with stuck.started("run", "What is 2 + 2?") as running:
        running.await_message("taken up again")
        running.await_message("stuck")
        assert healthy.run("cancel", session, "--reason", "Enough.", "--stop").code == OK
        running.await_message(f"Session '{session}' was stopped by request of process")
        other = stuck_session(running)
        assert other != session
        os.kill(running.process.pid, 9)
