"""Serving: what was asked before is answered from the record, whatever happened meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.branching import Branching
from application.what_if import (
    CallsView,
    CapabilitiesChange,
    PolicyChange,
    PromptChange,
    Recording,
)
from domain.effect import Failure, FailureKind
from domain.session import SessionStatus
from domain.task import TaskStatus
from tests.support.office import Q4_SCRIPT, Office, office
from tests.support.scripted import (
    Crash,
    CrashingLog,
    Replies,
    answer,
    call,
    intend,
    submit,
)
from tests.support.what_ifs import (
    BUSY,
    EVENTFUL,
    KeptFiles,
    Questioner,
    SilentModel,
    position_of,
    questioner,
)


@pytest.mark.parametrize("script", [None, EVENTFUL], ids=["smooth", "eventful"])
def test_a_change_that_decides_nothing_is_served_by_the_record_alone(script: Any) -> None:
    it = office(script)
    parent = it.run()
    asked = questioner(it)
    used = len(it.toolbox.requests)

    view = asked.ask(parent.session_id, PolicyChange(field="model_timeout_s", value=200))

    assert asked.model.requests == []
    assert len(it.toolbox.requests) == used
    assert view.divergence is None
    assert view.fork.status is SessionStatus.COMPLETED
    assert view.same_answer
    assert view.served == view.could_serve
    assert view.spent == CallsView()
    assert view.parent.calls == view.fork.calls
    assert not any(pair.differs for pair in view.tasks)


def test_recorded_failures_are_served_without_their_waits() -> None:
    it = office({"interpret": [[BUSY, BUSY, intend("A financial report on Q4 with charts")]]})
    parent = it.run()

    view = questioner(it).ask(parent.session_id, PolicyChange(field="retry_wait_s", value=100))

    assert view.divergence is None
    assert view.served.model_calls == view.could_serve.model_calls


def test_a_tool_whose_file_is_gone_is_used_again() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it)
    asked.files.lost.add("chart.svg")
    used = len(it.toolbox.requests)

    view = asked.ask(parent.session_id, PolicyChange(field="max_wait_s", value=60))

    assert [request.call.tool for request in it.toolbox.requests[used:]] == ["draw_chart"]
    assert asked.files.copied == ["report.md"]
    assert view.same_answer
    assert view.divergence is None


def test_without_live_models_a_tool_whose_file_is_gone_is_left_open() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it)
    asked.files.lost.add("chart.svg")
    used = len(it.toolbox.requests)

    view = asked.ask(parent.session_id, PolicyChange(field="max_wait_s", value=60), stops=True)

    assert it.toolbox.requests[used:] == []
    assert view.stopped


def test_without_live_models_it_goes_as_far_as_the_record_and_can_go_on() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it)

    change = PromptChange(agent="ANA_003", description="Be brief.")
    view = asked.ask(parent.session_id, change, stops=True)

    assert asked.model.requests == []
    assert view.stopped
    assert view.fork.status is SessionStatus.RUNNING
    assert view.divergence is not None
    assert view.divergence.task_key == "metrics"
    # What does not build on the metrics is served to its end.
    statuses = {pair.key: pair.fork.status for pair in view.tasks if pair.fork is not None}
    assert (statuses["charts"], statuses["metrics"]) == (TaskStatus.COMPLETED, TaskStatus.STARTED)
    assert not any(pair.differs for pair in view.tasks if pair.key in {"extract", "report"})
    assert view.session_id is not None
    ended = resumed(it, asked, view.session_id, Q4_SCRIPT)
    assert ended.session.status is SessionStatus.COMPLETED
    assert {request.brief.agent.handle for request in it.model.requests[-2:]} == {"ANA_003"}


def resumed(it: Office, asked: Questioner, session_id: UUID, script: Any = None) -> Any:
    """Resume a what-if as `hansard resume` does."""
    before = len(it.model.requests)
    recording = Recording(it.log, asked.files)
    sessions = replace(it.sessions, choose=recording)
    fold = asyncio.run(sessions.resume(session_id, it.heard.append))
    if script is None:
        assert len(it.model.requests) == before
    return fold


def test_a_dry_run_appends_nothing_and_knows_what_would_differ_first() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)
    change = CapabilitiesChange(agent="ANA_003", remove_tools=("query_table",))
    events, used = len(it.log.events), len(it.toolbox.requests)

    tried = asked.ask(parent.session_id, change, dry_run=True)

    assert (len(it.log.events), len(it.toolbox.requests)) == (events, used)
    assert asked.model.requests == []
    assert asked.files.copied == []
    assert (tried.dry_run, tried.session_id, tried.output_folder) == (True, None, None)
    made = asked.ask(parent.session_id, change)
    assert tried.divergence is not None
    assert made.divergence is not None
    assert tried.divergence.fork_position is None
    assert tried.divergence == made.divergence.model_copy(update={"fork_position": None})
    assert tried.could_serve == made.could_serve


def test_a_dry_run_in_which_nothing_differs_tells_the_whole_outcome() -> None:
    it = office(EVENTFUL)
    parent = it.run()

    change = PolicyChange(field="max_wait_s", value=60)
    view = questioner(it).ask(parent.session_id, change, dry_run=True)

    assert not view.stopped
    assert view.divergence is None
    assert view.served == view.could_serve
    assert view.same_answer


@pytest.mark.parametrize("recorded", [False, True], ids=["before", "after"])
def test_a_what_if_whose_process_died_around_any_append_is_finished_from_the_record(
    *, recorded: bool
) -> None:
    fuse = 1
    while True:
        it = office(EVENTFUL)
        parent = it.run()
        log, asked = it.log, questioner(it)
        it.log = CrashingLog(log, fuse, recorded=recorded)
        try:
            asked.ask(parent.session_id, PolicyChange(field="max_wait_s", value=60))
        except Crash:
            it.log = log
        else:
            break
        fork = [each.event.originator_id for each in it.events("session.forked")]
        if fork:
            ended = resumed(it, asked, fork[0])
            assert ended.session.answer == parent.session.answer
            tasks = [(task.status, task.result) for task in ended.tasks]
            assert tasks == [(task.status, task.result) for task in parent.tasks]
        fuse += 1
    assert fuse > 15


def test_what_was_taken_back_later_still_serves_a_what_if_of_an_earlier_moment() -> None:
    it = office()
    parent = it.run()
    late = it.events("task.completed")[0].position
    early = position_of(it, "task.model_answered")
    branching = Branching(it.sessions, KeptFiles())
    asyncio.run(branching.rewind(parent.session_id, early, "Wrong turn."))
    asked = questioner(it)

    change = PolicyChange(field="max_wait_s", value=60)
    view = asked.ask(parent.session_id, change, at=late)

    assert asked.model.requests == []
    assert view.divergence is None
    assert view.fork.answer == parent.session.answer


def test_from_any_moment_on_all_is_served() -> None:
    it = office(EVENTFUL)
    parent = it.run()
    asked = questioner(it)
    own = [each for each in it.log.events if each.session_id == parent.session_id]

    for recorded in own[4:-1:6]:
        change = PolicyChange(field="max_wait_s", value=60)
        view = asked.ask(parent.session_id, change, at=recorded.position)
        assert view.divergence is None, recorded
        assert view.served == view.could_serve
        assert view.same_answer
    assert asked.model.requests == []


def test_a_parent_that_was_interrupted_serves_whole() -> None:
    it = office()
    parent = it.interrupt("metrics")
    it.resume(parent)

    asked = questioner(it)
    view = asked.ask(parent, PolicyChange(field="max_wait_s", value=60))

    assert asked.model.requests == []
    assert view.divergence is None
    assert view.served == view.could_serve


def replies(tools: Sequence[str]) -> st.SearchStrategy[Replies]:
    """Work on a task: tools at once, failures that pass, answers to repair, and a result."""
    using = st.lists(st.sampled_from(tools), min_size=1, max_size=3).map(
        lambda names: answer(
            *(call(name, f"c{number}", title=name) for number, name in enumerate(names))
        )
    )
    step = st.one_of(using, using.map(lambda told: [BUSY, told]), st.just(answer()))
    ended = submit("Done.", rows=3)
    return st.lists(step, max_size=3).map(lambda steps: cast("Replies", [*steps, ended]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=st.fixed_dictionaries(
        {
            key: replies(("query_table", "draw_chart", "write_document", "read_file"))
            for key in ("extract", "metrics", "charts", "report")
        }
    ),
    failing=st.booleans(),
    share=st.floats(0, 1),
)
def test_whatever_happened_is_served_from_any_moment(
    *, script: dict[str, Replies], failing: bool, share: float
) -> None:
    broken = Failure(kind=FailureKind.BAD_INPUT, message="No such table.")
    it = office(script, tools={"query_table": broken} if failing else None)
    parent = it.run()
    own = [each for each in it.log.events if each.session_id == parent.session_id]
    running = own[3 : own.index(it.events("task.decomposed")[0]) + 20]
    at = running[round(share * (len(running) - 1))].position
    asked = questioner(it)

    view = asked.ask(parent.session_id, PolicyChange(field="max_wait_s", value=60), at=at)

    assert asked.model.requests == []
    assert view.divergence is None
    assert view.served == view.could_serve
    assert view.fork.status == parent.session.status
    assert view.same_answer


def test_the_parent_is_left_as_it_was() -> None:
    it = office()
    parent = it.run()
    before = [each for each in it.log.events if each.session_id == parent.session_id]

    questioner(it).ask(parent.session_id, PolicyChange(field="max_wait_s", value=60))

    after = [each for each in it.log.events if each.session_id == parent.session_id]
    assert after == before


def test_a_silent_model_is_never_asked_when_all_is_recorded() -> None:
    it = office()
    parent = it.run()
    asked = Questioner(it, model=SilentModel())

    asked.ask(parent.session_id, PolicyChange(field="max_parallel_effects", value=1))

    assert asked.model.requests == []
