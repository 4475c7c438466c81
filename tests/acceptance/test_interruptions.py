"""Ctrl-C, kill -9 and a second process: what was recorded stays, and the rest is done later."""

from __future__ import annotations

import re

import pytest

from tests.support.command import LEDGER, REQUEST, Command, Running

INTERRUPTED, CONFLICT = 130, 4
RUN = ("run", REQUEST, "--input", LEDGER)
FIGURE = "314,190.51"


def opened_session(running: Running) -> str:
    """Wait until a session is open, and give its id."""
    line = running.await_message("opened")
    found = re.search(r"session ([0-9a-f-]{36}) opened", line)
    assert found
    return found[1]


def test_ctrl_c_ends_a_run_at_once_and_resume_completes_it(hansard: Command) -> None:
    with hansard.started(*RUN) as running:
        session = opened_session(running)
        running.await_message("uses query_table")
        running.interrupt()
        outcome = running.end()

    assert outcome.code == INTERRUPTED
    assert outcome.out == ""
    assert outcome.err.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in outcome.err
    assert outcome.seconds < 10
    assert hansard.document("show")["status"] == "running"

    resumed = hansard.document("resume", session)
    assert resumed["status"] == "completed"
    assert resumed["resumptions"] == 1
    assert FIGURE in resumed["answer"]


def test_the_next_run_finishes_a_killed_session_first(hansard: Command) -> None:
    with hansard.started(*RUN) as running:
        session = opened_session(running)
        running.await_message("uses query_table")
        assert running.kill().code == -9

    outcome = hansard.run("run", "What is 6 * 7?", "--quiet", "--json")

    assert outcome.code == 0
    assert outcome.document["request"] == "What is 6 * 7?"
    assert f"Finished interrupted session {session}: completed." in outcome.err
    newest, oldest = hansard.document("sessions")["items"]
    assert [newest["status"], oldest["status"]] == ["completed", "completed"]
    assert oldest["session_id"] == session
    assert newest["position"] > oldest["position"]
    finished = hansard.document("show", session)
    assert FIGURE in finished["answer"]
    assert len(finished["artefacts"]) == len({file["path"] for file in finished["artefacts"]})


def test_a_session_that_takes_every_process_down_does_not_stop_later_runs(
    hansard: Command,
) -> None:
    with hansard.started(*RUN) as running:
        session = opened_session(running)
        running.kill()
    for _ in range(3):
        with hansard.started("resume", session) as running:
            running.await_message("taken up again")
            running.kill()

    outcome = hansard.run("run", "What is 6 * 7?", "--quiet")

    assert outcome.code == 0
    assert f"Session {session} was lost again" in outcome.err
    assert f"`hansard resume {session}`" in outcome.err
    assert hansard.document("resume", session)["status"] == "completed"


def test_interrupted_sessions_can_be_left_alone_or_cancelled(hansard: Command) -> None:
    with hansard.started(*RUN) as running:
        session = opened_session(running)
        running.kill()

    assert hansard.run("run", "What is 6 * 7?", "--no-resume", "--quiet").code == 0
    assert hansard.document("show", session)["status"] == "running"

    cancelled = hansard.document("cancel", session, "--reason", "No longer needed.")
    assert cancelled["status"] == "cancelled"
    assert {task["status"] for task in cancelled["tasks"]} == {"cancelled"}
    assert hansard.run("resume", session).code == CONFLICT


def test_a_session_that_another_process_runs_cannot_be_resumed(hansard: Command) -> None:
    with hansard.started(*RUN) as running:
        session = opened_session(running)
        second = hansard.run("resume", session)
        first = running.end()

    assert (second.code, second.out) == (CONFLICT, "")
    assert f"Session '{session}' is being run already" in second.err
    assert second.err.count("\n") == 1
    assert first.code == 0
    assert FIGURE in first.out


def test_two_runs_share_one_embedded_server_which_stops_after_the_last(
    embedded: Command,
) -> None:
    assert embedded.document("db", "status")["server"]["running"] is False

    with embedded.started(*RUN) as report, embedded.started("run", "What is 6 * 7?") as sum_:
        ended = [sum_.end(), report.end()]

    assert [outcome.code for outcome in ended] == [0, 0], ended
    assert "42" in ended[0].out
    assert FIGURE in ended[1].out
    assert embedded.document("db", "status")["server"]["running"] is False
    assert len(embedded.document("sessions")["items"]) == 2


@pytest.mark.parametrize("command", [("db", "stop"), ("db", "start")])
def test_a_newcomers_first_command_may_be_any(embedded: Command, command: tuple[str, ...]) -> None:
    try:
        embedded.succeed(*command)
        assert embedded.document("sessions")["items"] == []
    finally:
        embedded.succeed("db", "stop")
