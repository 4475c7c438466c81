"""Divergence: what differs is asked anew, and told with the place where it first does."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from application.what_if import (
    AnswerChange,
    CapabilitiesChange,
    ModelChange,
    PolicyChange,
    PromptChange,
)
from domain.effect import Failure, FailureKind
from domain.event import RecordedEvent
from domain.policy import Policy
from domain.session import SessionStatus
from domain.task import TaskStatus
from tests.support.office import Q4_PLAN, Q4_SCRIPT, office
from tests.support.scripted import (
    Crash,
    CrashingLog,
    submit,
    use,
)
from tests.support.what_ifs import (
    BUSY,
    LATER,
    position_of,
    questioner,
)


def test_a_higher_threshold_changes_the_placement_and_nobody_is_asked_before() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it)

    view = asked.ask(parent.session_id, PolicyChange(field="confidence_threshold", value="0.86"))

    assert view.divergence is not None
    assert view.divergence.kind == "decision"
    places = {each.position for each in it.events("task.delegated")}
    assert view.divergence.position in places
    assert all(request.brief.purpose == "present" for request in asked.model.requests)
    extract = next(pair for pair in view.tasks if pair.key == "extract")
    assert extract.differs
    assert extract.fork is not None
    assert extract.fork.status is TaskStatus.FAILED
    last = extract.decisions[-1]
    assert last.parent is not None
    assert last.fork is not None
    assert "chosen" in last.differs
    assert (last.parent.decision.chosen, last.fork.decision.chosen) == ("FIN_007", None)
    assert last.fork.decision.policy_version == "1+confidence_threshold=0.86"
    assert view.reason == "What if the policy confidence_threshold were 0.86, not 0.3?"
    assert view.fork.status is SessionStatus.FAILED
    assert not view.same_answer


def test_a_tool_that_was_taken_away_is_not_allowed() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)

    change = CapabilitiesChange(agent="ANA_003", remove_tools=("query_table",))
    view = asked.ask(parent.session_id, change)

    metrics = position_of(it, "task.started", 1)
    first = asked.model.requests[0]
    assert first.brief.agent.handle == "ANA_003"
    assert view.divergence is not None
    assert (view.divergence.kind, view.divergence.task_key) == ("request", "metrics")
    assert view.divergence.position is not None
    assert view.divergence.position > metrics
    assert [each.field for each in view.divergence.differences] == [
        "agent.tools",
        "tools.query_table",
    ]
    fork = [each for each in it.events("task.tool_failed") if each.session_id == view.session_id]
    assert [failure_of(each).kind for each in fork] == [FailureKind.NOT_ALLOWED]
    # What does not depend on it is served: extract and charts; the report builds on the metrics,
    # whose result is the same.
    assert {request.brief.agent.handle for request in asked.model.requests} == {"ANA_003"}
    assert view.spent.model_calls == 2
    assert view.same_answer


def failure_of(recorded: RecordedEvent) -> Failure:
    event: Any = recorded.event
    failure: Failure = event.failure
    return failure


def test_a_tool_that_was_not_allowed_is_used_once_it_is() -> None:
    it = office({"metrics": [use("write_document", title="x"), submit("Revenue is 60.")]})
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT | dict(it.model.script))
    used = len(it.toolbox.requests)

    change = CapabilitiesChange(agent="ANA_003", add_tools=("write_document",))
    asked.ask(parent.session_id, change)

    by = [(request.agent, request.call.tool) for request in it.toolbox.requests[used:]]
    # The report builds on the metrics, and finds a file there that the parent's did not find.
    assert by == [("ANA_003", "write_document"), ("FIN_007", "write_document")]


def test_a_changed_answer_diverges_at_exactly_its_position() -> None:
    it = office()
    parent = it.run()
    (where,) = [
        each.position
        for each in it.events("task.model_answered")
        if "Revenue is 60." in str(each.event) and each.envelope.actor == "ANA_003"
    ]
    asked = questioner(it, LATER)

    changed = submit("Revenue is 61.", revenue=61).model_dump(mode="json")["tool_calls"]
    view = asked.ask(parent.session_id, AnswerChange(at=where, answer={"tool_calls": changed}))

    assert view.origin.position < where
    assert view.divergence is not None
    assert (view.divergence.kind, view.divergence.position) == ("answer", where)
    assert {request.brief.purpose for request in asked.model.requests} == {"execute", "present"}
    assert {getattr(each.brief, "task", Q4_PLAN.tasks[3]).key for each in asked.model.requests} == {
        "report"
    }
    assert view.given.model_calls == 1
    assert view.spent.model_calls == 2
    assert view.fork.answer == "Here is your report: revenue is 61."
    given = [each for each in it.events("task.model_answered") if each.envelope.actor == "USER"]
    assert [each.session_id for each in given] == [view.session_id]


def test_a_call_that_is_made_to_fail_is_tried_again_and_served() -> None:
    it = office()
    parent = it.run()
    failure = {"kind": "overloaded", "message": "Busy."}
    asked = questioner(it)

    where = position_of(it, "task.model_answered")
    view = asked.ask(parent.session_id, AnswerChange(at=where, answer={"failure": failure}))

    assert asked.model.requests == []
    assert view.same_answer
    assert view.served == view.could_serve
    assert view.fork.calls.model_calls == view.parent.calls.model_calls + 1


def test_another_answer_of_a_tool_is_seen_by_whoever_asked_for_it() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, LATER)

    where = position_of(it, "task.tool_answered")
    event_id = str(it.events("task.tool_answered")[0].envelope.event_id)
    view = asked.ask(parent.session_id, AnswerChange(at=event_id, answer={"content": [1, 2]}))

    assert view.divergence is not None
    assert view.divergence.position == where
    told = asked.model.requests[0].brief.steps[-1].answer
    assert told.content == [1, 2]


def test_a_changed_answer_is_a_patch_of_the_recorded_one() -> None:
    it = office({"extract": [use("query_table", sql="SELECT 1", limit=3), submit("Extracted.")]})
    parent = it.run()
    asked = questioner(it, LATER)

    where = position_of(it, "task.tool_answered")
    patch: Any = {"content": {"sql": None, "rows": [1]}}
    view = asked.ask(parent.session_id, AnswerChange(at=where, answer=patch))

    assert view.change.after == {"content": {"limit": 3, "rows": [1]}}


def test_another_model_is_asked_for_its_role_alone() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)

    view = asked.ask(parent.session_id, ModelChange(role="personal", model="tiny"))

    assert {request.model for request in asked.model.requests} == {"tiny"}
    assert {request.brief.purpose for request in asked.model.requests} == {"interpret", "present"}
    assert view.spent.model_calls == 2
    assert view.spent.cost_usd == Decimal("0.002")
    assert view.served.model_calls == view.could_serve.model_calls - 2
    assert view.divergence is not None
    assert [each.field for each in view.divergence.differences] == ["model"]


def test_another_description_is_another_prompt() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)

    view = asked.ask(parent.session_id, PromptChange(agent="FIN_007", description="Be brief."))

    assert {request.brief.agent.description for request in asked.model.requests} == {"Be brief."}
    assert view.divergence is not None
    assert [each.field for each in view.divergence.differences] == ["agent.description"]
    assert view.change.after == "Be brief."


def test_another_model_may_stand_in() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)

    change = ModelChange(role="personal", model="tiny")
    asked.ask(parent.session_id, change, stand_in=lambda _: "offline")

    assert {request.model for request in asked.model.requests} == {"offline"}


def test_answers_that_would_have_come_too_late_do_not_serve() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)

    change = PolicyChange(field="model_timeout_s", value=0.001)
    view = asked.ask(parent.session_id, change)

    assert len(asked.model.requests) == view.could_serve.model_calls
    assert (view.served.model_calls, view.repeated.model_calls) == (0, 0)
    assert view.served.tool_calls == view.could_serve.tool_calls
    assert view.divergence is not None
    assert view.divergence.position == position_of(it, "task.model_called")
    assert "do not fit" in view.divergence.what


def test_a_changed_answer_is_appended_together_with_the_fork() -> None:
    it = office()
    parent = it.run()
    asked, log = questioner(it), it.log
    where = position_of(it, "task.tool_answered")

    it.log = CrashingLog(log, 1, recorded=True)
    with pytest.raises(Crash):
        asked.ask(parent.session_id, AnswerChange(at=where, answer={"content": "other"}))

    assert [each.type for each in log.events[-3:]] == [
        "session.forked",
        "task.continued",
        "task.tool_answered",
    ]


def test_a_what_if_of_a_what_if_keeps_both_changes() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)
    first = asked.ask(parent.session_id, PromptChange(agent="FIN_007", description="Be brief."))
    assert first.session_id is not None
    before = len(asked.model.requests)

    second = asked.ask(first.session_id, PromptChange(agent="ANA_003", description="Be kind."))

    assert second.origin.session_id == first.session_id
    told = {each.brief.agent.description for each in asked.model.requests[before:]}
    assert told == {"Be kind."}
    assert second.same_answer
    assert second.divergence is not None
    assert second.divergence.task_key == "metrics"


def test_at_chooses_the_moment_and_what_came_before_stays() -> None:
    it = office()
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)
    at = it.events("task.completed")[0].position

    change = PromptChange(agent="FIN_007", description="Be brief.")
    view = asked.ask(parent.session_id, change, at=at)

    assert view.origin.position == at
    assert view.inherited.model_calls > 0
    assert view.divergence is not None
    assert view.divergence.task_key == "report"
    assert {each.brief.task.key for each in asked.model.requests} == {"report"}


def test_a_policy_of_one_attempt_gives_up_where_the_parent_tried_again() -> None:
    it = office({"metrics": [[BUSY, submit("Revenue is 60.")]]})
    parent = it.run(Policy(retry_wait_s=0.0))
    asked = questioner(it)

    view = asked.ask(parent.session_id, PolicyChange(field="max_attempts", value=1))

    assert view.divergence is not None
    assert view.divergence.kind == "decision"
    assert view.divergence.position == position_of(it, "task.model_failed")
    assert all(request.brief.purpose == "present" for request in asked.model.requests)


def test_where_a_parent_was_cancelled_its_what_if_goes_on() -> None:
    it = office()
    parent = it.interrupt("metrics")
    asyncio.run(it.sessions.cancel(parent, "Too slow.", it.heard.append))
    asked = questioner(it, Q4_SCRIPT)

    view = asked.ask(parent, PolicyChange(field="max_wait_s", value=60))

    asked_last = [each for each in it.events("task.model_called") if each.session_id == parent]
    assert view.divergence is not None
    assert (view.divergence.task_key, view.divergence.position) == (
        "metrics",
        asked_last[-2].position,
    )
    assert "never came" in view.divergence.what
    assert view.parent.status is SessionStatus.CANCELLED
    assert view.fork.status is SessionStatus.COMPLETED
    assert "interpret" not in {request.brief.purpose for request in asked.model.requests}
