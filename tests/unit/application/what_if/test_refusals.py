"""Refusals: what cannot be changed is said in one sentence, and nothing is appended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.errors import BadRequestError, ConflictError, NotFoundError
from application.what_if import (
    AnswerChange,
    CapabilitiesChange,
    Change,
    ModelChange,
    PolicyChange,
)
from tests.support.office import charter, office
from tests.support.what_ifs import (
    position_of,
    questioner,
)

REFUSED: list[tuple[Change, str]] = [
    (PolicyChange(field="speed", value=1), "no field 'speed'"),
    (PolicyChange(field="version", value="2"), "no field 'version'"),
    (PolicyChange(field="confidence_threshold", value="2"), "a number from 0 to 1"),
    (PolicyChange(field="confidence_threshold", value=0.3), "is 0.3 already"),
    (PolicyChange(field="max_attempts", value=0), "a whole number from 1"),
    (PolicyChange(field="model_timeout_s", value=0), "a number over 0"),
    (ModelChange(role="janitor", model="x"), "the roles are personal, orchestrator, specialist"),
    (ModelChange(role="personal", model=" "), "no name of a model"),
    (ModelChange(role="personal", model="small"), "is 'small' already"),
    (CapabilitiesChange(agent="FIN_007", max_reasoning_turns=0), "give a number from 1"),
    (CapabilitiesChange(agent="FIN_007", add_skills=("reporting",)), "already"),
    (CapabilitiesChange(agent="FIN_007", add_skills=(" ",)), "empty name"),
    (CapabilitiesChange(agent="FIN_007", remove_skills=("law",)), "there are reporting, statem"),
    (CapabilitiesChange(agent="FIN_007", tools=("hammer",)), "the tools are draw_chart"),
    (CapabilitiesChange(agent="FIN_007", skills=("a",), add_skills=("b",)), "one way or the other"),
    (CapabilitiesChange(agent="FIN_007"), "are as wanted already"),
    (AnswerChange(at=1, answer={}), "holds no answer of a model or tool"),
]


@pytest.mark.parametrize(("change", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_cannot_be_changed_is_refused_in_a_sentence(change: Change, told: str) -> None:
    it = office()
    parent = it.run()
    events = len(it.log.events)

    with pytest.raises(BadRequestError, match=told):
        questioner(it).ask(parent.session_id, change)

    assert len(it.log.events) == events


ANSWERS: list[tuple[dict[str, Any], str]] = [
    ({}, "already"),
    ({"txt": "x"}, "no field 'txt'; it has model, text"),
    ({"text": 4}, "text 4 has a form"),
    ({"failure": {"kind": "sad", "message": "x"}}, "kind 'sad'"),
    ({"failure": {"why": "x"}}, "no field 'why'"),
    ({"failure": "x", "text": "y"}, "fails or is answered"),
]


@pytest.mark.parametrize(("fields", "told"), ANSWERS, ids=[told for _, told in ANSWERS])
def test_an_answer_that_cannot_be_one_is_refused(fields: dict[str, Any], told: str) -> None:
    it = office()
    parent = it.run()
    where = position_of(it, "task.model_answered")

    with pytest.raises(BadRequestError, match=told):
        questioner(it).ask(parent.session_id, AnswerChange(at=where, answer=fields))


def test_moments_outside_the_work_are_refused() -> None:
    it = office()
    parent = it.run()
    asked, change = questioner(it), PolicyChange(field="max_wait_s", value=60)
    opened = it.events("session.opened")[0].position

    with pytest.raises(ConflictError, match="only just been opened"):
        asked.ask(parent.session_id, change, at=opened)
    with pytest.raises(ConflictError, match="had ended"):
        asked.ask(parent.session_id, change, at=len(it.log.events))
    with pytest.raises(NotFoundError, match="opened after position"):
        asked.ask(parent.session_id, change, at=opened - 1)
    where = AnswerChange(at=position_of(it, "task.model_answered"), answer={"text": "x"})
    with pytest.raises(BadRequestError, match="leave the moment out"):
        asked.ask(parent.session_id, where, at=opened)
    with pytest.raises(NotFoundError, match="X_1"):
        asked.ask(parent.session_id, CapabilitiesChange(agent="X_1", max_reasoning_turns=3))


def test_sessions_of_a_subject_who_was_forgotten_are_left_alone() -> None:
    it = office()
    charter_of = charter().model_copy(update={"subject": "forgotten"})
    parent = asyncio.run(it.sessions.run(charter_of, it.heard.append))

    for dry_run in (False, True):
        with pytest.raises(ConflictError, match="was forgotten"):
            questioner(it).ask(
                parent.session_id, PolicyChange(field="max_wait_s", value=60), dry_run=dry_run
            )
