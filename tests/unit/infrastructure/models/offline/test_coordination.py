"""Tests of the offline rules by which agents choose, bid, check, judge, assemble and mend."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.briefs import (
    Assessment,
    Bid,
    Brief,
    Choice,
    ResultBrief,
    Scores,
    Submission,
    Verdict,
)
from domain.artefact import Artefact
from domain.effect import ModelAnswer
from domain.planning import Plan, check_plan
from domain.task import Result
from domain.workflow import Terms
from infrastructure.models.offline import OfflineModel
from tests.support import briefs


def ask(brief: Brief) -> ModelAnswer:
    """Ask twice, and hold that the rules say the same."""
    request = briefs.asking(brief, "offline")
    answers = [asyncio.run(OfflineModel().answer(request)) for _ in range(2)]
    assert answers[0] == answers[1]
    return answers[0]


def told(brief: Brief) -> dict[str, Any]:
    """Give the arguments of the one call of an answer."""
    (call,) = ask(brief).tool_calls
    return call.arguments


def file(name: str, size: int = 10) -> Artefact:
    """Make a file that was left."""
    return Artefact(path=name, media_type="text/plain", title="", sha256="0" * 64, size=size)


SQL = briefs.planned("Query the ledger", "Write a query on the table.", "sql")
STRANGE = briefs.planned("Sing", "Sing a song.")


def test_who_has_the_skills_of_a_task_is_chosen_for_it() -> None:
    chosen = Choice.model_validate(told(briefs.route(SQL)))
    assert chosen.agent == "ANA_006"
    assert chosen.confidence > 0.7
    assert "has sql" in chosen.reason


def test_nobody_is_chosen_for_what_nobody_can_do() -> None:
    chosen = Choice.model_validate(told(briefs.route(STRANGE)))
    assert (chosen.agent, chosen.confidence) == (None, 0.0)


def test_an_agent_bids_as_sure_as_it_fits() -> None:
    fitting = Bid.model_validate(told(briefs.bid(SQL, briefs.ANNA)))
    other = Bid.model_validate(told(briefs.bid(SQL, briefs.MIKE)))
    stranger = Bid.model_validate(told(briefs.bid(STRANGE)))
    assert fitting.willing
    assert fitting.confidence > other.confidence >= stranger.confidence
    assert not stranger.willing


def test_a_handoff_is_accepted_when_its_request_or_its_task_fits() -> None:
    """E2: the target accepts or rejects."""
    accepted = Verdict.model_validate(told(briefs.consider(STRANGE)))  # the request fits
    song = briefs.HANDOFF.model_copy(update={"request": "Sing on.", "context": ""})
    rejected = Verdict.model_validate(told(briefs.consider(STRANGE, song)))
    assert accepted.accepted
    assert not rejected.accepted
    assert "sql" in rejected.reason


@pytest.mark.parametrize(
    ("instruction", "result", "said"),
    [
        ("Add up.", Result(summary=" "), "empty"),
        ("Add up.", Result(summary="I could not do it."), "not done"),
        ("Add up.", Result(summary="The rest is TODO."), "unfinished"),
        ("Write it to sums.csv.", Result(summary="Done."), "missing: sums.csv"),
        (
            "Write it to sums.csv.",
            Result(summary="Done.", artefacts=(file("sums.csv", 0),)),
            "empty: sums.csv",
        ),
        ("Return total (number).", Result(summary="Done."), "'total' (number) is missing"),
        (
            "Return total (number).",
            Result(summary="Done.", data={"total": "five"}),
            "'total' is no number",
        ),
        (
            "Return count (integer).",
            Result(summary="Done.", data={"count": True}),
            "'count' is no integer",
        ),
    ],
)
def test_a_result_that_is_not_what_was_asked_for_is_not_accepted(
    instruction: str, result: Result, said: str
) -> None:
    task = briefs.planned("Sum", instruction)
    verdict = Verdict.model_validate(told(briefs.validate(result, task)))
    assert not verdict.accepted
    assert said in verdict.reason


def test_a_result_that_keeps_the_rules_is_accepted_for_what_was_checked() -> None:
    task = briefs.planned("Sum", "Read ledger.csv. Write it to sums.csv. Return total (number).")
    result = Result(summary="It is 5.", data={"total": 5}, artefacts=(file("sums.csv"),))
    verdict = Verdict.model_validate(told(briefs.validate(result, task)))
    assert verdict.accepted
    assert "was not checked" in verdict.reason


def test_scores_follow_rules_that_the_reason_states() -> None:
    task = briefs.planned("Revenue", "Compute the revenue of the quarter.")
    good = briefs.outcome("good", "The revenue of the quarter is 5.", {"revenue": 5})
    vague = briefs.outcome("vague", "It went well, as ever, in many and various ways.")
    scores = Scores.model_validate(
        told(briefs.judge(vague, good, briefs.failed("lost", "No."), task=task))
    )
    assert scores.scores["good"] > scores.scores["vague"] > scores.scores["lost"] == 0.0
    assert "50 %" in scores.reason


def test_an_assembly_tells_what_agrees_what_contradicts_and_what_is_missing() -> None:
    one = briefs.outcome("one", "Sales rose.\n\nPrices fell.", {"total": 5, "year": 2025})
    two = briefs.outcome("two", "Sales rose.\n\nCosts rose.", {"total": 6, "year": 2025})
    text = ask(briefs.assemble(one, two, briefs.failed("three", "No data."))).text
    assert text.count("Sales rose.") == 1
    assert "Sales rose. (Task one, Task two)" in text
    assert "Prices fell." in text
    assert "| total | Task one: 5; Task two: 6 | **contradict each other** |" in text
    assert "| year | Task one: 2025; Task two: 2025 | agree |" in text
    assert "- Task three: No data." in text


@pytest.mark.parametrize(
    ("results", "rounds", "state"),
    [
        ((briefs.outcome("a"),), 1, "completed"),
        ((briefs.outcome("a"), briefs.failed("b", "No.")), 1, "recovering"),
        ((briefs.outcome("a"), briefs.failed("b", "No.")), 0, "failed"),
        ((briefs.failed("b", "No."), briefs.outcome("b_r1")), 0, "completed"),
        ((briefs.failed("b", "No."), briefs.failed("b_r1", "No.")), 1, "recovering"),
        ((), 1, "failed"),
    ],
)
def test_supervised_work_is_assessed_by_its_results(
    results: tuple[ResultBrief, ...], rounds: int, state: str
) -> None:
    found = Assessment.model_validate(told(briefs.monitor(*results, rounds_left=rounds)))
    assert found.state == state


def test_what_failed_is_planned_again_for_somebody_else() -> None:
    team = (briefs.ANNA, briefs.MIKE)
    lost = briefs.failed("query", "Time was up.", agent="ANA_003")
    plan = Plan.model_validate(told(briefs.recover(briefs.outcome("other"), lost, team=team)))
    (task,) = plan.tasks
    check_plan(plan, None)
    assert task.key == "query_r1"
    assert task.skills == briefs.ANNA.skills
    assert "Time was up." in task.instruction
    again = briefs.failed("query_r1", "Time was up.", agent="ANA_006")
    later = Plan.model_validate(told(briefs.recover(lost, again, team=team)))
    assert [task.key for task in later.tasks] == ["query_r2"]


def test_what_no_task_can_mend_is_not_planned() -> None:
    lost = briefs.failed("a", "There is no input file to work on.")
    plan = Plan.model_validate(told(briefs.recover(lost, team=(briefs.ANNA,))))
    assert plan.tasks == ()
    assert "no input file" in plan.reason


def test_without_a_team_a_department_with_the_skills_mends() -> None:
    plan = Plan.model_validate(told(briefs.recover(briefs.failed("charts", "Broken."))))
    check_plan(plan, {"analytics": ("charts", "metrics"), "finance": ("reporting",)})
    assert plan.tasks[0].department == "analytics"


def decompose(instruction: str) -> Plan:
    """Cut a task for the team of Anna and Mike."""
    brief = briefs.decompose().model_copy(
        update={
            "team": (briefs.ANNA, briefs.MIKE),
            "task": briefs.planned("Whole", instruction),
            "files": (),
        }
    )
    plan = Plan.model_validate(told(brief))
    check_plan(plan, None)
    return plan


def test_a_numbered_list_is_done_in_turn_by_who_fits_each_step() -> None:
    plan = decompose("Do this:\n1. Write queries on tables\n2. Track metrics of figures")
    first, second = plan.tasks
    assert first.skills == briefs.ANNA.skills
    assert second.skills == briefs.MIKE.skills
    assert second.depends_on == (first.key,)


def test_sentences_are_done_side_by_side_and_what_puts_together_last() -> None:
    plan = decompose("Write queries. Track metrics. Finally combine the figures.")
    first, second, last = plan.tasks
    assert first.depends_on == second.depends_on == ()
    assert last.depends_on == (first.key, second.key)


def test_a_team_declines_what_none_of_it_can_do() -> None:
    plan = decompose("Sing a song.")
    assert plan.tasks == ()
    assert "ANA_006, ANA_003" in plan.reason


OPTIONS: Any = {"type": "object", "properties": {"vote": {"enum": ["red", "blue"]}}}


def vote(question: str = "Which one?", **arguments: Any) -> Submission:
    """Let an agent vote."""
    brief = briefs.with_terms(
        Terms(output_schema=OPTIONS, arguments=arguments),
        task=briefs.planned("Vote", question),
        files=(),
    )
    return Submission.model_validate(told(brief))


def test_a_vote_follows_the_figures_where_there_are_some() -> None:
    assert vote(prices={"red": 5, "blue": 3}).data == {"vote": "red"}
    assert vote("Which is the cheapest?", prices={"red": 5, "blue": 3}).data == {"vote": "blue"}


def test_a_vote_counts_what_speaks_for_and_against_each_option() -> None:
    found = vote(notes="Red failed twice. Blue held. Blue is liked.")
    assert found.data == {"vote": "blue"}
    assert "red: -1, blue: 2" in found.summary


def test_without_evidence_nobody_votes() -> None:
    found = vote(notes="Nothing is known.")
    assert not found.done
    assert "vote on evidence alone" in found.summary


def test_what_nobody_knows_is_handed_to_who_fits_it_better() -> None:
    """E2: an agent without a procedure for its task hands it to a declared target."""
    brief = briefs.with_terms(
        Terms(handoffs=("ANA_006",)),
        task=briefs.planned("Extraction", "Prepare data extraction.", "data_wishes"),
        handoffs=(briefs.ANNA,),
    )
    (call,) = ask(brief).tool_calls
    assert call.tool == "hand_off"
    assert call.arguments["target"] == "ANA_006"
    refused = [briefs.said(call), briefs.broke(call, "No time.")]
    (last,) = ask(brief.model_copy(update={"steps": tuple(refused)})).tool_calls
    assert last.tool == "submit_result"
    assert "No time." in str(last.arguments["summary"])
