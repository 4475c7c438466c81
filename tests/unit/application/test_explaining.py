"""Explaining: from the user's words to what became of a task, link by link, and on what grounds."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any
from uuid import UUID

import pytest

from application.auditing.views import ExplainedDecisionView, Stage, WhyView
from application.branching import Branch, Branching
from application.errors import BadRequestError, NotFoundError
from application.explaining import DESCRIPTIONS, TEXT_LENGTH, Explaining
from application.fold import SessionFold
from application.integrity import InclusionView
from application.registration import deactivate_agent
from domain.agent import Level
from domain.audit import Access, Audit, ExportedFile, Look
from domain.conversation import Conversation
from domain.effect import Failure, FailureKind
from domain.event import RecordedEvent
from domain.session import Session
from domain.spending import Spent
from domain.task import Task, TaskStatus
from tests.support.branches import NoFiles
from tests.support.event_values import event_classes
from tests.support.given_when_then import AT
from tests.support.office import IMPATIENT, Q4_PLAN, REQUEST, Office, office
from tests.support.scripted import answer, call, propose, submit, use

BUSY = Failure(kind=FailureKind.OVERLOADED, message="The provider is busy.")


class Notary:
    """Proves whatever it is asked for."""

    def __init__(self) -> None:
        self.asked: set[int] = set()

    def prove(self, positions: Collection[int]) -> dict[int, InclusionView]:
        self.asked |= set(positions)
        return {
            position: InclusionView(
                position=position, leaf_hash=f"{position:064x}", covered=True, verified=True
            )
            for position in positions
        }


def task_id_of(it: Office, key: str) -> UUID:
    fold = SessionFold.of(it.events())
    return next(task.id for task in fold.tasks if task.assignment.key == key)


def explaining(it: Office) -> Explaining:
    return Explaining(it.log, Notary())


def why(it: Office, key: str, **choices: Any) -> WhyView:
    return explaining(it).explain(task_id_of(it, key), **choices)


def ran(**script: Any) -> Office:
    it = office(script)
    it.run()
    return it


def test_the_chain_leads_from_the_request_to_the_result() -> None:
    view = why(ran(), "charts")

    texts = [link.text for link in view.chain]
    assert texts[0] == REQUEST
    assert f"USER: {REQUEST}" in texts
    assert "A financial report on Q4 with charts" in texts
    assert "extract, metrics, charts, report: Four steps." in texts
    assert "Draw charts: Draw the development by month." in texts
    assert "asked medium to execute (try 1)" in texts
    assert "scripted-1 answered (10+2 tokens): wants draw_chart" in texts
    assert "draw_chart title: By month" in texts
    assert "Drawn." in texts
    assert texts[-1] == "Here is your report: revenue is 60."
    assert [link.position for link in view.chain] == sorted(link.position for link in view.chain)


def test_the_decisions_are_those_about_the_task() -> None:
    view = why(ran(), "charts")

    assert [decision.to_agent for decision in view.decisions] == [
        "DIR_CREATIVE",
        "DIR_ANALYTICS",
        "ANA_007",
    ]
    delegated = [link.text for link in view.chain if link.type == "task.delegated"]
    assert delegated[0] == "NOVA_001 -> MM_001 (1.00): MM_001 plans every request."
    assert delegated[-1].startswith("DIR_ANALYTICS -> ANA_007 (")
    assert view.task.status is TaskStatus.COMPLETED


def test_the_work_on_other_tasks_is_left_out() -> None:
    it = ran()
    fold = SessionFold.of(it.events())
    view = why(it, "charts")

    others = {task.id for task in fold.planned if task.assignment.key != "charts"}
    streams = {each.position: each.event.originator_id for each in it.events()}
    assert not {streams[link.position] for link in view.chain} & others


def test_the_root_task_explains_the_whole_request() -> None:
    view = why(ran(), "request")

    types = [link.type for link in view.chain]
    assert "task.created" in types
    assert types.count("task.model_called") == 3
    assert types[-1] == "session.completed"


def test_failures_repairs_and_refusals_are_told() -> None:
    it = ran(
        metrics=[
            [BUSY, answer(call("write_document", title="x"))],
            answer(),
            submit("No numbers.", done=False),
        ]
    )

    texts = [link.text for link in why(it, "metrics").chain]

    assert "overloaded: The provider is busy." in texts
    assert "asked medium to execute (try 2)" in texts
    assert "not_allowed: ANA_003 is not authorised to use the tool 'write_document'." in texts
    assert "The answer is empty; use a tool or call submit_result." in texts
    assert "No numbers." in texts


def test_a_declined_and_an_unplaced_request_are_told() -> None:
    nothing = Q4_PLAN.model_copy(update={"tasks": (), "reason": "Nobody flies."})
    assert why(ran(decompose=[propose(nothing)]), "request").chain[-1].text == "Nobody flies."

    lost = Q4_PLAN.tasks[0].model_copy(
        update={"skills": ("juggling", "magic", "tricks", "statements"), "title": "J"}
    )
    it = ran(decompose=[propose(Q4_PLAN.model_copy(update={"tasks": (lost,)}))])
    texts = [link.text for link in why(it, "extract").chain]
    assert sum("Nobody fits juggling, magic" in text for text in texts) >= 2


def test_a_resumed_and_a_cancelled_session_are_told() -> None:
    it = office()
    session_id = it.interrupt("extract")
    it.resume(session_id)
    resumed = [link.text for link in why(it, "extract").chain if link.type == "session.resumed"]
    assert resumed == ["taken up again, 1 effects pending"]


def test_a_long_text_is_shortened() -> None:
    view = why(ran(charts=[use("draw_chart"), submit("long " * 200)]), "charts")

    longest = max((link.text for link in view.chain), key=len)
    assert len(longest) == TEXT_LENGTH
    assert longest.endswith("…")


@pytest.mark.parametrize("asked", [UUID(int=404), str(UUID(int=404)), 100_000])
def test_what_is_not_known_is_not_found(asked: UUID | str | int) -> None:
    it = ran()

    with pytest.raises(NotFoundError, match="is known"):
        explaining(it).explain(asked)


def test_what_is_no_task_is_said_to_be_something_else() -> None:
    it = ran()
    [opened] = it.events("session.opened")

    for asked in (opened.event.originator_id, opened.envelope.event_id, opened.position):
        with pytest.raises(NotFoundError, match=r"'session\.opened' at position"):
            explaining(it).explain(asked)


@pytest.mark.parametrize("asked", ["", "FIN_007", "-1", "1.5", "9" * 30])
def test_what_is_no_id_and_no_position_is_refused(asked: str) -> None:
    with pytest.raises(BadRequestError, match="names no decision and no task"):
        explaining(ran()).explain(asked)


def test_every_event_that_a_chain_may_hold_has_a_description() -> None:
    sessions = {
        event_class
        for event_class in event_classes()
        if event_class.TOPIC.partition(".")[0] in ("session", "conversation", "task")
    }

    assert sessions - set(DESCRIPTIONS) == {Conversation.Created}
    assert {Session.Completed, Task.Completed} <= set(DESCRIPTIONS)


def test_a_look_at_the_audit_is_told_with_what_was_taken_away() -> None:
    file = ExportedFile(format="csv", sha256="ab" * 32, size=10)
    looked: dict[str, Any] = {"system_user": "root", "as_of": 9, "decisions": 3}
    for access, said in (
        (Access(look=Look.LIST, **looked), "audit: 3 decisions as of position 9"),
        (Access(look=Look.ACCESSES, **looked), "accesses: 3 accesses as of position 9"),
        (
            Access(look=Look.EXPORT, export=file, **looked),
            f"export: 3 decisions as of position 9, taken as csv {file.sha256}",
        ),
    ):
        [event] = Audit.note(UUID(int=1), access, AT).collect_events()
        assert DESCRIPTIONS[Audit.Created](event) == said


def test_every_prefix_of_a_session_can_be_explained() -> None:
    it = ran()

    for recorded in it.events()[3:]:
        fold = it.sessions.fold(recorded.session_id or UUID(int=0), recorded.position)
        for task in fold.tasks:
            view = explaining(it).explain(task.id, until=recorded.position)
            assert view.task.task_id == task.id
            assert view.position == recorded.position
            assert view.chain


def test_every_link_has_its_stage() -> None:
    it = ran()
    stages = [link.stage for link in why(it, "charts").chain]

    assert list(dict.fromkeys(stages)) == [
        Stage.REQUEST,
        Stage.INTENT,
        Stage.HANDOVER,
        Stage.PLAN,
        Stage.ASSIGNMENT,
        Stage.DELEGATION,
        Stage.WORK,
        Stage.RESULT,
        Stage.ANSWER,
    ]


def last_decision(it: Office, key: str) -> ExplainedDecisionView:
    return why(it, key).decisions[-1]


def test_a_decision_shows_what_the_decider_knew() -> None:
    it = ran()
    view = last_decision(it, "charts")
    [opened] = it.events("session.opened")

    known = view.knowledge
    assert known.organisation_position == view.decision.knowledge_position == opened.position
    assert (known.department, known.session_position) == ("analytics", view.position - 1)
    assert known.intent is not None
    assert known.intent.goal == "A financial report on Q4 with charts"
    assert known.roster is not None
    handles = [agent.handle for agent in known.agents]
    assert handles == sorted(handles)
    assert {each.handle for each in view.decision.candidates} == {
        agent.handle for agent in known.agents if agent.is_candidate
    }
    drawer = next(agent for agent in known.agents if agent.handle == "ANA_007")
    assert {"charts", "graphs"} <= set(drawer.skills)
    assert (drawer.level, drawer.active) == (Level.SPECIALIST, True)
    assert known.finished == ()


def test_a_decision_shows_all_candidates_the_policy_and_what_the_task_took() -> None:
    it = ran()
    view = last_decision(it, "charts")

    assert len(view.decision.candidates) > 1
    assert view.decision.candidates[0].handle == view.to_agent == "ANA_007"
    assert view.policy == IMPATIENT
    assert (view.from_agent, view.outcome) == ("DIR_ANALYTICS", TaskStatus.COMPLETED)
    assert view.outcome_detail == "Drawn."
    assert view.delegation_id is not None
    assert view.own == view.inclusive
    assert (view.own.model_calls, view.own.tool_calls) == (2, 1)
    assert (view.own.input_tokens, view.own.output_tokens) == (20, 4)
    assert view.waiting_ms is not None
    assert view.working_ms is not None
    assert view.waiting_ms > 0
    assert view.working_ms > 0


def test_the_root_task_took_what_all_tasks_took() -> None:
    it = ran()
    view = why(it, "request")
    below = [why(it, task.key).own for task in Q4_PLAN.tasks]

    assert view.inclusive.model_calls == view.own.model_calls + sum(
        each.model_calls for each in below
    )
    assert view.inclusive.input_tokens == view.own.input_tokens + sum(
        each.input_tokens for each in below
    )


def test_a_director_is_known_by_the_skills_of_its_department() -> None:
    it = ran()
    to_director = why(it, "charts").decisions[0]

    director = next(a for a in to_director.knowledge.agents if a.handle == "DIR_FINANCE")
    assert "reporting" in director.department_skills
    assert to_director.from_agent == "MM_001"
    assert to_director.waiting_ms is None


def test_a_later_change_of_the_organisation_does_not_change_what_was_known() -> None:
    it = ran()
    before = why(it, "charts")

    deactivate_agent(it.log, it.ids, it.clock, "ANA_007", "Holidays.")

    assert why(it, "charts") == before


def decided(it: Office, key: str) -> list[RecordedEvent]:
    task_id = task_id_of(it, key)
    return [each for each in it.events("task.delegated") if each.event.originator_id == task_id]


def test_a_decision_is_found_under_all_its_names() -> None:
    it = ran()
    recorded = decided(it, "charts")[1]
    event: Any = recorded.event
    names = (
        event.delegation.decision.decision_id,
        str(event.delegation.delegation_id),
        recorded.envelope.event_id,
        recorded.position,
        f" {recorded.position} ",
    )

    for name in names:
        view = explaining(it).explain(name)
        assert view.decision_id == event.delegation.decision.decision_id
        assert [each.position for each in view.decisions] == [recorded.position]
        assert view.task.key == "charts"
        assert view.chain == why(it, "charts").chain


def test_any_event_of_a_task_leads_to_the_task() -> None:
    it = ran()
    task_id = task_id_of(it, "charts")
    started = next(e for e in it.events("task.started") if e.event.originator_id == task_id)

    view = explaining(it).explain(started.position)

    assert (view.task.task_id, view.decision_id) == (task_id, None)
    assert view.decisions == why(it, "charts").decisions


def test_a_task_that_was_tried_again_counts_every_attempt() -> None:
    it = ran(charts=[[BUSY, use("draw_chart")], submit("Drawn.")])
    view = last_decision(it, "charts")

    assert view.own.model_calls == 3
    assert view.outcome is TaskStatus.COMPLETED


def test_an_unplaced_task_shows_whom_it_was_too_hard_for() -> None:
    lost = Q4_PLAN.tasks[0].model_copy(
        update={"skills": ("juggling", "magic", "tricks", "statements"), "title": "J"}
    )
    it = ran(decompose=[propose(Q4_PLAN.model_copy(update={"tasks": (lost,)}))])
    view = last_decision(it, "extract")

    assert (view.to_agent, view.delegation_id) == (None, None)
    assert (view.from_agent, view.outcome) == ("DIR_FINANCE", TaskStatus.FAILED)
    assert view.decision.candidates
    assert "FIN_007" in {agent.handle for agent in view.knowledge.agents}
    assert view.working_ms is None
    assert view.own == Spent()
    assert view.own.cost_usd is None
    assert explaining(it).explain(view.decision.decision_id).decisions == (view,)


def test_a_referred_task_shows_both_directors() -> None:
    it = ran()
    referring, placing = why(it, "charts").decisions[1:]

    assert (referring.from_agent, referring.to_agent) == ("DIR_CREATIVE", "DIR_ANALYTICS")
    assert referring.knowledge.department == "creative"
    assert placing.knowledge.department == "analytics"
    known = {agent.handle: agent for agent in referring.knowledge.agents}
    assert known["DIR_ANALYTICS"].is_candidate
    assert "charts" in known["DIR_ANALYTICS"].department_skills


def test_every_link_and_every_decision_has_its_own_proof() -> None:
    it, notary = ran(), Notary()

    bare = Explaining(it.log, notary).explain(task_id_of(it, "charts"))
    view = Explaining(it.log, notary).proven(bare)

    assert all(link.inclusion is None for link in bare.chain)
    assert [link.inclusion.position for link in view.chain if link.inclusion] == [
        link.position for link in view.chain
    ]
    assert [each.inclusion.position for each in view.decisions if each.inclusion] == [
        each.position for each in view.decisions
    ]
    assert notary.asked == {link.position for link in view.chain}


def rewind(it: Office, session_id: UUID, to: int) -> int:
    branching = Branching(it.sessions, NoFiles())
    asyncio.run(branching.rewind(session_id, to, "Once more."))
    return it.events("session.rewound")[-1].position


def test_what_a_rewind_took_back_is_explained_as_of_just_before() -> None:
    it = ran()
    session_id = SessionFold.of(it.events()).session_id
    before = why(it, "charts")
    [planned] = it.events("task.decomposed")

    at = rewind(it, session_id, planned.position - 1)
    view = explaining(it).explain(before.decisions[-1].decision.decision_id)

    assert (view.taken_back_at, view.position) == (at, at - 1)
    assert view.chain == before.chain
    assert view.decisions == before.decisions[-1:]
    with pytest.raises(NotFoundError, match="no part of the history"):
        explaining(it).explain(before.task.task_id, until=at)


def test_a_fork_explains_what_it_inherited_and_what_it_did_itself() -> None:
    it = ran()
    parent = SessionFold.of(it.events()).session_id
    before = why(it, "charts")
    to = before.decisions[-1].position - 1
    fork = it.ids.new()
    branch = Branch("Again.", lambda own: own)
    asyncio.run(Branching(it.sessions, NoFiles()).fork(parent, to, branch, fork_id=fork))
    asyncio.run(it.sessions.resume(fork, it.heard.append))

    own = explaining(it).explain(before.task.task_id, session_id=fork)

    assert explaining(it).explain(before.task.task_id) == before
    assert own.session_id == fork
    assert [each.position for each in own.decisions[:-1]] == [
        each.position for each in before.decisions[:-1]
    ]
    last = own.decisions[-1]
    assert last.position > before.position
    assert (last.session_id, last.to_agent) == (fork, "ANA_007")
    assert explaining(it).explain(last.decision.decision_id).decisions == (last,)
    assert Stage.STEERING in {link.stage for link in own.chain}
    with pytest.raises(NotFoundError, match="no part of the history"):
        explaining(it).explain(last.position, session_id=parent)
