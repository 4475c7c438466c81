"""Broken off: a history that ends between what was decided at once is gone on with, once each."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from domain.session import SessionStatus
from tests.support.branches import Branches
from tests.support.office import office
from tests.support.scripted import Replies, answer, call, intend, submit

UNSERVABLE: dict[str, Replies] = {"interpret": [intend("x", servable=False, reason="Not ours.")]}
NOT_ALLOWED: dict[str, Replies] = {
    "metrics": [
        answer(call("write_document", "b", title="no right")),
        submit("Revenue is 60.", revenue=60),
    ]
}


def positions(it: Branches) -> list[int]:
    """List the positions between the request and the end."""
    events = it.desk.events()
    begun = next(each for each in events if each.type == "task.created")
    return [each.position for each in events if begun.position <= each.position][:-1]


@pytest.mark.parametrize("script", [{}, UNSERVABLE, NOT_ALLOWED], ids=["all", "declined", "right"])
@pytest.mark.parametrize("how", ["rewind", "fork"])
def test_a_session_is_finished_from_any_of_its_positions(
    script: dict[str, Replies], how: str
) -> None:
    whole = Branches(office(script))
    reference = whole.fold(whole.sessions[0])

    for position in positions(whole):
        it = Branches(office(script))
        if how == "rewind":
            it.rewind(it.sessions[0], position)
        else:
            it.fork(it.sessions[0], position)
        fold = it.resume(it.sessions[-1])

        assert fold.session.status is reference.session.status, position
        assert fold.session.answer == reference.session.answer
        assert [turn.text for turn in fold.conversation.turns] == [
            turn.text for turn in reference.conversation.turns
        ]
        assert [(task.assignment.key, task.status) for task in fold.tasks] == [
            (task.assignment.key, task.status) for task in reference.tasks
        ]


def test_a_tool_that_is_not_allowed_is_not_used_when_its_refusal_was_taken_back() -> None:
    it = Branches(office(NOT_ALLOWED))
    calls: list[Any] = it.desk.events("task.tool_called")
    called = next(each for each in calls if each.event.call.call_id == "b")
    it.rewind(it.sessions[0], called.position)
    before = len(it.desk.toolbox.requests)

    fold = it.resume(it.sessions[0])

    used = [request.call.call_id for request in it.desk.toolbox.requests[before:]]
    assert "b" not in used
    assert fold.session.status is SessionStatus.COMPLETED
    failed: list[Any] = it.desk.events("task.tool_failed")
    refused = Counter(each.event.failure.kind.value for each in failed)
    assert refused == {"not_allowed": 2}
