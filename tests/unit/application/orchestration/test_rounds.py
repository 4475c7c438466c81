"""C1, C2, C6: votes, negotiations, auctions and assignments as tasks on the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import JsonValue

from application.briefs import ExecuteBrief
from application.fold import SessionFold
from application.ports import ModelRequest
from domain.auction import PaymentRule
from domain.deliberation.negotiation import Issue, Negotiation, Party
from domain.effect import Failure, ModelAnswer
from domain.event import RecordedEvent
from domain.patterns import auction, consensus, parallel, task, workflow
from domain.session import SessionStatus
from domain.task import Task, TaskStatus
from domain.workflow import Procedure, Workflow
from infrastructure.models.offline.model import OfflineModel
from tests.support.chamber import SILENT, Chamber, Speakers, Speech, silent
from tests.support.office import staffed_log
from tests.support.replaying import verified
from tests.support.scripted import CountingIds, Crash, CrashingLog, submit

VOTERS = ("FIN_001", "FIN_002", "FIN_003", "FIN_004", "FIN_005", "FIN_006", "FIN_007")


def says(vote: JsonValue, again: JsonValue | None = None) -> Speech:
    """Vote, and confirm it; or say something else when asked again."""

    def speak(brief: ExecuteBrief) -> ModelAnswer:
        confirming = brief.task.key.startswith("confirm_")
        return (
            submit("Voted.", answer=vote) if not confirming else submit("So.", vote=again or vote)
        )

    return speak


def vote(speech: Mapping[str, Speech], faults: int | None = None) -> tuple[SessionFold, Speakers]:
    model = Speakers(speech)
    pattern = consensus("Approve the budget?", tuple(speech), faults=faults)
    return Chamber(model).run(workflow("vote", pattern)), model


def tallied(fold: SessionFold) -> Task:
    assert fold.root.tally is not None
    return fold.root


def test_a_majority_decides_though_voters_are_silent_and_says_how() -> None:
    speech = dict.fromkeys(VOTERS[:3], says("Yes.")) | dict.fromkeys(VOTERS[3:5], silent)

    fold, _ = vote(speech)

    tally = tallied(fold).tally
    assert fold.session.status is SessionStatus.COMPLETED
    assert tally is not None
    assert (tally.rule, tally.outcome, tally.support, tally.required) == ("majority", "yes", 3, 3)
    assert fold.root.result is not None
    assert fold.root.result.data["answer"] == "Yes."
    assert fold.root.result.data["tally"]["outcome"] == "yes"  # type: ignore[index, call-overload]


def test_a_majority_does_not_wait_for_votes_that_cannot_change_it() -> None:
    class Hanging(Speakers):
        async def answer(self, request: ModelRequest) -> ModelAnswer:
            if request.brief.agent.handle in VOTERS[3:5]:
                await asyncio.sleep(3_600)
            return await super().answer(request)

    chamber = Chamber(Hanging(dict.fromkeys(VOTERS[:5], says("yes"))))

    fold = chamber.run(workflow("vote", consensus("Approve?", VOTERS[:5])))

    assert tallied(fold).tally.outcome == "yes"  # type: ignore[union-attr]
    late = [fold.task(fold.root.task_ids[key]) for key in ("voter_4", "voter_5")]
    assert [task.status for task in late] == [TaskStatus.SKIPPED] * 2
    assert verified(chamber.log, fold.session_id).differences == ()


def test_without_a_majority_there_is_no_outcome_and_the_reason_is_told() -> None:
    speech = dict(zip(VOTERS[:4], map(says, ("yes", "no", "yes", "no")), strict=True))

    fold, _ = vote(speech)

    assert fold.session.status is SessionStatus.FAILED
    assert "No answer has the 3 votes it needs" in fold.session.answer


def test_a_quorum_confirms_every_vote_and_names_who_equivocates() -> None:
    speech = dict.fromkeys(VOTERS[:3], says("yes")) | {VOTERS[3]: says("yes", again="no")}

    fold, model = vote(speech, faults=1)

    tally = tallied(fold).tally
    assert tally is not None
    assert tally.equivocators == (VOTERS[3],)
    assert (tally.outcome, tally.support, tally.required) == ("yes", 3, 3)
    assert sorted(model.asked[4:]) == [f"confirm_ballot_{number}" for number in range(1, 5)]
    told = fold.task(fold.root.task_ids["confirm_ballot_1"]).assignment
    assert tally.digest in told.instruction
    assert len(tally.digest) == 64


def test_a_quorum_outvotes_liars_and_has_no_outcome_when_they_are_too_many() -> None:
    lying = dict.fromkeys(VOTERS[:3], says("yes")) | {VOTERS[3]: says("no")}
    spoilt = dict.fromkeys(VOTERS[:2], says("yes")) | dict.fromkeys(VOTERS[2:4], says("no"))

    outvoted, _ = vote(lying, faults=1)
    undecided, _ = vote(spoilt, faults=1)

    assert tallied(outvoted).tally.outcome == "yes"  # type: ignore[union-attr]
    assert tallied(undecided).tally.outcome is None  # type: ignore[union-attr]
    assert undecided.session.status is SessionStatus.FAILED


def test_who_confirms_another_digest_or_nothing_does_not_count() -> None:
    def other_digest(brief: ExecuteBrief) -> ModelAnswer:
        return submit("Voted.", answer="yes", vote="yes", digest="0" * 64)

    def then_silent(brief: ExecuteBrief) -> ModelAnswer | Failure:
        return SILENT if brief.task.key.startswith("confirm_") else submit("", answer="yes")

    speech: dict[str, Speech] = dict.fromkeys(VOTERS[:5], says("yes"))
    fold, _ = vote(speech | {VOTERS[5]: other_digest, VOTERS[6]: then_silent}, faults=2)

    tally = tallied(fold).tally
    assert tally is not None
    assert tally.unconfirmed == (VOTERS[5], VOTERS[6])
    assert tally.outcome == "yes"


DEAL = Negotiation(
    issues=(
        Issue(name="price_usd", unit="USD", low=1.0, high=9.0),
        Issue(name="deadline_s", unit="s", low=60.0, high=600.0),
    ),
    parties=(
        Party(
            agent="MM_001",
            weights={"price_usd": 3, "deadline_s": 1},
            wants_low=("price_usd", "deadline_s"),
        ),
        Party(agent="FIN_007", weights={"price_usd": 1, "deadline_s": 3}),
    ),
    max_rounds=5,
)


def deal(negotiation: Negotiation) -> Workflow:
    return Workflow(
        name="deal", procedure=Procedure(pattern="negotiation", negotiation=negotiation)
    )


def test_offline_agents_come_to_an_agreement_turn_by_turn() -> None:
    fold = Chamber(OfflineModel()).run(deal(DEAL))

    result = fold.root.result
    assert fold.session.status is SessionStatus.COMPLETED
    assert result is not None
    turns = [fold.task(task_id) for task_id in fold.root.task_ids.values()]
    assert [turn.holder for turn in turns[:4]] == ["MM_001", "FIN_007", "MM_001", "FIN_007"]
    assert result.data["turns"] == len(turns) < DEAL.max_turns
    assert all(worth > 0.5 for worth in result.data["utilities"].values())  # type: ignore[union-attr, operator]


def test_parties_that_want_too_much_do_not_agree_and_it_is_told() -> None:
    proud = tuple(party.model_copy(update={"walk_away": 0.95}) for party in DEAL.parties)

    fold = Chamber(OfflineModel()).run(deal(DEAL.model_copy(update={"parties": proud})))

    assert fold.session.status is SessionStatus.FAILED
    assert fold.session.answer.startswith("No agreement: FIN_007 walked away.")


def test_a_party_that_is_silent_or_talks_nonsense_passes_its_turn() -> None:
    def nonsense(brief: ExecuteBrief) -> ModelAnswer:
        return submit("Hm.", move="offer", offer={"price_usd": 900})

    model = Speakers({"MM_001": nonsense, "FIN_007": silent})

    fold = Chamber(model).run(deal(DEAL))

    assert len(fold.root.task_ids) == DEAL.max_turns
    assert "did not agree within 5 rounds" in fold.session.answer


def test_a_party_is_not_told_what_the_other_wants() -> None:
    told: list[str] = []

    class Listening(OfflineModel):
        async def answer(self, request: ModelRequest) -> ModelAnswer:
            told.append(request.brief.model_dump_json())
            return await super().answer(request)

    secret = DEAL.model_copy(
        update={
            "parties": (DEAL.parties[0], DEAL.parties[1].model_copy(update={"walk_away": 0.123}))
        }
    )
    Chamber(Listening()).run(deal(secret))

    own = [text for text in told if '"agent":{"handle":"FIN_007"' in text]
    others = [text for text in told if text not in own]
    assert all("0.123" in text for text in own)
    assert not any("0.123" in text for text in others)


@pytest.mark.parametrize("story", ["vote", "deal"])
def test_votes_and_negotiations_are_recomputed_by_replay(story: str) -> None:
    if story == "vote":
        speech = dict.fromkeys(VOTERS[:3], says("yes")) | {VOTERS[3]: says("yes", again="no")}
        chamber = Chamber(Speakers(speech))
        fold = chamber.run(workflow("vote", consensus("Approve?", tuple(speech), faults=1)))
    else:
        chamber = Chamber(OfflineModel())
        fold = chamber.run(deal(DEAL))

    view = verified(chamber.log, fold.session_id)

    assert view.differences == ()
    assert view.decisions > 10


def test_a_forged_outcome_of_a_vote_is_found_by_replay() -> None:
    speech = dict.fromkeys(VOTERS[:4], says("yes"))
    chamber = Chamber(Speakers(speech))
    fold = chamber.run(workflow("vote", consensus("Approve?", VOTERS[:4], faults=1)))

    def forge(recorded: RecordedEvent, payload: dict[str, Any]) -> None:
        if recorded.type == "task.tallied":
            payload["tally"]["outcome"] = "no"

    view = verified(chamber.log, fold.session_id, forge)

    assert "task.tallied" in str(view.differences[0])


def bids(price: float, reliability: float = 1.0, *, willing: bool = True) -> Speech:
    """Bid for what is announced, and do it when it is awarded."""

    def speak(brief: ExecuteBrief) -> ModelAnswer:
        if brief.task.key.startswith("sealed_bid_"):
            return submit("", willing=willing, price_usd=price, reliability=reliability)
        return submit(f"Drawn by {brief.agent.handle}.", chart="chart.svg")

    return speak


def auctioned(speech: Mapping[str, Speech], **options: Any) -> tuple[SessionFold, Chamber]:
    drawn = task("draw", "Draw the charts.", skills=("charts",))
    chamber = Chamber(Speakers(speech))
    return chamber.run(workflow("charts", auction(drawn, tuple(speech), **options))), chamber


def test_the_best_bid_does_the_task_and_is_paid_by_the_second() -> None:
    speech = {"ANA_007": bids(3.0), "ANA_003": bids(5.0), "CRE_001": bids(1.0, willing=False)}

    fold, chamber = auctioned(speech)

    result = fold.root.result
    assert result is not None
    assert result.summary == "Drawn by ANA_007."
    award = {"rule": "second_price", "winner": "ANA_007", "payment_usd": 5.0, "bids": 2}
    assert result.data == {"chart": "chart.svg", "award": award}
    assert list(fold.root.task_ids) == ["sealed_bid_1", "sealed_bid_2", "sealed_bid_3", "draw"]
    assert verified(chamber.log, fold.session_id).differences == ()


def test_the_first_price_pays_what_was_bid() -> None:
    fold, _ = auctioned({"ANA_007": bids(3.0), "ANA_003": bids(5.0)}, rule=PaymentRule.FIRST_PRICE)

    assert fold.root.result is not None
    assert fold.root.result.data["award"]["payment_usd"] == 3.0  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("speech", "reason"),
    [
        ({"ANA_007": silent, "ANA_003": bids(1.0, willing=False)}, "Nobody bid."),
        ({"ANA_007": bids(9.0)}, "No bid can be accepted: ANA_007 asks 9.0000 USD, over"),
        ({"ANA_007": bids(-1.0)}, "Nobody bid."),
    ],
)
def test_without_an_acceptable_bid_nobody_does_the_task(
    speech: dict[str, Speech], reason: str
) -> None:
    fold, _ = auctioned(speech, reserve_usd=5.0)

    assert fold.session.status is SessionStatus.FAILED
    assert fold.session.answer.startswith(reason)
    assert "draw" not in fold.root.task_ids


def test_a_winner_that_fails_is_told_of() -> None:
    def boast(brief: ExecuteBrief) -> ModelAnswer | Failure:
        return bids(1.0)(brief) if brief.task.key.startswith("sealed_bid_") else SILENT

    fold, _ = auctioned({"ANA_007": boast})

    assert fold.session.answer == "ANA_007 won the task and failed: says nothing"


def test_offline_agents_bid_by_how_they_fit() -> None:
    drawn = task("charts", "Draw the charts.", skills=("charts",))
    fold = Chamber(OfflineModel()).run(
        workflow("charts", auction(drawn, ("FIN_001", "ANA_007", "ANA_003")))
    )

    assert fold.task(fold.root.task_ids["charts"]).holder == "ANA_007"


def test_a_plan_is_given_out_at_once_so_that_all_tasks_fit_best_together() -> None:
    """C6: the Hungarian algorithm; ANA_007 alone draws, though it would be first at both."""
    team = ("ANA_007", "ANA_001")  # charts and graphs; reporting and visualization
    parts = (
        task("report", "Report.", skills=("graphs", "reporting", "visualization")),
        task("draw", "Draw.", skills=("charts",)),
    )
    speech = dict.fromkeys(team, lambda _: submit("Done."))
    holders = {}
    for routing in ("rules", "assignment"):
        chamber = Chamber(Speakers(speech))
        fold = chamber.run(workflow("work", parallel(*parts, team=team, routing=routing)))
        holders[routing] = [fold.task(each).holder for each in fold.root.task_ids.values()]
        assert verified(chamber.log, fold.session_id).differences == ()

    assert holders == {"rules": ["ANA_007", "ANA_007"], "assignment": ["ANA_001", "ANA_007"]}
    decision = fold.task(fold.root.task_ids["report"]).delegations[-1].decision
    assert decision.strategy == "assignment"
    assert [each.handle for each in decision.candidates] == ["ANA_001", "ANA_007"]
    assert decision.candidates[0].facts == {"assigned": 1.0}


def test_offline_voters_confirm_what_they_voted_and_the_digest() -> None:
    question = consensus(
        "Which supplier has the lowest price?",
        VOTERS[:4],
        faults=1,
        choices=("north", "south"),
        arguments={"offers": {"north": 1240, "south": 1175}},
    )

    fold = Chamber(OfflineModel()).run(workflow("vote", question))

    tally = fold.root.tally
    assert tally is not None
    assert (tally.outcome, tally.support, tally.unconfirmed) == ("south", 4, ())
    confirmed = fold.task(fold.root.task_ids["confirm_ballot_1"]).result
    assert confirmed is not None
    assert confirmed.data == {"vote": "south", "digest": tally.digest}


def vote_of_four() -> tuple[Workflow, Speakers]:
    model = Speakers(dict.fromkeys(VOTERS[:4], says("yes")))
    return workflow("vote", consensus("Approve?", VOTERS[:4], faults=1)), model


def lot() -> tuple[Workflow, Speakers]:
    model = Speakers({"ANA_007": bids(3.0), "ANA_003": bids(5.0)})
    drawn = task("draw", "Draw the charts.", skills=("charts",))
    return workflow("charts", auction(drawn, ("ANA_007", "ANA_003"))), model


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    "story",
    [vote_of_four, lambda: (deal(DEAL), OfflineModel()), lot],
    ids=["vote", "negotiation", "auction"],
)
def test_rounds_that_crash_anywhere_go_on_and_come_to_the_same(
    story: Callable[[], tuple[Workflow, Any]], *, recorded: bool
) -> None:
    followed, model = story()
    whole = Chamber(model)
    root = whole.run(followed).root
    for fuse in range(2, whole.log.appends + 1):
        log = staffed_log()
        broken = Chamber(model, log=CrashingLog(log, fuse, recorded=recorded))
        with pytest.raises((Crash, BaseExceptionGroup)):
            broken.run(followed)
        resumed = Chamber(model, log=log, ids=CountingIds(start=9_000))
        session_id = next(each.session_id for each in log.events if each.session_id is not None)
        fold = asyncio.run(resumed.sessions.resume(session_id, lambda _: None))
        assert (fold.root.result, fold.root.tally) == (root.result, root.tally)
