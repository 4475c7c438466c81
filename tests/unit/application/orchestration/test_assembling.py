"""B22: results become one by merging, concatenating, synthesising or choosing the best."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from application.fold import SessionFold
from application.orchestration.assembling import merged
from domain import patterns as p
from domain.session import SessionStatus
from domain.workflow import AssemblyStrategy, OnError
from tests.support.office import Office, office
from tests.support.pattern_stories import NO, run, scores, text
from tests.support.replaying import verified
from tests.support.scripted import Replies, submit

RESULTS: dict[str, Replies] = {
    "a": [submit("A.", rows=[1], total={"x": 1}, last="a")],
    "b": [submit("B.", rows=[2], total={"y": 2}, last="b")],
}


def assemble(
    strategy: AssemblyStrategy, script: dict[str, Replies] | None = None, **terms: Any
) -> tuple[Office, SessionFold]:
    parts = [
        p.task("a", "Do a.", agent="ANA_003", **terms),
        p.task("b", "Do b.", agent="ANA_004", **terms),
    ]
    it = office(RESULTS | (script or {}))
    fold = run(it, p.workflow("w", p.parallel(*parts, strategy=strategy, by="FIN_005")))
    assert verified(it.log, fold.session_id).differences == ()
    return it, fold


def data(fold: SessionFold) -> dict[str, JsonValue]:
    assert fold.root.result is not None
    return fold.root.result.data


def test_merging_joins_the_data() -> None:
    _, fold = assemble(AssemblyStrategy.MERGE)
    assert fold.session.answer == "A.\n\nB."
    assert data(fold) == {"rows": [1, 2], "total": {"x": 1, "y": 2}, "last": "b"}


def test_concatenating_keeps_the_data_of_each_under_its_key() -> None:
    _, fold = assemble(AssemblyStrategy.CONCATENATE)
    assert fold.session.answer == "A.\n\nB."
    assert sorted(data(fold)) == ["a", "b"]


def test_synthesising_lets_an_agent_write_one_text() -> None:
    it, fold = assemble(AssemblyStrategy.SYNTHESISE, {"assemble": [text(" "), text("A and B.")]})
    assert fold.session.answer == "A and B."
    asked = it.model.asked("assemble")
    brief: Any = asked[-1].brief
    assert [len(asked), brief.agent.handle] == [2, "FIN_005"]
    assert [each.key for each in brief.results] == ["a", "b"]


def test_the_best_is_chosen_by_recorded_scores_and_ties_go_to_the_first() -> None:
    it, fold = assemble(AssemblyStrategy.BEST_OF, {"judge": [scores(a=0.1), scores(a=0.7, b=0.7)]})
    assert fold.session.answer == "A."
    (judged,) = it.events("task.judged")
    event: Any = judged.event
    assert event.judgement.scores == {"a": 0.7, "b": 0.7}
    assert (event.judgement.judge, event.judgement.chosen) == ("FIN_005", "a")
    assert judged.envelope.actor == "FIN_005"


def test_the_best_is_chosen_of_what_there_is() -> None:
    _, fold = assemble(AssemblyStrategy.BEST_OF, {"a": [NO], "judge": [scores(b=0.2)]})
    assert fold.session.answer == "B."


def test_without_any_result_there_is_nothing_to_choose() -> None:
    _, fold = assemble(AssemblyStrategy.BEST_OF, {"a": [NO], "b": [NO]})
    assert fold.session.status is SessionStatus.FAILED
    assert fold.session.answer == "It cannot be done."


@pytest.mark.parametrize("strategy", [AssemblyStrategy.MERGE, AssemblyStrategy.SYNTHESISE])
def test_a_task_that_may_not_fail_fails_the_procedure(strategy: AssemblyStrategy) -> None:
    _, fold = assemble(strategy, {"a": [NO], "assemble": [text("Half.")]})
    assert fold.session.status is SessionStatus.FAILED


def test_what_was_skipped_counts_with_its_default() -> None:
    _, fold = assemble(
        AssemblyStrategy.MERGE, {"a": [NO]}, on_error=OnError.SKIP, default={"rows": [0]}
    )
    assert data(fold)["rows"] == [0, 2]


def test_data_are_merged_without_touching_what_they_were() -> None:
    one: dict[str, JsonValue] = {"a": {"x": [1]}, "b": 1}
    assert merged(one, {"a": {"x": [2], "y": 0}, "b": [3]}) == {
        "a": {"x": [1, 2], "y": 0},
        "b": [3],
    }
    assert one == {"a": {"x": [1]}, "b": 1}
