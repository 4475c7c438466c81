"""Sessions: a request runs from the first word to the answer, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from application.errors import ConflictError, NotFoundError
from application.fold import SessionFold
from application.registration import deactivate_agent
from application.views import session_view
from domain.conversation import USER
from domain.session import SessionStatus
from domain.task import Task, TaskStatus
from tests.support.office import Q4_PLAN, REQUEST, Office, charter, office
from tests.support.scripted import ScriptedModel


def by_key(fold: SessionFold) -> dict[str, Task]:
    return {task.assignment.key: task for task in fold.planned}


def test_the_q4_report_runs_from_the_request_to_the_answer() -> None:
    it = office(together=("metrics", "charts"))

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    assert fold.session.answer == "Here is your report: revenue is 60."
    assert {artefact.path for artefact in fold.session.artefacts} == {"chart.svg", "report.md"}
    assert [task.status for task in fold.tasks] == [TaskStatus.COMPLETED] * 5
    assert [turn.speaker for turn in fold.conversation.turns] == [USER, "NOVA_001"]
    assert [turn.text for turn in fold.conversation.turns] == [REQUEST, fold.session.answer]


def test_the_hierarchy_brings_each_task_to_its_specialist() -> None:
    fold = office().run()

    paths = {
        key: [delegation.to_agent for delegation in task.delegations]
        for key, task in by_key(fold).items()
    }
    assert paths == {
        "extract": ["DIR_FINANCE", "FIN_007"],
        "metrics": ["DIR_ANALYTICS", "ANA_003"],
        "charts": ["DIR_CREATIVE", "DIR_ANALYTICS", "ANA_007"],
        "report": ["DIR_FINANCE", "FIN_007"],
    }
    assert [delegation.to_agent for delegation in fold.root.delegations] == ["MM_001"]


def test_a_task_starts_after_all_it_depends_on_and_sees_their_results() -> None:
    it = office()
    it.run()

    completed = {
        recorded.event.originator_id: recorded.position for recorded in it.events("task.completed")
    }
    fold = SessionFold.of(it.events())
    for recorded in it.events("task.started"):
        task = fold.task(recorded.event.originator_id)
        assert all(completed[needed] < recorded.position for needed in task.assignment.depends_on)
    brief: Any = it.model.asked("report")[0].brief
    assert [result.key for result in brief.dependencies] == ["extract", "metrics", "charts"]
    assert brief.dependencies[1].result.data == {"revenue": 60}


def test_each_agent_thinks_with_the_model_of_its_level() -> None:
    it = office()
    it.run()

    assert {request.model for request in it.model.asked("interpret")} == {"small"}
    assert {request.model for request in it.model.asked("decompose")} == {"large"}
    assert {request.model for request in it.model.asked("charts")} == {"medium"}
    assert {request.model for request in it.model.asked("present")} == {"small"}


def test_the_listener_hears_every_event_once_and_in_order() -> None:
    it = office()

    fold = it.run()

    assert it.heard == it.events()
    assert [recorded.position for recorded in it.heard] == sorted(
        {recorded.position for recorded in it.heard}
    )
    assert fold.position == it.heard[-1].position


def test_what_ran_equals_what_is_replayed() -> None:
    it = office()

    fold = it.run()

    replayed = SessionFold.of(it.events())
    assert replayed.tasks == fold.tasks
    assert (replayed.session, replayed.conversation) == (fold.session, fold.conversation)
    for task in fold.tasks:
        assert replayed.cause_of(task.id) == fold.cause_of(task.id)
    assert session_view(replayed) == session_view(fold)


def test_every_event_of_a_session_stands_in_a_complete_envelope() -> None:
    it = office()
    fold = it.run()

    seen: set[UUID] = set()
    actors = set()
    for number, recorded in enumerate(it.events()):
        envelope = recorded.envelope
        assert envelope.correlation_id == envelope.session_id == fold.session.id
        assert (envelope.causation_id is None) == (number == 0)
        assert number == 0 or envelope.causation_id in seen
        seen.add(envelope.event_id)
        actors.add(envelope.actor)
    assert len(seen) == len(it.events())
    assert {USER, "NOVA_001", "MM_001", "DIR_FINANCE", "FIN_007", "ANA_003"} <= actors


def test_an_effect_is_announced_before_it_is_performed() -> None:
    it = office()
    announced: list[bool] = []

    class Watching(ScriptedModel):
        async def answer(self, request: Any) -> Any:
            calls: Any = [recorded.event for recorded in it.events("task.model_called")]
            announced.append(any(call.effect_id == request.effect_id for call in calls))
            return await super().answer(request)

    it.model = Watching(it.model.script)
    it.run()

    assert len(announced) == 11
    assert all(announced)


def test_a_session_can_be_opened_under_a_given_id() -> None:
    it, session_id = office(), UUID(int=99)

    fold = asyncio.run(it.sessions.run(charter(), it.heard.append, session_id=session_id))

    assert fold.session.id == session_id
    assert it.sessions.fold(session_id).session == fold.session


def test_a_fold_up_to_a_position_shows_the_session_as_it_was() -> None:
    it = office()
    it.run()
    planned = it.events("task.decomposed")[0].position

    fold = it.sessions.fold(it.events()[0].envelope.session_id or UUID(int=0), until=planned)

    assert fold.position == planned
    assert fold.session.status is SessionStatus.RUNNING
    assert fold.root.plan == Q4_PLAN
    assert fold.planned == []


def test_an_unknown_session_is_not_found() -> None:
    with pytest.raises(NotFoundError, match=f"No session '{UUID(int=5)}' is known.*hansard sess"):
        office().sessions.fold(UUID(int=5))
    with pytest.raises(NotFoundError, match=f"No session '{UUID(int=5)}' is known"):
        office().sessions.require(UUID(int=5))


def test_only_a_session_counts_as_one() -> None:
    it = office()
    fold = it.run()

    it.sessions.require(fold.session.id)
    with pytest.raises(NotFoundError):
        it.sessions.require(fold.root.id)


def test_decisions_say_up_to_where_the_organisation_was_known() -> None:
    it = office()
    opened = it.log.last_position() + 1

    fold = it.run()

    decisions = [each.decision for task in fold.tasks for each in task.delegations]
    assert {decision.knowledge_position for decision in decisions} == {opened}
    assert fold.opened_position == opened


def test_a_session_goes_on_with_the_organisation_as_it_was_when_it_opened() -> None:
    it = office()
    session_id = it.interrupt("decompose")
    deactivate_agent(it.log, it.ids, it.clock, "FIN_007", "on leave")

    fold = it.resume(session_id)

    assert by_key(fold)["report"].holder == "FIN_007"
    assert by_key(it.run())["report"].holder == "ANA_001"


def test_a_session_is_not_found_before_it_was_opened() -> None:
    it = office()
    fold = it.run()
    before = it.events()[0].position - 1

    with pytest.raises(NotFoundError, match=f"may have been opened after position {before}"):
        it.sessions.fold(fold.session.id, until=before)


def test_an_ended_session_is_left_as_it_is_when_it_is_resumed() -> None:
    it = office()
    session_id = it.run().session.id
    events = it.events()

    fold = it.resume(session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    assert it.events() == events


def test_a_session_that_somebody_runs_cannot_be_resumed_or_cancelled() -> None:
    it = office()
    session_id = it.run().session.id

    with it.lease.hold(session_id):
        with pytest.raises(ConflictError):
            it.resume(session_id)
        with pytest.raises(ConflictError):
            asyncio.run(it.sessions.cancel(session_id, "stop", it.heard.append))


def test_a_session_holds_its_lease_while_it_runs_and_frees_it_after() -> None:
    it = office()
    refused: list[bool] = []

    class Nosy(ScriptedModel):
        async def answer(self, request: Any) -> Any:
            session_id = it.events()[0].envelope.session_id
            assert session_id is not None
            try:
                it.lease.hold(session_id).__enter__()
            except ConflictError:
                refused.append(True)
            return await super().answer(request)

    it.model = Nosy(it.model.script)
    fold = it.run()

    assert len(refused) == 11
    with it.lease.hold(fold.session.id):
        assert fold.session.status is SessionStatus.COMPLETED


def test_fifty_sessions_at_once_all_complete() -> None:
    it = office()

    async def run_all() -> list[SessionFold]:
        runs = [it.sessions.run(charter(f"Report {n}"), it.heard.append) for n in range(50)]
        return await asyncio.gather(*runs)

    folds = asyncio.run(run_all())

    assert {fold.session.status for fold in folds} == {SessionStatus.COMPLETED}
    assert len({fold.session.id for fold in folds}) == 50
    ends = Counter(recorded.envelope.session_id for recorded in it.events("task.completed"))
    assert set(ends.values()) == {5}
    for fold in folds:
        replayed = it.sessions.fold(fold.session.id)
        assert session_view(replayed) == session_view(fold)


def cancelled_midway() -> tuple[Office, SessionFold]:
    """Interrupt a session while two tasks wait for models, then cancel it."""
    it = office()
    session_id = it.interrupt("charts")
    fold = asyncio.run(it.sessions.cancel(session_id, "Never mind.", it.heard.append))
    return it, fold


def test_a_cancelled_session_stops_all_that_had_not_ended() -> None:
    it, fold = cancelled_midway()

    assert (fold.session.status, fold.session.answer) == (SessionStatus.CANCELLED, "Never mind.")
    statuses = {key: task.status.value for key, task in by_key(fold).items()}
    assert statuses == {
        "extract": "completed",
        "metrics": "cancelled",
        "charts": "cancelled",
        "report": "cancelled",
    }
    assert fold.root.status is TaskStatus.CANCELLED
    assert {recorded.envelope.actor for recorded in it.events("session.cancelled")} == {USER}
    assert session_view(it.sessions.fold(fold.session.id)) == session_view(fold)


def test_a_cancelled_session_cannot_be_cancelled_again_nor_goes_on() -> None:
    it, fold = cancelled_midway()
    events = it.events()

    with pytest.raises(ConflictError, match="has ended already: cancelled"):
        asyncio.run(it.sessions.cancel(fold.session.id, "again", it.heard.append))
    assert it.resume(fold.session.id).session.status is SessionStatus.CANCELLED
    assert it.events() == events


def test_an_interrupted_session_is_finished_by_whoever_resumes_it() -> None:
    it = office()
    session_id = it.interrupt("extract")
    assert it.sessions.fold(session_id).session.status is SessionStatus.RUNNING

    fold = it.resume(session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    assert fold.session.resumptions == 1
    resumed: Any = it.events("session.resumed")[0].event
    first, again, *_ = it.model.asked("extract")
    assert resumed.pending_effects == (first.effect_id,) == (again.effect_id,)
    assert first == again
