"""A11: sessions whose policy names strategies; each decision can be made again from the record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from application.briefs import BidBrief, RouteBrief
from application.orchestration import placing
from application.orchestration.placing import Placement
from application.orchestration.procedures import HIERARCHY as WAY_OF_THE_HOUSE
from application.routing.gathering import EvidenceSources
from application.what_if import PolicyChange
from domain.approval_rule import ApprovalRule
from domain.decision import Sources
from domain.effect import ModelAnswer
from domain.planning import PlannedTask
from domain.routing import (
    AUCTION,
    MODEL,
    NAMED,
    RULES,
    SIMILARITY,
    TRACK_RECORD,
    Evidence,
    Routing,
    TrackRecord,
)
from domain.session import SessionStatus
from domain.task import Task
from domain.workflow import Procedure, Terms, Workflow
from tests.support.approvals import agree_to_all, asking
from tests.support.office import Q4_SCRIPT, packaged_directory
from tests.support.replaying import verified
from tests.support.routing import (
    EvidentOffice,
    FixedRecords,
    ScriptedSimilarity,
    bid,
    choice,
    decisions,
    routed_office,
    run_with,
)
from tests.support.scripted import ScriptedModel, answer, submit
from tests.support.what_ifs import questioner
from tests.unit.application.orchestration.test_placing import GROUND, task, without

BLEND: Routing = {"rules": 0.6, "similarity": 0.3, "track_record": 0.1}
EVERYTHING: Routing = {"rules": 5, "similarity": 2, "track_record": 1, "model": 1, "auction": 1}
GOOD, BAD = TrackRecord(20, 0, 2.0, 0.01), TrackRecord(1, 20, 30.0, 0.2)
TEAM = ("ANA_001", "ANA_007", "CRE_001")
SOURCES = EvidenceSources(
    lambda: ScriptedSimilarity("charts", "metrics", "statements", "sql"),
    FixedRecords({"ANA_003": GOOD, "FIN_007": GOOD}),
)


def first(brief: RouteBrief) -> ModelAnswer:
    """Choose the first candidate that has a skill the task asks for."""
    wanted = set(brief.task.skills)
    fits = [each.handle for each in brief.candidates if wanted & set(each.skills)]
    return choice(fits[0] if fits else None)


def by_skill(brief: BidBrief) -> ModelAnswer:
    """Offer to do what one has the skills for."""
    fits = set(brief.task.skills) & set(brief.agent.skills)
    return bid(0.9, 0.01, 2.0) if fits else bid(0.0, willing=False)


@pytest.mark.parametrize(
    ("routing", "strategy"),
    [
        (RULES, RULES),
        (SIMILARITY, SIMILARITY),
        (TRACK_RECORD, TRACK_RECORD),
        (MODEL, MODEL),
        (AUCTION, AUCTION),
        (BLEND, "rules:0.6+similarity:0.3+track_record:0.1"),
        (EVERYTHING, "rules:0.5+similarity:0.2+auction:0.1+model:0.1+track_record:0.1"),
    ],
)
def test_a_session_with_each_strategy_is_done_and_verifies(routing: Routing, strategy: str) -> None:
    it = routed_office(first, by_skill)

    fold = run_with(it, routing, SOURCES)

    assert fold.session.status is SessionStatus.COMPLETED
    assert decisions(fold, "metrics")[-1].strategy == strategy
    found = verified(it.log, fold.session_id)
    assert (found.differences, found.unchecked) == ((), 0)


def test_a_policy_without_a_choice_and_one_that_names_the_rules_decide_alike() -> None:
    unsaid, said = (run_with(routed_office(), routing) for routing in (None, RULES))

    for key in ("extract", "metrics", "charts", "report"):
        assert decisions(unsaid, key) == decisions(said, key)


def test_what_a_decision_drew_on_stands_in_it() -> None:
    fold = run_with(routed_office(), BLEND, SOURCES)

    decision = decisions(fold, "metrics")[-1]
    chosen = decision.candidates[0]

    assert (decision.chosen, chosen.handle) == ("ANA_003", "ANA_003")
    assert decision.sources == Sources(embedder="scripted-v1", learned_until=5)
    assert chosen.facts == {
        "similarity": 0.52,
        "completed": 20.0,
        "failed": 0.0,
        "duration_s": 2.0,
        "cost_usd": 0.01,
    }
    assert {"skills", "similarity", "success", "latency", "cost"} <= chosen.parts.keys()
    assert len(decision.candidates) == 7


def test_records_are_learned_up_to_where_the_session_was_opened() -> None:
    records = FixedRecords({})
    fold = run_with(routed_office(), TRACK_RECORD, EvidenceSources(records=records))

    assert records.asked == [fold.opened_position]


def test_rules_alone_open_no_source_of_evidence() -> None:
    def broken() -> ScriptedSimilarity:
        raise AssertionError("nobody asked for meanings")

    records = FixedRecords({})
    fold = run_with(routed_office(), RULES, EvidenceSources(broken, records))

    assert records.asked == []
    assert all(decision.sources is None for decision in decisions(fold, "metrics"))


def test_the_department_that_the_plan_names_is_no_question_for_other_strategies() -> None:
    to_director, to_specialist = decisions(run_with(routed_office(), BLEND, SOURCES), "metrics")

    assert (to_director.strategy, to_director.chosen) == (RULES, "DIR_ANALYTICS")
    assert to_specialist.strategy != RULES


def test_a_choice_of_nobody_leaves_the_task_unplaced_and_says_why() -> None:
    it = routed_office(lambda _: choice(None, 0.95))

    fold = run_with(it, MODEL)

    *_, decision = decisions(fold, "extract")
    assert decision.chosen is None
    assert "The model chose nobody: It knows the work." in decision.reason
    assert fold.session.status is SessionStatus.FAILED
    assert not verified(it.log, fold.session_id).differences


def test_a_choice_that_the_model_is_not_sure_of_is_not_followed() -> None:
    fold = run_with(routed_office(lambda brief: choice(brief.candidates[0].handle, 0.2)), MODEL)

    *_, decision = decisions(fold, "extract")
    assert decision.chosen is None
    assert "under the threshold of 0.30" in decision.reason


def test_a_choice_of_somebody_else_is_repaired_and_then_given_up() -> None:
    it = routed_office(lambda _: choice("NOVA_001"))

    fold = run_with(it, MODEL)

    extract = next(each for each in fold.planned if each.assignment.key == "extract")
    asked = [step for step in extract.steps if step.purpose == "route"]
    assert len(asked) == 3
    assert "'NOVA_001' is no candidate" in str(asked[0].rejection)
    assert "The model gave no choice." in decisions(fold, "extract")[-1].reason
    assert not verified(it.log, fold.session_id).differences


def test_an_award_holds_all_bids_as_parts_and_who_declines_scores_nothing() -> None:
    offers = {"ANA_007": bid(0.8, 0.02, 4.0), "ANA_001": bid(0.9, 0.01, 8.0)}
    it = routed_office(None, lambda brief: offers.get(brief.agent.handle, bid(1.0, willing=False)))

    fold = run_with(it, RULES, workflow=team_of(AUCTION))

    *_, award = decisions(fold, "draw")
    assert (award.strategy, award.chosen) == (AUCTION, "ANA_001")
    parts = {each.handle: each.parts for each in award.candidates}
    assert parts["ANA_001"] == {"confidence": 0.54, "price": 0.2, "time": 0.1, "load": 0.0}
    assert parts["ANA_007"] == {"confidence": 0.48, "price": 0.1, "time": 0.2, "load": 0.0}
    assert sum(parts["CRE_001"].values()) == 0.0
    assert award.candidates[0].facts["bid_cost_usd"] == 0.01
    assert not verified(it.log, fold.session_id).differences


def test_an_auction_in_which_nobody_is_willing_leaves_the_task_unplaced() -> None:
    it = routed_office(None, lambda _: bid(1.0, willing=False))

    fold = run_with(it, AUCTION)

    assert decisions(fold, "extract")[-1].chosen is None
    assert fold.session.status is SessionStatus.FAILED


def test_all_candidates_are_asked_for_their_bids_at_once() -> None:
    it = routed_office(None, by_skill)
    fold = run_with(it, AUCTION)

    extract = next(each for each in fold.planned if each.assignment.key == "extract")
    asked = [step.agent for step in extract.steps if step.purpose == "bid"]
    finance = packaged_directory().specialists_of("finance")
    assert sorted(asked) == [agent.handle for agent in finance]


def team_of(routing: Routing | None = None, *, keys: int = 1, agent: str | None = None) -> Workflow:
    tasks = [
        PlannedTask(key=f"draw{n or ''}", title="Draw", instruction="Draw it.") for n in range(keys)
    ]
    terms = {"draw": Terms(agent=agent)} if agent else {}
    return Workflow(
        name="drawing",
        procedure=Procedure(
            pattern="master_worker", tasks=tuple(tasks), team=TEAM, routing=routing, terms=terms
        ),
    )


DRAWN = {"draw": [submit("Drawn.")], "draw1": [submit("Drawn.")], "draw2": [submit("Drawn.")]}


def test_a_task_of_a_team_goes_straight_to_one_of_its_members() -> None:
    it = routed_office(script=DRAWN)

    fold = run_with(it, None, workflow=team_of())

    (decision,) = decisions(fold, "draw")
    assert {each.handle for each in decision.candidates} == set(TEAM)
    assert decision.chosen in TEAM
    assert not verified(it.log, fold.session_id).differences


def test_the_tasks_of_a_team_are_spread_over_members_who_fit_equally_well() -> None:
    it = routed_office(script=DRAWN)

    fold = run_with(it, None, workflow=team_of(keys=3))

    assert {each.holder for each in fold.planned} == set(TEAM)
    assert "less busy" in decisions(fold, "draw1")[-1].reason
    assert not verified(it.log, fold.session_id).differences


def test_a_procedure_goes_before_the_policy() -> None:
    it = routed_office(script=DRAWN)

    fold = run_with(it, RULES, SOURCES, workflow=team_of(SIMILARITY))

    (decision,) = decisions(fold, "draw")
    assert (decision.strategy, decision.chosen) == (SIMILARITY, "ANA_007")


def test_a_named_agent_gets_the_task_whatever_the_strategies_say() -> None:
    it = routed_office(script=DRAWN)

    fold = run_with(it, BLEND, SOURCES, workflow=team_of(agent="CRE_001"))

    (decision,) = decisions(fold, "draw")
    assert (decision.strategy, decision.chosen, decision.confidence) == (NAMED, "CRE_001", 1.0)
    assert decision.reason == "CRE_001 is named."


def test_nobody_is_asked_about_a_task_that_names_its_agent() -> None:
    it = routed_office(first, by_skill, script=DRAWN)
    both: Routing = {"model": 1.0, "auction": 1.0}

    fold = run_with(it, both, workflow=team_of(both, agent="CRE_001"))

    assert fold.planned[0].holder == "CRE_001"
    assert {request.brief.purpose for request in it.model.requests} == {"execute"}


@pytest.mark.parametrize(
    ("named", "reason"),
    [("FIN_007", "FIN_007 is named, and not active."), ("XXX_1", "XXX_1 is named, and unknown.")],
)
def test_who_is_named_and_cannot_take_it_is_told_apart(named: str, reason: str) -> None:
    it = task("MM_001")
    placement = Placement(it, without("FIN_007"), WAY_OF_THE_HOUSE, named)

    decision = placing.place(placement, GROUND)

    assert (decision.chosen, decision.reason) == (None, reason)


def test_who_has_failed_at_a_task_is_not_considered_again() -> None:
    it = failed_by(task("DIR_ANALYTICS", "analytics", ("metrics",)), "ANA_003")

    decision = placing.place(Placement(it, packaged_directory(), WAY_OF_THE_HOUSE), GROUND)

    assert "ANA_003" not in {each.handle for each in decision.candidates}


def test_a_team_whose_members_all_failed_says_so() -> None:
    procedure = Procedure(pattern="any", team=("ANA_003", "FIN_007"))
    it = failed_by(task("MM_001"), "ANA_003", "FIN_007")

    decision = placing.place(Placement(it, packaged_directory(), procedure), GROUND)

    assert decision.chosen is None
    assert "Nobody of the team (ANA_003, FIN_007) is active and untried" in decision.reason


def failed_by(it: Task, *handles: str) -> Task:
    it.tried_by = list(handles)
    return it


def test_directors_are_compared_as_departments_where_the_plan_names_none() -> None:
    evidence = Evidence(similarity={"DIR_FINANCE": 0.5, "DIR_HR": 0.2}, embedder="scripted-v1")
    placement = Placement(
        task("MM_001"), packaged_directory(), WAY_OF_THE_HOUSE, routing=SIMILARITY
    )

    decision = placing.place(placement, GROUND, evidence)

    assert (decision.chosen, decision.strategy) == ("DIR_FINANCE", SIMILARITY)
    assert len(decision.candidates) == 14


def test_a_referral_weighs_departments_by_the_same_strategies() -> None:
    it = task("DIR_CREATIVE", "creative", ("charts", "graphs"), been=("MM_001",))
    placement = Placement(it, packaged_directory(), WAY_OF_THE_HOUSE, routing=BLEND)
    wanted = placing.evidence_wanted(placement)
    assert wanted is not None
    gatherer = replace(SOURCES, records=FixedRecords({})).ready({SIMILARITY, TRACK_RECORD}, 9)

    decision = placing.place(placement, GROUND, gatherer.gather(wanted))

    assert decision.chosen == "DIR_ANALYTICS"
    assert decision.reason.startswith("No specialist of creative fits; referred:")
    assert decision.candidates[0].facts["similarity"] == 0.52


def test_what_another_strategy_would_have_decided_can_be_asked() -> None:
    it = EvidentOffice(
        model=ScriptedModel(Q4_SCRIPT),
        evidence=EvidenceSources(lambda: ScriptedSimilarity("dashboards")),
    )
    parent = it.run()
    asked = questioner(it, Q4_SCRIPT)

    view = asked.ask(parent.session_id, PolicyChange(field="routing", value=SIMILARITY))

    metrics = next(pair for pair in view.tasks if pair.key == "metrics").decisions[-1]
    assert metrics.parent is not None
    assert metrics.fork is not None
    assert metrics.parent.decision.chosen == "ANA_003"
    assert (metrics.fork.decision.chosen, metrics.fork.decision.strategy) == (
        *("ANA_002", SIMILARITY),
    )
    assert view.fork.session_id is not None
    assert not verified(it.log, view.fork.session_id).differences


def test_a_human_is_asked_where_the_decision_is_not_sure_enough_and_it_verifies() -> None:
    unsure = ApprovalRule(name="unsure", confidence_under=0.99, departments=("analytics",))
    it = EvidentOffice(model=ScriptedModel(Q4_SCRIPT), evidence=SOURCES)

    fold = agree_to_all(it, it.run(asking(unsure, routing=BLEND)))

    asked = [approval.request for approval in fold.approvals]
    assert fold.session.status is SessionStatus.COMPLETED
    assert [each.decision.chosen for each in asked if each.decision] == ["ANA_003"]
    assert decisions(fold, "metrics")[-1].sources is not None
    assert not verified(it.log, fold.session_id).differences


def test_an_answer_that_is_no_bid_counts_as_none() -> None:
    it = routed_office(
        None, lambda brief: answer(text="Hm.") if brief.agent.handle == "ANA_001" else bid(0.9)
    )

    fold = run_with(it, None, workflow=team_of(AUCTION))

    award = decisions(fold, "draw")[-1]
    silent = next(each for each in award.candidates if each.handle == "ANA_001")
    assert (award.chosen, silent.score) == ("ANA_007", 0.0)
    assert not verified(it.log, fold.session_id).differences
