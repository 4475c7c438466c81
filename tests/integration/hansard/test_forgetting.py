"""Forgetting a subject takes every word of it, changes no event, and leaves the rest auditable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import hansard
from application.errors import (
    BadRequestError,
    ConflictError,
    IntegrityError,
    NotFoundError,
    UnavailableError,
)
from application.ports import Entry
from application.views import SessionView
from domain.effect import ToolAnswer
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.subject import Subject, subject_stream
from infrastructure.database import Connection, connect
from infrastructure.erasure.errors import SubjectForgottenError
from tests.support.database_contents import files_with, relations_with
from tests.support.processes import PATIENCE_S

SUBJECT = "customer-42"
MARKER = "quokkabert"
"""Stands in the request, in names of files and folders, in the data, and so in all that follows."""

LEDGER = f"""date,customer,amount
2026-10-05,{MARKER},120.50
2026-11-07,{MARKER},80.25
2026-12-11,other,310.00
"""
REQUEST = f"Report on the amounts of {MARKER} in {MARKER}.csv with charts"


@dataclass(frozen=True)
class Past:
    """A session of the subject, and one of nobody, as they were before anything was forgotten."""

    view: SessionView
    heard: list[RecordedEvent]
    other: SessionView


@pytest.fixture
def h(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[hansard.Hansard]:
    monkeypatch.setattr("infrastructure.erasure.traces.PATIENCE_S", PATIENCE_S)
    home = tmp_path / "home"
    with hansard.open(database_url=database_url, output_root=tmp_path / "o", home=home) as opened:
        yield opened


@pytest.fixture
def past(h: hansard.Hansard, tmp_path: Path) -> Past:
    ledger = tmp_path / f"{MARKER}.csv"
    ledger.write_text(LEDGER, encoding="utf-8")
    heard: list[RecordedEvent] = []
    view = h.run(
        REQUEST,
        [ledger],
        output=tmp_path / f"of-{MARKER}",
        subject=SUBJECT,
        on_event=heard.append,
    )
    assert view.status is SessionStatus.COMPLETED, view.answer
    assert MARKER in view.model_dump_json()
    other = h.run("What is 6 * 7?")
    h.sessions()  # brings the read models up to date
    return Past(view, heard, other)


def events_of(connection: Connection) -> list[Any]:
    return connection.execute("SELECT * FROM hansard.events ORDER BY position").fetchall()


def test_while_the_key_exists_everything_can_be_read(h: hansard.Hansard, past: Past) -> None:
    assert h.session(past.view.session_id) == past.view
    assert [MARKER in summary.request for summary in h.sessions().items] == [False, True]


def test_no_event_holds_a_word_even_before(connection: Connection, past: Past) -> None:
    found = relations_with(connection, MARKER)

    assert found
    assert [name for name in found if not name.startswith("hansard_read.")] == []
    assert "hansard_read.turns_by_words" in files_with(connection, MARKER)


def test_afterwards_the_word_is_in_no_table_and_in_no_file_of_one(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    view = h.forget(SUBJECT, reason="The customer asked for it.")

    assert relations_with(connection, MARKER) == []
    assert view.unswept == ()
    assert files_with(connection, MARKER) == []
    assert [session.session_id for session in view.sessions] == [past.view.session_id]
    assert view.rows["conversation_history"] == len(past.view.turns)


def test_no_event_changes_and_one_is_added(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    before = events_of(connection)

    h.forget(SUBJECT, reason="The customer asked for it.")

    after = events_of(connection)
    assert after[:-1] == before
    [(kind, stream, payload)] = connection.execute(
        "SELECT type, stream, payload FROM hansard.event_log ORDER BY position DESC LIMIT 1"
    ).fetchall()
    assert (kind, stream) == ("subject.forgotten", subject_stream(SUBJECT))
    assert payload == {"subject": SUBJECT, "reason": "The customer asked for it."}


def test_afterwards_all_but_the_words_can_be_audited(h: hansard.Hansard, past: Past) -> None:
    decisions = h.audit(past.view.session_id).items
    stats = h.stats()
    summary = h.sessions().items[1]
    h.forget(SUBJECT, reason="asked")

    left = h.session(past.view.session_id)
    assert MARKER not in left.model_dump_json()
    assert left.request == left.answer == "[erased]"
    assert skeleton(left) == skeleton(past.view)
    for before, after in zip(decisions, h.audit(past.view.session_id).items, strict=True):
        assert after.reason == after.task_title == "[erased]"
        words = {"reason", "task_title", "outcome_detail"}
        assert after.model_dump(exclude=words) == before.model_dump(exclude=words)
    assert h.stats().items == stats.items
    assert h.sessions().items[1] == summary.model_copy(
        update={"request": "[erased]", "answer": "[erased]"}
    )


def skeleton(view: SessionView) -> Any:
    """Give what erasure leaves of a session."""
    tasks = {"title", "instruction", "result", "failure", "pending"}
    tasks |= {"decisions", "steps", "failed_attempts"}
    shown = view.model_dump(
        exclude={
            "request": True,
            "intent": {"goal", "reason"},
            "output_folder": True,
            "answer": True,
            "state_hash": True,
            "shared_context": True,
            "input_files": {"__all__": {"name", "path"}},
            "artefacts": {"__all__": {"path", "title"}},
            "turns": {"__all__": {"text"}},
            "tasks": {"__all__": tasks},
        }
    )
    assert shown["tasks"]
    assert shown["artefacts"]
    return shown


def test_afterwards_no_past_moment_shows_a_word(h: hansard.Hansard, past: Past) -> None:
    h.forget(SUBJECT, reason="asked")

    for recorded in past.heard:
        view = h.session(past.view.session_id, at=recorded.position)
        assert MARKER not in view.model_dump_json()
        assert view.position == recorded.position
    for task in past.view.tasks:
        assert MARKER not in h.why(task.task_id).model_dump_json()


def test_read_models_are_left_as_a_rebuild_would_leave_them(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    h.forget(SUBJECT, reason="asked")
    h.sessions()
    cleared = read_models(connection)

    connection.execute("UPDATE hansard_read.projection_positions SET version = 0")  # outdated
    h.sessions()

    assert read_models(connection) == cleared


def read_models(connection: Connection) -> dict[str, list[Any]]:
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'hansard_read'"
        " AND tablename <> 'projection_positions'"
    ).fetchall()
    return {
        name: connection.execute(
            f"SELECT to_jsonb(t) FROM hansard_read.{name} AS t ORDER BY t::text"  # noqa: S608 - of our schema  # type: ignore[arg-type]
        ).fetchall()
        for (name,) in tables
    }


def test_other_sessions_stay_as_they_are(h: hansard.Hansard, past: Past) -> None:
    h.forget(SUBJECT, reason="asked")

    assert h.session(past.other.session_id) == past.other


def test_nothing_is_recorded_for_a_forgotten_subject(
    h: hansard.Hansard, past: Past, tmp_path: Path
) -> None:
    h.forget(SUBJECT, reason="asked")

    with pytest.raises(SubjectForgottenError, match=SUBJECT):
        h.run("What is 6 * 7?", subject=SUBJECT, output=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    assert len(h.sessions().items) == 2


def test_to_forget_twice_changes_nothing_more(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    first = h.forget(SUBJECT, reason="asked")
    events = events_of(connection)

    second = h.forget(SUBJECT, reason="asked again")

    assert events_of(connection) == events
    assert second.forgotten_at == first.forgotten_at
    assert [it.session_id for it in second.sessions] == [it.session_id for it in first.sessions]
    assert second.files == ()


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    events, rows = events_of(connection), read_models(connection)

    seen = h.forget(SUBJECT, dry_run=True)

    assert seen.forgotten_at is None
    assert (events_of(connection), read_models(connection)) == (events, rows)
    written = {str(Path(past.view.output_folder) / it.path) for it in past.view.artefacts}
    assert written <= set(seen.files)
    assert all(Path(file).is_file() for file in seen.files)
    done = h.forget(SUBJECT, reason="asked")
    assert (done.rows, done.files) == (seen.rows, seen.files)
    assert h.session(past.view.session_id).answer == "[erased]"


def test_an_unknown_subject_is_not_found(h: hansard.Hansard) -> None:
    with pytest.raises(NotFoundError, match="No subject 'nobody'"):
        h.forget("nobody", reason="asked")
    with pytest.raises(NotFoundError, match="No subject 'nobody'"):
        h.forget("nobody", dry_run=True)


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_nothing_is_forgotten(h: hansard.Hansard, past: Past, reason: str) -> None:
    with pytest.raises(BadRequestError, match="reason"):
        h.forget(SUBJECT, reason=reason)
    assert h.session(past.view.session_id) == past.view


@pytest.mark.parametrize("name", ["", "anna@example.org", "Anna Schmidt", "-x", "x" * 201, "x\n"])
def test_a_name_that_could_name_somebody_is_refused(h: hansard.Hansard, name: str) -> None:
    with pytest.raises(BadRequestError, match="cannot name a subject"):
        h.run("What is 6 * 7?", subject=name)
    assert h.sessions().items == ()


def lose(recorded: RecordedEvent) -> None:
    """Lose the process of a session that was just understood."""
    if recorded.type == "session.interpreted":
        raise InterruptedError


def test_a_subject_with_an_unfinished_session_is_not_forgotten(
    h: hansard.Hansard, tmp_path: Path, connection: Connection
) -> None:
    with pytest.raises(InterruptedError):
        h.run("What is 6 * 7?", subject=SUBJECT, on_event=lose)
    [session_id] = h.unfinished()

    with pytest.raises(ConflictError, match=str(session_id)):
        h.forget(SUBJECT, reason="asked")
    assert h.session(session_id).request == "What is 6 * 7?"

    h.cancel(session_id, "to be forgotten")
    h.forget(SUBJECT, reason="asked")
    left = h.session(session_id)
    assert (left.status, left.request, left.answer) == ("cancelled", "[erased]", "[erased]")


def test_a_session_of_a_subject_goes_on_in_another_process(
    h: hansard.Hansard, database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedError):
        h.run("What is 6 * 7?", subject=SUBJECT, on_event=lose)
    [session_id] = h.unfinished()

    with hansard.open(database_url=database_url, home=tmp_path / "home") as again:
        view = again.resume(session_id)

    assert view.status is SessionStatus.COMPLETED
    assert "42" in view.answer


def test_without_the_key_file_nothing_is_written_or_read(
    h: hansard.Hansard, past: Past, database_url: str, tmp_path: Path, connection: Connection
) -> None:
    events = events_of(connection)

    with hansard.open(database_url=database_url, home=tmp_path / "elsewhere") as lost:
        with pytest.raises(UnavailableError, match=r"is missing.*HANSARD_SUBJECT_KEY_FILE"):
            lost.run("What is 6 * 7?", subject="customer-43", output=tmp_path / "refused")
        with pytest.raises(UnavailableError, match="is missing"):
            lost.session(past.view.session_id)
        assert lost.session(past.other.session_id) == past.other

    assert not (tmp_path / "elsewhere" / "keys" / "subjects.key").exists()
    assert not (tmp_path / "refused").exists()
    assert events_of(connection) == events


def test_what_a_subject_said_is_found_by_nobody_else(h: hansard.Hansard, past: Past) -> None:
    ask = f"What did we say earlier about {MARKER}?"

    own = h.run(ask, subject=SUBJECT)
    foreign = h.run(ask, subject="customer-43")
    nobody = h.run(ask)

    assert MARKER in found_by(own, h)
    assert MARKER not in found_by(foreign, h)
    assert MARKER not in found_by(nobody, h)


def found_by(view: SessionView, h: hansard.Hansard) -> str:
    """Give what the search for past conversations answered in a session."""
    steps = [
        step for task in h._inner._house.sessions.fold(view.session_id).tasks for step in task.steps
    ]
    answers = [step.answer for step in steps if isinstance(step.answer, ToolAnswer)]
    assert answers
    return "".join(answer.model_dump_json() for answer in answers)


def test_the_database_itself_refuses_what_comes_too_late(
    h: hansard.Hansard, past: Past, database_url: str, tmp_path: Path
) -> None:
    with hansard.open(database_url=database_url, home=tmp_path / "home") as late:
        late.run("What is 6 * 7?", subject="customer-44")
        house = late._inner._house
        key = house._vault.key_to_seal("customer-44")
        h.forget("customer-44", reason="asked")
        house._vault._keys["customer-44"] = (float("inf"), key)  # as if it had just been asked for

        with pytest.raises(SubjectForgottenError, match="customer-44"):
            late.run("What is 7 * 7?", subject="customer-44")


def test_who_forgot_and_why_is_kept(h: hansard.Hansard, past: Past) -> None:
    h.forget(SUBJECT, reason=" asked ")

    forgotten = h._inner._house.log.load(Subject, subject_stream(SUBJECT))
    assert (forgotten.subject, forgotten.reason) == (SUBJECT, "asked")


def test_a_destroyed_key_cannot_come_back(
    h: hansard.Hansard, past: Past, connection: Connection, database_url: str
) -> None:
    [row] = connection.execute("SELECT * FROM hansard.subject_keys").fetchall()
    h.forget(SUBJECT, reason="asked")

    with pytest.raises(Exception, match="that is final"), connect(database_url) as other:
        other.execute(
            "UPDATE hansard.subject_keys SET wrapped_key = %s, master_key = %s,"
            " destroyed_at = NULL",
            (row[1], row[2]),
        )
    with pytest.raises(Exception, match="that is final"), connect(database_url) as other:
        other.execute("DELETE FROM hansard.subject_keys")


def test_what_a_stopped_read_model_says_of_its_failure_goes_too(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    connection.execute(
        "UPDATE hansard_read.projection_positions SET failed_position = position + 1, error = %s",
        (f"ValueError: {MARKER}",),
    )

    h.forget(SUBJECT, reason="asked")

    assert relations_with(connection, MARKER) == []
    left = connection.execute(
        "SELECT DISTINCT failed_position, error FROM hansard_read.projection_positions"
    ).fetchall()
    assert left == [(None, None)]


def test_a_table_that_is_in_use_is_named_and_swept_the_next_time(
    h: hansard.Hansard, past: Past, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.erasure.traces.PATIENCE_S", 0.2)
    with connection.transaction():
        connection.execute("SELECT FROM hansard_read.turns")  # holds a lock until the end
        view = h.forget(SUBJECT, reason="asked")
    assert "hansard_read.turns" in view.unswept
    assert relations_with(connection, MARKER) == []

    monkeypatch.setattr("infrastructure.erasure.traces.PATIENCE_S", PATIENCE_S)
    assert h.forget(SUBJECT, reason="asked").unswept == ()
    assert files_with(connection, MARKER) == []


def test_while_somebody_can_still_see_the_past_nothing_counts_as_swept(
    h: hansard.Hansard, past: Past, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.erasure.traces.PATIENCE_S", 0.2)
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    connection.execute("SELECT 1")
    view = h.forget(SUBJECT, reason="asked")
    connection.execute("COMMIT")
    assert {"hansard.subject_keys", "hansard_read.turns"} <= set(view.unswept)

    monkeypatch.setattr("infrastructure.erasure.traces.PATIENCE_S", PATIENCE_S)
    assert h.forget(SUBJECT, reason="asked").unswept == ()
    assert files_with(connection, MARKER) == []


def test_large_tables_are_not_rewritten_and_are_named(
    h: hansard.Hansard, past: Past, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.erasure.traces.SMALL_BYTES", 0)

    view = h.forget(SUBJECT, reason="asked")

    assert {"hansard.subject_keys", "hansard_read.turns"} <= set(view.unswept)
    assert relations_with(connection, MARKER) == []


def test_snapshots_of_a_subjects_streams_are_deleted(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    for stream in (past.view.session_id, past.other.session_id):
        connection.execute(
            "INSERT INTO hansard.snapshots (log, stream, version, event_id, fingerprint, digest,"
            " taken_at, state) VALUES (1, %s, 1, %s, '', '', now(), %s)",
            (stream, stream, MARKER.encode()),
        )

    assert h.forget(SUBJECT, dry_run=True).snapshots == 1
    assert h.forget(SUBJECT, reason="asked").snapshots == 1

    left = connection.execute("SELECT stream FROM hansard.snapshots").fetchall()
    assert left == [(past.other.session_id,)]


def test_the_librarys_notifications_of_sealed_events_can_be_read(
    h: hansard.Hansard, past: Past
) -> None:
    log = h._inner._house.log
    notifications = log._recorder.select_notifications(past.heard[0].position, 5)

    events = [log._mapper.to_domain_event(it) for it in notifications]

    assert events == [it.event for it in past.heard[:5]]


def test_an_append_of_sealed_events_can_be_repeated(h: hansard.Hansard, past: Past) -> None:
    log = h._inner._house.log
    recorded = list(log.read(session_id=past.view.session_id))
    entries = [Entry(it.event, it.envelope) for it in recorded]

    assert list(log.append(entries)) == recorded


def test_a_changed_event_of_a_subject_is_named(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    connection.execute("SET session_replication_role = replica")
    connection.execute("ALTER TABLE hansard.events DISABLE TRIGGER ALL")
    [(partition,)] = connection.execute("SELECT name FROM hansard.partitions").fetchall()
    connection.execute(f"ALTER TABLE {partition} DISABLE TRIGGER ALL")
    turns = [it for it in past.heard if it.type == "conversation.turn_taken"]
    connection.execute(
        "UPDATE hansard.events SET payload = (SELECT payload FROM hansard.events"
        " WHERE position = %s) WHERE position = %s",
        (turns[0].position, turns[1].position),
    )

    with pytest.raises(IntegrityError, match=rf"at position {turns[1].position}\b") as caught:
        h.session(past.view.session_id)
    assert caught.value.position == turns[1].position


def test_what_was_signed_before_still_proves_what_is_there(
    h: hansard.Hansard, past: Past, tmp_path: Path
) -> None:
    before = h.verify()
    bundle = tmp_path / "before.json"
    h.export_proof(past.view.session_id, bundle)
    assert before.is_intact

    h.forget(SUBJECT, reason="asked")

    after = h.verify(since=before.covered) if before.covered else h.verify()
    assert after.is_intact
    assert after.position == before.position + 1
    assert h.verify(past.view.session_id).is_intact
    h.export_proof(past.view.session_id, tmp_path / "after.json")
    assert MARKER not in bundle.read_text(encoding="utf-8").lower()


def test_forks_of_a_session_are_forgotten_with_it(
    h: hansard.Hansard, past: Past, connection: Connection
) -> None:
    session_id = past.view.session_id
    planned = next(each.position for each in past.heard if each.type == "task.decomposed")
    fork = h.fork(session_id, planned, reason="to try again")
    assert fork.session_id is not None
    with pytest.raises(ConflictError, match=str(fork.session_id)):
        h.forget(SUBJECT, reason="asked")
    assert h.resume(fork.session_id).status is SessionStatus.COMPLETED
    ended = h.fork(session_id, reason="nothing is left to do")
    h.rewind(session_id, planned, reason="to look again")
    h.undo(session_id, reason="it was right")
    assert len(h.sessions(text=MARKER).items) == 3

    view = h.forget(SUBJECT, reason="asked")

    concerned = {session.session_id for session in view.sessions}
    assert concerned == {session_id, fork.session_id, ended.session_id}
    assert len(concerned) == 3
    assert relations_with(connection, MARKER) == []
    assert files_with(connection, MARKER) == []
    for each in concerned:
        assert MARKER not in h.session(each).model_dump_json()
        assert {turn.text for turn in h.turns(each).items} == {"[erased]"}
    answers = {summary.answer for summary in h.sessions().items}
    assert answers == {"[erased]", past.other.answer.partition("\n")[0]}
