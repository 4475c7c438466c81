"""Recordable: an answer is decided on in exactly the form in which the log holds it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings

from application.errors import EffectError
from application.orchestration.recordable import as_recorded
from domain.effect import FailureKind, ModelAnswer, ToolAnswer
from domain.task import Task
from infrastructure.event_log.mapper import EventMapper
from tests.support.event_values import values_of
from tests.support.given_when_then import AT
from tests.support.scripted import answer, call

MAPPER = EventMapper()


def nested(levels: int) -> Any:
    content: Any = 1
    for _ in range(levels):
        content = [content]
    return content


@settings(deadline=None)
@given(values_of(ModelAnswer) | values_of(ToolAnswer))
def test_any_usual_answer_stays_as_it_is(given_answer: ModelAnswer | ToolAnswer) -> None:
    assert as_recorded(given_answer) == given_answer


@pytest.mark.parametrize(
    "unusual",
    [
        pytest.param(ToolAnswer(content=nested(250)), id="nested too deep to be read"),
        pytest.param(ToolAnswer(content=nested(254)), id="nested too deep to be written"),
        pytest.param(ToolAnswer(content={"\udcff": 1}), id="broken Unicode in a name"),
        pytest.param(answer(text="\ud83d"), id="broken Unicode in a text"),
        pytest.param(answer(call("t", n=10**4400)), id="more digits than can be read"),
    ],
)
def test_what_the_log_could_not_give_back_is_refused(unusual: ModelAnswer | ToolAnswer) -> None:
    with pytest.raises(EffectError, match="The answer cannot be recorded as JSON: ") as caught:
        as_recorded(unusual)

    assert caught.value.failure.kind is FailureKind.BAD_ANSWER
    assert "\n" not in caught.value.failure.message


@pytest.mark.parametrize("levels", range(190, 204))
def test_whatever_is_let_through_comes_back_out_of_the_log(levels: int) -> None:
    try:
        recorded = as_recorded(ToolAnswer(content=nested(levels)))
    except EffectError:
        assert levels > 190
        return
    answered: Any = Task.ToolAnswered
    event = answered(
        originator_id=UUID(int=1),
        originator_version=1,
        timestamp=AT,
        effect_id=UUID(int=2),
        answer=recorded,
    )
    assert MAPPER.to_domain_event(MAPPER.to_stored_event(event)) == event
