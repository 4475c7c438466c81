"""Views: a session at a moment, its decisions, and a hash that says whether two are the same."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from application.fold import SessionFold
from application.views import (
    SessionView,
    agent_view,
    decision_views,
    session_view,
    state_hash,
    task_view,
)
from domain.agent import Level
from domain.effect import Failure, FailureKind
from domain.event import RecordedEvent
from domain.policy import Policy
from domain.session import SessionStatus
from domain.task import TaskStatus
from tests.support.office import LEDGER, Q4_PLAN, REQUEST, Office, office, packaged_directory
from tests.support.scripted import answer, propose, submit


@cache
def finished() -> Office:
    it = office()
    it.run()
    return it


@cache
def unfinished_business() -> Office:
    """Run a session with repairs, retries and a failed task."""
    busy = Failure(kind=FailureKind.OVERLOADED, message="Busy.")
    it = office(
        {
            "decompose": [answer(text="Hm."), *office().model.script["decompose"]],
            "metrics": [[busy, submit("No numbers.", done=False)]],
        }
    )
    it.run()
    return it


def test_a_view_shows_the_whole_session() -> None:
    fold = SessionFold.of(finished().events())

    view = session_view(fold)

    assert (view.session_id, view.position) == (fold.session.id, fold.position)
    assert (view.status, view.request) == (SessionStatus.COMPLETED, REQUEST)
    assert view.input_files == (LEDGER,)
    assert (view.output_folder, view.policy) == ("/out", Policy(retry_wait_s=0.0))
    assert [task.key for task in view.tasks] == [
        "request", "extract", "metrics", "charts", "report",
    ]  # fmt: skip
    assert [turn.text for turn in view.turns] == [REQUEST, view.answer]
    assert [artefact.path for artefact in view.artefacts] == ["chart.svg", "report.md"]
    assert (view.model_names, view.resumptions, view.failure) == (("scripted-1",), 0, None)


def test_tokens_and_cost_add_up_over_tasks() -> None:
    view = session_view(SessionFold.of(finished().events()))

    assert [task.model_calls for task in view.tasks] == [3, 2, 2, 2, 2]
    assert [task.tool_calls for task in view.tasks] == [0, 1, 1, 1, 1]
    assert (view.input_tokens, view.output_tokens) == (110, 22)
    assert view.cost_usd == Decimal("0.011")


def test_a_task_shows_the_path_it_took_and_how_it_ended() -> None:
    fold = SessionFold.of(finished().events())
    charts = next(task for task in fold.planned if task.assignment.key == "charts")

    view = task_view(charts)

    assert view.path == ("MM_001", "DIR_CREATIVE", "DIR_ANALYTICS", "ANA_007")
    assert (view.holder, view.status) == ("ANA_007", TaskStatus.COMPLETED)
    assert view.parent_id == fold.root.id
    assert view.result == charts.result
    assert view.pending == ()


def test_a_task_that_nobody_took_yet_lies_with_who_made_it() -> None:
    events = finished().events()
    created = next(number for number, each in enumerate(events, 1) if each.type == "task.created")

    view = task_view(SessionFold.of(events[:created]).root)

    assert (view.path, view.holder, view.cost_usd) == (("NOVA_001",), "NOVA_001", Decimal(0))


@pytest.mark.parametrize("make", [finished, unfinished_business])
def test_every_event_changes_the_hash_but_the_start_of_a_conversation_nobody_spoke_in(
    make: Any,
) -> None:
    events = make().events()
    hashes = set()

    for length in range(1, len(events) + 1):
        fold = SessionFold.of(events[:length])
        view = session_view(fold)
        hashes.add(view.state_hash)
        assert view.position == events[length - 1].position
        assert view == session_view(SessionFold.of(events[:length]))
        assert SessionView.model_validate_json(view.model_dump_json()) == view
        decision_views(events[:length], fold)

    assert len(hashes) == len(events) - 1


def test_a_pending_effect_is_shown_until_it_is_answered() -> None:
    events = finished().events()
    called = next(number for number, each in enumerate(events, 1) if "called" in each.type)

    (pending,) = session_view(SessionFold.of(events[:called])).tasks[0].pending

    assert (pending.purpose, pending.attempt, pending.agent) == ("interpret", 1, "NOVA_001")
    assert session_view(SessionFold.of(events[: called + 1])).tasks[0].pending == ()


def test_the_hash_is_that_of_the_canonical_json_without_what_tells_the_place() -> None:
    view = session_view(SessionFold.of(finished().events()))
    place = {
        "state_hash",
        "session_id",
        "position",
        "origin",
        "what_if",
        "on_hold",
        "output_folder",
    }
    content = json.loads(view.model_dump_json())

    kept = {name: value for name, value in content.items() if name not in place}
    canonical = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)

    assert view.state_hash == hashlib.sha256(canonical.encode()).hexdigest()
    assert state_hash(view.model_copy(update={"state_hash": "other"})) == view.state_hash


def test_any_difference_gives_another_hash() -> None:
    view = session_view(SessionFold.of(finished().events()))

    assert state_hash(view.model_copy(update={"resumptions": 1})) != view.state_hash


def test_artefacts_are_shown_before_the_session_has_ended() -> None:
    events = finished().events()
    report = next(
        length
        for length in range(len(events), 0, -1)
        if events[length - 1].type == "task.completed"
    )
    fold = SessionFold.of(events[: report - 2])

    assert fold.session.status is SessionStatus.RUNNING
    assert "chart.svg" in {artefact.path for artefact in session_view(fold).artefacts}


def test_every_decision_is_shown_with_what_became_of_the_task() -> None:
    events = unfinished_business().events()

    views = decision_views(events, SessionFold.of(events))

    assert [view.position for view in views] == sorted(view.position for view in views)
    paths = [(view.task_key, view.from_agent, view.to_agent, view.outcome.value) for view in views]
    assert paths[0] == ("request", "NOVA_001", "MM_001", "failed")
    assert ("metrics", "DIR_ANALYTICS", "ANA_003", "failed") in paths
    assert ("charts", "DIR_CREATIVE", "DIR_ANALYTICS", "completed") in paths
    assert len(views) == 10
    by_position = {each.position: each for each in events}
    for view in views:
        assert view.event_id == by_position[view.position].envelope.event_id
        assert view.recorded_at == by_position[view.position].recorded_at


def test_a_decision_for_nobody_is_shown_with_who_had_to_decide() -> None:
    lost = Q4_PLAN.tasks[0].model_copy(
        update={"skills": ("juggling", "magic", "tricks", "statements"), "title": "J"}
    )
    it = office({"decompose": [propose(Q4_PLAN.model_copy(update={"tasks": (lost,)}))]})
    it.run()
    events: list[RecordedEvent] = it.events()

    view = decision_views(events, SessionFold.of(events))[-1]

    assert (view.from_agent, view.to_agent, view.outcome) == (
        "DIR_FINANCE", None, TaskStatus.FAILED,
    )  # fmt: skip
    assert view.decision.candidates


def test_an_agent_is_viewed_with_its_place_and_rights() -> None:
    view = agent_view(packaged_directory().agent("FIN_007"))

    assert (view.handle, view.display_name, view.level) == (
        "FIN_007", "Report Rosa", Level.SPECIALIST,
    )  # fmt: skip
    assert (view.department, view.supervisor) == ("finance", "DIR_FINANCE")
    assert view.skills == ("reporting", "statements")
    assert "write_document" in view.tools
    assert (view.active, view.max_reasoning_turns) == (True, 8)
