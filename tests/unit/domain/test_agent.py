"""Agent: who joins, changes, pauses and leaves, and what each may do."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from domain.agent import Agent, AgentCapabilities, AgentIdentity, Level, Post
from domain.errors import TransitionError
from tests.support.given_when_then import AT, STREAM, Happening, given, happened, happenings, when

IDENTITY = AgentIdentity(
    agent_id=STREAM, handle="FIN_007", display_name="Report Rosa", created_at=AT
)
POST = Post(level=Level.SPECIALIST, department="finance", supervisor="DIR_FINANCE")
CAPABILITIES = AgentCapabilities(skills=("reporting", "statements"), tools=("query_table",))
REGISTERED = happened(Agent.Created, identity=IDENTITY, post=POST, capabilities=CAPABILITIES)
DEACTIVATED = happened(Agent.Deactivated, reason="on leave")
REMOVED = happened(Agent.Removed, reason="left")


def agent(*past: Happening) -> Agent:
    return given(Agent, REGISTERED, *past)


def test_a_registered_agent_is_active_under_the_id_and_time_of_its_identity() -> None:
    registered = Agent.register(IDENTITY, POST, CAPABILITIES)

    assert happenings(None, registered) == [REGISTERED]
    assert (registered.id, registered.created_on) == (STREAM, AT)
    assert registered.handle == "FIN_007"
    assert registered.active
    assert not registered.removed


def test_capabilities_tell_what_an_agent_may_use_and_can() -> None:
    assert CAPABILITIES.may_use("query_table")
    assert not CAPABILITIES.may_use("draw_chart")
    assert CAPABILITIES.has_skill("statements")
    assert not CAPABILITIES.has_skill("charts")


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent_id": "not-a-uuid"},
        {"handle": ""},
        {"handle": "lower_case"},
        {"handle": "A"},
        {"handle": "1ABC"},
        {"handle": "A" * 33},
        {"handle": "AB\n"},
        {"display_name": "  "},
        {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - the missing zone is the point
        {"nickname": "Rosie"},
    ],
)
def test_an_identity_with_an_invalid_part_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AgentIdentity.model_validate(IDENTITY.model_dump() | wrong)


def test_an_identity_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        IDENTITY.handle = "FIN_008"  # type: ignore[misc] # the error is the point


@pytest.mark.parametrize("wrong", [{"max_reasoning_turns": 0}, {"max_memory_turns": -1}])
def test_capabilities_refuse_limits_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        AgentCapabilities.model_validate(wrong)


def test_a_change_replaces_name_post_and_capabilities() -> None:
    post = Post(level=Level.DIRECTOR, department="finance", supervisor="MM_001")
    more = AgentCapabilities(skills=("reporting",))
    rosa = agent()

    new = when(rosa, lambda it: it.change("Rosa", post, more, AT))

    assert new == [happened(Agent.Changed, display_name="Rosa", post=post, capabilities=more)]
    assert (rosa.identity.display_name, rosa.post, rosa.capabilities) == ("Rosa", post, more)
    assert rosa.identity.agent_id == STREAM


def test_a_change_to_the_same_changes_nothing() -> None:
    assert when(agent(), lambda it: it.change("Report Rosa", POST, CAPABILITIES, AT)) == []


def test_a_changed_agent_that_is_paused_stays_paused() -> None:
    rosa = agent(DEACTIVATED)

    when(rosa, lambda it: it.change("Rosa", POST, CAPABILITIES, AT))

    assert not rosa.active


def test_an_agent_pauses_and_takes_work_again() -> None:
    rosa = agent()

    assert when(rosa, lambda it: it.deactivate("on leave", AT)) == [DEACTIVATED]
    assert not rosa.active
    assert when(rosa, lambda it: it.activate(AT)) == [happened(Agent.Activated)]
    assert rosa.active


def test_an_active_agent_cannot_be_activated() -> None:
    with pytest.raises(TransitionError, match=r"Agent 'FIN_007' is 'active' and cannot be activ"):
        agent().activate(AT)


def test_an_inactive_agent_cannot_be_deactivated() -> None:
    with pytest.raises(TransitionError, match="is 'inactive' and cannot be deactivated"):
        agent(DEACTIVATED).deactivate("again", AT)


def test_a_removed_agent_is_inactive_for_good() -> None:
    rosa = agent()

    assert when(rosa, lambda it: it.remove("left", AT)) == [REMOVED]
    assert rosa.removed
    assert not rosa.active


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (lambda it: it.change("Rosa", POST, CAPABILITIES, AT), "changed"),
        (lambda it: it.activate(AT), "activated"),
        (lambda it: it.deactivate("again", AT), "deactivated"),
        (lambda it: it.remove("again", AT), "removed"),
    ],
)
def test_a_removed_agent_takes_no_command(command: Any, word: str) -> None:
    gone = agent(REMOVED)

    with pytest.raises(TransitionError) as caught:
        command(gone)

    assert caught.value.command == f"be {word}"
    assert caught.value.state == "removed"
    assert gone.collect_events() == []


def test_ids_of_agents_are_uuids_whatever_form_they_come_in() -> None:
    read = AgentIdentity.model_validate(IDENTITY.model_dump() | {"agent_id": str(STREAM)})

    assert read.agent_id == UUID(str(STREAM))
