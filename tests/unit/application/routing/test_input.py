"""A12: input goes to the agent that is named, to the best of all, or to the one in charge."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from application.directory import Directory, load_directory
from application.errors import (
    BadRequestError,
    ConflictError,
    InactiveAgentError,
    NoActiveAgentError,
    NotFoundError,
)
from application.fold import SessionFold
from application.registration import deactivate_agent, put_in_charge, remove_agent
from application.routing.gathering import EvidenceSources
from application.routing.input import (
    DIRECT,
    ROUTED,
    everybody,
    skills_named,
    workflow_for_input,
)
from domain.agent import Level
from domain.routing import NAMED, SIMILARITY
from domain.session import SessionStatus
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import IMPATIENT, Office, charter, packaged_directory, staffed_log
from tests.support.replaying import verified
from tests.support.routing import ScriptedSimilarity, decisions, routed_office
from tests.support.scripted import CountingIds, SteadyClock, submit

IDS, CLOCK = CountingIds(50_000), SteadyClock()


def switched(handle: str, *, log: InMemoryEventLog | None = None) -> Directory:
    log = log or staffed_log()
    put_in_charge(log, IDS, CLOCK, handle)
    return load_directory(log)


def run(it: Office, directory: Directory, **who: str) -> SessionFold:
    opened = charter(policy=IMPATIENT).model_copy(
        update={"workflow": workflow_for_input(directory, "Draw charts", **who)}
    )
    sessions = replace(it.sessions, evidence=EvidenceSources(lambda: ScriptedSimilarity("charts")))
    return asyncio.run(sessions.run(opened, it.heard.append))


def test_nova_is_in_charge_until_another_agent_is_and_hands_requests_down_the_hierarchy() -> None:
    directory = packaged_directory()

    assert directory.agent_in_charge.handle == "NOVA_001"
    assert workflow_for_input(directory, "Hello") is None
    assert workflow_for_input(directory, "Hello", agent="NOVA_001") is None


def test_switching_is_recorded_once_and_a_request_then_goes_to_who_is_in_charge() -> None:
    log = staffed_log()
    for _ in range(2):
        directory = switched("FIN_007", log=log)

    (event,) = log.read(types=("organisation.agent_put_in_charge",))
    workflow = workflow_for_input(directory, "Hello")
    assert event.event.handle == "FIN_007"  # type: ignore[attr-defined] # the library's events
    assert directory.agent_in_charge.handle == "FIN_007"
    assert workflow is not None
    assert (workflow.name, workflow.procedure.coordinator) == (DIRECT, "FIN_007")


def test_past_requests_knew_who_was_in_charge_then() -> None:
    log = staffed_log()
    before = log.last_position()
    put_in_charge(log, IDS, CLOCK, "FIN_007")

    assert load_directory(log, before).agent_in_charge.handle == "NOVA_001"


def test_when_who_is_in_charge_leaves_nova_takes_over() -> None:
    log = staffed_log()
    switched("FIN_007", log=log)
    remove_agent(log, IDS, CLOCK, "FIN_007", "moved on")

    assert load_directory(log).agent_in_charge.handle == "NOVA_001"


def test_who_takes_no_work_is_put_in_charge_of_none_and_is_told_apart_from_who_is_unknown() -> None:
    """A10: an unknown agent and an inactive one are distinct errors."""
    log = staffed_log()
    deactivate_agent(log, IDS, CLOCK, "FIN_007", "on leave")
    directory = load_directory(log)

    with pytest.raises(InactiveAgentError, match="'FIN_007' is not active: `hansard agents acti"):
        put_in_charge(log, IDS, CLOCK, "FIN_007")
    with pytest.raises(InactiveAgentError):
        workflow_for_input(directory, "Hello", agent="FIN_007")
    with pytest.raises(NotFoundError, match="No agent 'FIN_999' is known"):
        workflow_for_input(directory, "Hello", agent="FIN_999")
    with pytest.raises(NotFoundError):
        put_in_charge(log, IDS, CLOCK, "FIN_999")


def test_a_request_is_refused_while_who_is_in_charge_takes_no_work() -> None:
    log = staffed_log()
    switched("FIN_007", log=log)
    deactivate_agent(log, IDS, CLOCK, "FIN_007", "on leave")

    with pytest.raises(InactiveAgentError):
        workflow_for_input(load_directory(log), "Hello")


def test_without_an_active_specialist_routing_is_a_clear_error() -> None:
    """A11: no active agent is a clear error."""
    directory = packaged_directory()
    leading = {
        handle: agent
        for handle, agent in directory.agents.items()
        if agent.post.level is not Level.SPECIALIST
    }

    with pytest.raises(NoActiveAgentError, match="No agent of the organisation is active") as error:
        workflow_for_input(replace(directory, agents=leading), "Hello", routing=SIMILARITY)
    assert isinstance(error.value, ConflictError)


def test_an_unknown_strategy_is_refused_before_anything_runs() -> None:
    with pytest.raises(BadRequestError, match="did you mean 'similarity'"):
        workflow_for_input(packaged_directory(), "Hello", routing="similarty")


def test_a_request_names_skills_by_all_their_words() -> None:
    directory = packaged_directory()

    assert skills_named(directory, "Charts of DATA extraction, please") == (
        *("charts", "data", "data_extraction"),
    )
    assert skills_named(directory, "Hello") == ()


def test_an_agent_that_is_named_does_the_request_alone() -> None:
    it = routed_office(script={"request": [submit("Drawn.")]})

    fold = run(it, packaged_directory(), agent="ANA_007")

    assert (fold.session.status, fold.session.answer) == (SessionStatus.COMPLETED, "Drawn.")
    (decision,) = decisions(fold, "request")[:1]
    assert (decision.strategy, decision.chosen) == (NAMED, "ANA_007")
    assert {task.holder for task in fold.tasks} == {"ANA_007"}
    assert not verified(it.log, fold.session_id).differences


def test_a_request_that_is_routed_goes_to_the_best_of_all_specialists() -> None:
    it = routed_office(script={"request": [submit("Drawn.")]})

    fold = run(it, packaged_directory(), routing=SIMILARITY)

    (task,) = fold.planned
    (delegation,) = task.delegations
    assert fold.session.charter.workflow is not None
    assert fold.session.charter.workflow.name == ROUTED
    assert len(delegation.decision.candidates) == len(everybody(packaged_directory())) == 103
    assert task.holder == "ANA_007"
    assert not verified(it.log, fold.session_id).differences


def test_a_routed_request_that_nobody_fits_is_not_given_to_anybody() -> None:
    it = routed_office()
    opened = workflow_for_input(packaged_directory(), "Hum", routing="rules")
    chartered = charter("Hum", IMPATIENT).model_copy(update={"workflow": opened})

    fold = asyncio.run(it.sessions.run(chartered, it.heard.append))

    (task,) = fold.planned
    assert fold.session.status is SessionStatus.FAILED
    assert task.unplaced is not None
    assert task.unplaced.reason.startswith("Nobody fits no particular skill")
