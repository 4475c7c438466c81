"""Lists, figures and searches tell sessions by their histories; what-ifs are named or not found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

import hansard
from application.views import SessionView
from application.what_if import PolicyChange
from domain.session import SessionStatus
from hansard.cli.main import OK, cli

QUESTION = "What is 6 * 7?"


@pytest.fixture
def h(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[hansard.Hansard]:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))
    with hansard.open() as opened:
        yield opened


@pytest.fixture
def done(h: hansard.Hansard) -> SessionView:
    view = h.run(QUESTION)
    assert view.status is SessionStatus.COMPLETED
    return view


def first_position(h: hansard.Hansard, session_id: UUID, kind: str) -> int:
    events = h._inner._house.log.read(session_id=session_id, types=[kind])
    return next(events).position


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == OK, done
    return done


def listed(*arguments: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(run(*arguments, "--json").stdout)["items"]
    return items


def test_a_rewound_session_runs_until_that_is_undone(h: hansard.Hansard, done: SessionView) -> None:
    [before] = h.sessions().items
    started = first_position(h, done.session_id, "task.started")

    rewound = h.rewind(done.session_id, started, reason="again")
    [then] = h.sessions(status=SessionStatus.RUNNING).items
    assert (then.status, then.ended_at, then.answer) == (SessionStatus.RUNNING, None, "")
    assert (then.model_calls, then.cost_usd) == (before.model_calls, before.cost_usd)
    assert [turn.speaker for turn in h.turns(done.session_id).items] == ["USER"]
    taken_back = h.turns(done.session_id, rewound=True).items
    assert [turn.rewound for turn in taken_back] == [False, True]
    assert [turn.rewound for turn in h.turns().items] == [False, True]
    assert h.unfinished() == [done.session_id]
    [running] = h.situation().sessions
    assert (running.session_id, running.on_hold) == (done.session_id, True)
    assert not any(agent.working or agent.waiting for agent in h.situation().agents)
    assert "on hold" in run("situation").stdout
    shown = listed("turns", str(done.session_id), "--rewound")
    assert [turn["rewound"] for turn in shown] == [False, True]
    assert "rewound" in run("turns").stdout

    assert rewound.undo is not None
    h.rewind(done.session_id, rewound.undo, reason="it was right")
    assert h.sessions().items == (before,)
    assert h.unfinished() == []
    summary = h.orchestrator()
    assert (summary.rewinds, summary.sessions[SessionStatus.RUNNING]) == (2, 0)
    assert summary.running_tasks == 0


def test_a_fork_shows_what_it_shares_and_counts_its_own_work_alone(
    h: hansard.Hansard, done: SessionView
) -> None:
    start = first_position(h, done.session_id, "task.started")
    calls = h.orchestrator().model_calls
    fork = h.fork(done.session_id, start, reason="another way")
    assert fork.session_id is not None
    assert [session.on_hold for session in h.situation().sessions] == [True]
    ended = h.resume(fork.session_id)
    assert ended.status is SessionStatus.COMPLETED

    newest, oldest = h.sessions().items
    assert (newest.parent_id, newest.forked_at) == (done.session_id, fork.origin.position)
    assert (newest.status, newest.request) == (SessionStatus.COMPLETED, QUESTION)
    assert h.orchestrator().model_calls == calls + newest.model_calls
    assert oldest.model_calls == calls
    said = [turn.text for turn in h.turns(fork.session_id).items]
    assert said == [turn.text for turn in ended.turns]
    tree = h.task_tree(fork.session_id)
    assert {str(task.status) for task in tree.tasks} == {"completed"}
    assert {view.position for view in h.audit(fork.session_id).items} >= {
        view.position for view in h.audit(done.session_id).items if view.position <= start
    }
    assert f"fork of {done.session_id} at {fork.origin.position}" in " ".join(
        run("sessions").stdout.split()
    )


def test_what_ifs_are_found_by_name_and_nowhere_else(h: hansard.Hansard, done: SessionView) -> None:
    figures = h.orchestrator().model_dump(exclude={"position"})
    found = h.similar(QUESTION).items
    what_if = h.what_if(
        done.session_id, PolicyChange(field="max_wait_s", value=60), reason="to see"
    )
    assert what_if.session_id is not None

    assert [view.session_id for view in h.sessions().items] == [done.session_id]
    assert h.orchestrator().model_dump(exclude={"position"}) == figures
    assert [hit.position for hit in h.similar(QUESTION).items] == [hit.position for hit in found]
    assert {turn.session_id for turn in h.turns().items} == {done.session_id}
    assert {view.session_id for view in h.audit().items} == {done.session_id}
    newest, _ = h.sessions(what_ifs=True).items
    assert (newest.what_if, newest.parent_id) == (True, done.session_id)
    assert h.task_tree(newest.session_id).tasks
    assert len(h.turns(newest.session_id).items) == 2
    assert [row["what_if"] for row in listed("sessions", "--what-if")] == [True, False]
    assert len(listed("sessions")) == 1


def test_a_hit_shows_the_query_and_the_answer_that_hold(
    h: hansard.Hansard, done: SessionView
) -> None:
    started = first_position(h, done.session_id, "task.started")
    fork = h.fork(done.session_id, started, reason="another way")
    assert fork.session_id is not None
    h.resume(fork.session_id)
    h.rewind(done.session_id, started, reason="again")
    h.resume(done.session_id)
    asked, former, answer = h.turns(done.session_id, rewound=True).items
    [in_fork] = [turn for turn in h.turns().items if turn.session_id == fork.session_id]
    assert (former.rewound, answer.rewound) == (True, False)

    [query] = h.similar(QUESTION, kind="query").items
    answers = {hit.position: hit for hit in h.similar(answer.text, kind="answer").items}

    assert (query.position, query.answer_position) == (asked.position, answer.position)
    assert set(answers) == {former.position, answer.position, in_fork.position}
    assert {hit.query_position for hit in answers.values()} == {asked.position}
