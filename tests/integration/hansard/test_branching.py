"""Rewinds and forks by the Python API, on a real database and with real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import hansard
from application.errors import BadRequestError, ConflictError, NotFoundError
from application.views import SessionView, TaskView
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.task import TaskStatus

LEDGER = "date,product,revenue\n2026-10-01,tea,10\n2026-11-01,tea,20\n2026-12-01,milk,30\n"


@pytest.fixture
def h(database_url: str, tmp_path: Path) -> Iterator[hansard.Hansard]:
    with hansard.open(database_url=database_url, output_root=tmp_path / "out") as opened:
        yield opened


@pytest.fixture
def heard(h: hansard.Hansard, tmp_path: Path) -> list[RecordedEvent]:
    """The events of a session that wrote files."""
    ledger = tmp_path / "ledger.csv"
    ledger.write_text(LEDGER)
    events: list[RecordedEvent] = []
    h.run("Draw a chart of revenue by product", [ledger], on_event=events.append)
    return events


def session_of(heard: list[RecordedEvent]) -> str:
    return str(heard[0].session_id)


def position_of(heard: list[RecordedEvent], kind: str) -> int:
    return next(each.position for each in heard if each.type == kind)


def written(view: SessionView) -> list[str]:
    return sorted(path.name for path in Path(view.output_folder).iterdir())


def test_a_session_is_taken_back_and_brought_back(
    h: hansard.Hansard, heard: list[RecordedEvent]
) -> None:
    session, started = session_of(heard), position_of(heard, "task.started")
    before, then = h.session(session), h.session(session, at=started)

    view = h.rewind(session, started, reason="to look again")

    assert (view.state_hash, view.status) == (then.state_hash, SessionStatus.RUNNING)
    assert h.session(session).state_hash == then.state_hash
    assert h.session(session).on_hold
    assert h.session(session, at=before.position) == before
    assert any(effect.files for effect in view.done)
    undone = h.undo(session, reason="as it was")
    assert h.session(session).state_hash == undone.state_hash == before.state_hash
    with pytest.raises(ConflictError, match="name an earlier moment"):
        h.rewind(session, before.position + 10, reason="later")


def test_a_rewound_session_is_finished_anew_and_costs_what_it_did(
    h: hansard.Hansard, heard: list[RecordedEvent]
) -> None:
    session = session_of(heard)
    before = h.session(session)
    h.rewind(session, position_of(heard, "task.started"), reason="to look again")

    after = h.resume(session)

    assert (after.status, after.answer) == (before.status, before.answer)
    assert not after.on_hold
    assert after == h.session(session)
    assert h.verify(session).is_intact


def test_a_fork_shares_its_parents_history_and_has_copies_of_its_files(
    h: hansard.Hansard, heard: list[RecordedEvent], tmp_path: Path
) -> None:
    session = session_of(heard)
    parent = h.session(session)
    answered = max(each.position for each in heard if each.type == "task.tool_answered")
    last = h._inner._house.log.last_position()

    made = h.fork(session, answered, reason="another end", output=tmp_path / "other")

    assert made.session_id is not None
    assert h._inner._house.log.last_position() == last + 1
    fork = h.session(made.session_id)
    assert fork.state_hash == made.state_hash == h.session(session, at=answered).state_hash
    assert fork.output_folder == str(tmp_path / "other")
    assert written(fork) == sorted(made.files)
    finished = h.resume(made.session_id)
    assert (finished.status, finished.answer) == (parent.status, parent.answer)
    assert h.session(session) == parent
    assert h.verify(made.session_id).is_intact
    lineage = h.lineage(session)
    assert [each.session_id for each in lineage.forks] == [made.session_id]
    assert h.lineage(made.session_id).origins[0].session_id == parent.session_id


def test_a_fork_of_a_fork_outlives_a_rewind_of_both(
    h: hansard.Hansard, heard: list[RecordedEvent]
) -> None:
    session, started = session_of(heard), position_of(heard, "task.started")
    first = h.fork(session, reason="one").session_id
    assert first is not None
    second = h.fork(first, reason="two").session_id
    assert second is not None
    whole = h.session(second)

    h.rewind(session, started, reason="back")
    h.resume(session)

    assert h.session(second) == whole
    assert [each.session_id for each in h.lineage(second).origins] == [
        first,
        whole_parent(h, first),
    ]
    with pytest.raises(NotFoundError, match="opened after position"):
        h.session(second, at=started)


def whole_parent(h: hansard.Hansard, fork: object) -> object:
    return h.lineage(str(fork)).origins[0].session_id


def test_a_file_that_changed_since_is_named_and_not_copied(
    h: hansard.Hansard, heard: list[RecordedEvent], tmp_path: Path
) -> None:
    parent = h.session(session_of(heard))
    changed, *_ = parent.artefacts
    (Path(parent.output_folder) / changed.path).write_text("something else")

    made = h.fork(parent.session_id, reason="again", output=tmp_path / "other")

    assert made.missing == (changed.path,)
    assert not (tmp_path / "other" / changed.path).exists()


def test_a_dry_run_leaves_neither_events_nor_files(
    h: hansard.Hansard, heard: list[RecordedEvent], tmp_path: Path
) -> None:
    session, last = session_of(heard), h._inner._house.log.last_position()

    rewind = h.rewind(session, heard[5].position, reason="try", dry_run=True)
    fork = h.fork(session, reason="try", output=tmp_path / "other", dry_run=True)

    assert h._inner._house.log.last_position() == last
    assert not (tmp_path / "other").exists()
    assert (rewind.dry_run, fork.dry_run, fork.session_id) == (True, True, None)
    assert fork.files


def test_a_moment_is_viewed_whole(h: hansard.Hansard, heard: list[RecordedEvent]) -> None:
    session, started = session_of(heard), position_of(heard, "task.started")
    other = h.run("Draw a chart of revenue by product")

    view = h.view(session, started)
    latest = h.view(session)

    assert view.position == started
    assert view.session == h.session(session, at=started)
    assert view.organisation == h.organisation(started)
    assert {agent.handle for agent in view.organisation.agents} >= {"NOVA_001", "FIN_007"}
    assert view.similar == ()
    assert {hit["session_id"] for hit in latest.similar} == {str(other.session_id)}
    assert view.organisation.state_hash == latest.organisation.state_hash
    assert h.view(session, started, similar=0) == view


def test_a_view_holds_decisions_steps_and_what_tasks_share(
    h: hansard.Hansard, heard: list[RecordedEvent]
) -> None:
    view = h.session(session_of(heard))
    done: list[TaskView] = [task for task in view.tasks if task.status is TaskStatus.COMPLETED]

    assert all(task.decisions for task in done)
    assert all(task.steps for task in done)
    assert set(view.shared_context) == {task.key for task in done}
    assert view.policy.confidence_threshold == 0.3


@pytest.mark.parametrize("moment", ["2026-10-03T12:00:00", "yesterday", -1])
def test_what_is_no_moment_changes_nothing(
    h: hansard.Hansard, heard: list[RecordedEvent], moment: str | int
) -> None:
    last = h._inner._house.log.last_position()

    with pytest.raises(BadRequestError):
        h.rewind(session_of(heard), moment, reason="back")
    with pytest.raises(BadRequestError):
        h.fork(session_of(heard), moment, reason="again")
    with pytest.raises(ConflictError, match="never rewound"):
        h.undo(session_of(heard), reason="back")
    assert h._inner._house.log.last_position() == last
