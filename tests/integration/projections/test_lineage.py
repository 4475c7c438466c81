"""After rewinds, in forks and beside what-ifs, every query says what a plain reading says.

Lists, trees and turns are held against folds of the history that `application.history` reads,
statistics against facts that are folded from raw events without the read side.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import sqlalchemy as sa

from application.fold import SessionFold
from application.history import Lineage, read_history, read_lineage
from domain.conversation import USER
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.task import TaskStatus
from infrastructure.projecting import ProjectionRunner
from projections.activity import blocks
from projections.agent_statistics import agent_statistics
from projections.catalogue import PROJECTIONS
from projections.conversation_history import list_turns
from projections.delegation_audit import DelegationFilter, list_delegations
from projections.department_statistics import department_statistics
from projections.error_statistics import error_statistics
from projections.lineage import segments_of
from projections.message_traffic import message_pairs, message_types
from projections.model_statistics import model_statistics
from projections.orchestrator_summary import orchestrator_summary
from projections.overview import costliest_sessions, session_days, strategies
from projections.session_list import first_line, list_sessions
from projections.similar_queries import similar_items
from projections.situation import situation
from projections.task_tree import TaskNodeView, task_tree
from projections.usage import Dimension, usage
from tests.support import raw_statistics as raw
from tests.support.agreement import agree, agree_in_any_order
from tests.support.branching_history import BranchingHistory
from tests.support.busy_history import DatedLog
from tests.support.in_memory_log import BEGINNING
from tests.support.postgres import TestServer
from tests.support.raw_facts import Fact, RawFacts
from tests.support.read_side import Contents, ReadSide, open_read_side

EVENTS = 1_000
APART = timedelta(minutes=37)
MOMENTS = 9
ALL = 100_000

BY: tuple[tuple[Dimension, ...], ...] = (("session",), ("day", "model"))
DECISIONS = ("task.delegated", "task.unplaced")
ENDS = tuple(f"session.{status.value}" for status in SessionStatus)


class Told(NamedTuple):
    """A session as it was told at a moment.

    Attributes:
        events: of its history.
    """

    lineage: Lineage
    events: list[RecordedEvent]
    fold: SessionFold

    @property
    def positions(self) -> set[int]:
        """Where its history stands in the log."""
        return {recorded.position for recorded in self.events}


class Past(NamedTuple):
    """A range of a history that is asked about, and every session as it was told at its end."""

    connection: sa.Connection
    after: int
    at: int
    events: list[RecordedEvent]
    raw: RawFacts
    sessions: dict[UUID, Told]

    @property
    def counted(self) -> list[Fact]:
        """The facts of the range itself."""
        return [fact for fact in self.raw.facts if fact.position > self.after]

    @property
    def range(self) -> dict[str, int]:
        """How queries are told the range."""
        return {"after": self.after, "at": self.at}

    @property
    def counting(self) -> dict[UUID, Told]:
        """All sessions but what-ifs."""
        return {key: told for key, told in self.sessions.items() if not told.lineage.what_if}

    def of_type(self, *types: str) -> list[RecordedEvent]:
        """List events of some types, of all sessions but what-ifs."""
        return [
            each for each in self.events if each.type in types and each.session_id in self.counting
        ]

    def is_taken_back(self, recorded: RecordedEvent) -> bool:
        """Tell whether an event is no longer of its own session's history."""
        assert recorded.session_id is not None
        return recorded.position not in self.sessions[recorded.session_id].positions


def told_at(log: DatedLog, session_id: UUID, at: int) -> Told:
    lineage = read_lineage(log, session_id, at)
    events = list(read_history(log, lineage))
    return Told(lineage, events, SessionFold.of(events))


def past_of(connection: sa.Connection, log: DatedLog, after: int, at: int) -> Past:
    events = log.events[:at]
    began = [each for each in events if each.type in {"session.opened", "session.forked"}]
    ids = [each.session_id for each in began if each.session_id is not None]
    sessions = {session_id: told_at(log, session_id, at) for session_id in ids}
    return Past(connection, after, at, events, RawFacts(events), sessions)


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    """Let blocks be so small that ranges are made of blocks of all levels and ragged ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "LEVELS", [3, 5, 8])
        yield


@pytest.fixture(scope="module", params=[1, 2, 3])
def pasts(
    postgres_server: TestServer, _small_blocks: None, request: pytest.FixtureRequest
) -> Iterator[list[Past]]:
    """Random ranges of a branching history, half of them from its beginning on."""
    random = Random(request.param)  # noqa: S311 - moments, no secrets
    log = DatedLog(APART)
    BranchingHistory(log, request.param).tell(EVENTS)
    ends = [*random.sample(range(1, len(log.events)), MOMENTS - 2), 0, len(log.events)]
    with (
        postgres_server.fresh_database() as conninfo,
        open_read_side(conninfo) as read_side,
        closing(
            ProjectionRunner(log, read_side.pool, read_side.connect, PROJECTIONS, 97)
        ) as runner,
        read_side.read_models.reading() as connection,
    ):
        assert {status.position for status in runner.catch_up()} == {len(log.events)}
        connection.rollback()
        connection.execution_options(isolation_level="AUTOCOMMIT")
        yield [
            past_of(connection, log, random.choice((0, random.randint(0, at))), at) for at in ends
        ]


def test_histories(pasts: list[Past]) -> None:
    for past in pasts:
        for session_id, told in past.sessions.items():
            found = segments_of(past.connection, session_id, past.at)
            assert positions(past, found) == told.positions


def positions(past: Past, segments: Any) -> set[int]:
    return {
        each.position
        for each in past.events
        for session_id, after, until in segments
        if each.session_id == session_id and after < each.position <= until
    }


def test_statistics_count_what_was_taken_back_but_no_what_ifs(pasts: list[Past]) -> None:
    for past in pasts:
        connection: Any = past.connection
        span: Any = past.range
        agree(agent_statistics(connection, **span).items, raw.agents(past.counted))
        agree(department_statistics(connection, **span).items, raw.departments(past.counted))
        agree(model_statistics(connection, **span).items, raw.models(past.counted))
        agree(message_types(connection, **span).items, raw.message_types(past.counted))
        pairs = message_pairs(connection, limit=ALL, **span).items
        keys = ("from_agent", "to_agent", "type")
        agree_in_any_order(pairs, raw.message_pairs(past.counted), *keys)
        for by in BY:
            found = usage(connection, by, limit=ALL, **span).items
            agree_in_any_order(found, raw.usage(past.counted, by), "group")
        failures = error_statistics(connection, limit=ALL, **span).items
        expected = raw.errors(past.counted, ("kind", "error"))
        agree_in_any_order(failures, expected, "kind", "error", "agent", "name")


def test_the_orchestrator_counts_what_runs_in_histories(pasts: list[Past]) -> None:
    for past in pasts:
        view = orchestrator_summary(past.connection, **past.range)
        expected = raw.orchestrator(past.raw.facts, past.after)
        folds = [told.fold for told in past.counting.values()]
        running = sum(fold.session.status is SessionStatus.RUNNING for fold in folds)
        expected["sessions"]["running"] = running
        expected["running_tasks"] = sum(not task.ended for fold in folds for task in fold.tasks)
        lists = {"errors", "requests_by_agent"}
        agree(
            view.model_dump(exclude=lists | {"position", "lag"}),
            {name: value for name, value in expected.items() if name not in lists},
        )


def test_days_and_strategies(pasts: list[Past]) -> None:
    for past in pasts:
        days = session_days(past.connection, **past.range).items
        for event in ("opened", "forked", "rewound"):
            expected = sum(fact.kind == f"session_{event}" for fact in past.counted)
            assert sum(row.count for row in days if row.event == event) == expected
        found = strategies(past.connection, **past.range).items
        made = [each for each in past.of_type(*DECISIONS) if each.position > past.after]
        assert sum(row.decisions for row in found) == len(made)


def test_the_costliest_sessions(pasts: list[Past]) -> None:
    for past in pasts:
        found = costliest_sessions(past.connection, limit=ALL, **past.range).items
        counted = [fact for fact in past.counted if fact.kind == "model_answer"]
        own = {key: [fact for fact in counted if fact.session_id == key] for key in past.sessions}
        assert {row.session_id: (row.answers, row.cost_usd) for row in found} == {
            key: (len(facts), raw.cost(facts)) for key, facts in own.items() if facts
        }
        for row in found:
            assert row.status is past.sessions[row.session_id].fold.session.status


def expected_summary(past: Past, session_id: UUID) -> dict[str, Any]:
    told = past.sessions[session_id]
    session = told.fold.session
    [began] = [each for each in past.events if each.event.originator_id == session_id][:1]
    ends = [each for each in told.events if each.type in ENDS]
    message = session.failure and session.failure.message
    answer = "\n".join(part for part in (message, session.answer) if part)
    facts = past.raw.what_if_facts if told.lineage.what_if else past.raw.facts
    own = [fact for fact in facts if fact.session_id == session_id]
    origin = told.lineage.origins[0] if told.lineage.origins else None
    return {
        "session_id": session_id,
        "position": began.position,
        "status": session.status,
        "opened_at": began.recorded_at,
        "ended_at": max(ends[-1].recorded_at, began.recorded_at) if ends else None,
        "answer": first_line(answer) if ends else "",
        "model_calls": raw.number(own, "model_call"),
        "cost_usd": raw.cost(own),
        "parent_id": origin and origin.session_id,
        "forked_at": origin and origin.position,
        "what_if": told.lineage.what_if,
    }


def test_the_session_list(pasts: list[Past]) -> None:
    for past in pasts:
        for what_ifs, sessions in ((False, past.counting), (True, past.sessions)):
            found = list_sessions(past.connection, at=past.at, what_ifs=what_ifs, limit=ALL).items
            expected = [expected_summary(past, session_id) for session_id in sessions]
            expected.sort(key=lambda each: -each["position"])
            agree([view.model_dump(include=set(expected[0])) for view in found], expected)
            for status in SessionStatus:
                standing = list_sessions(
                    past.connection, at=past.at, what_ifs=what_ifs, status=status, limit=ALL
                ).items
                assert standing == tuple(view for view in found if view.status is status)


def test_a_search_finds_what_a_session_was_told_in_its_history(pasts: list[Past]) -> None:
    for past in pasts:
        for word in ("plums", "told"):
            page = list_sessions(past.connection, at=past.at, text=word, limit=ALL)
            assert {view.session_id for view in page.items} == {
                key
                for key, told in past.counting.items()
                if word in f"{told.fold.session.charter.request} {told.fold.session.answer}"
            }


def test_task_trees(pasts: list[Past]) -> None:
    for past in pasts:
        facts = [*past.raw.facts, *past.raw.what_if_facts]
        for session_id, told in past.sessions.items():
            tree = task_tree(past.connection, session_id, at=past.at)
            nodes = {node.task_id: node for node in flattened(tree.tasks)}
            assert set(nodes) == {task.id for task in told.fold.tasks}
            for task in told.fold.tasks:
                node = nodes[task.id]
                assert (node.status, node.agent) == (task.status, task.holder)
                assert node.parent_id == task.assignment.parent_id
                own = [
                    fact
                    for fact in facts
                    if fact.task_id == task.id and fact.position in told.positions
                ]
                assert node.own.cost_usd == raw.cost(own)
                assert node.own.model_calls == raw.number(own, "model_call")


def flattened(nodes: tuple[TaskNodeView, ...]) -> list[TaskNodeView]:
    return [found for node in nodes for found in (node, *flattened(node.tasks))]


def test_turns_of_a_session_are_those_of_its_history(pasts: list[Past]) -> None:
    for past in pasts:
        for session_id, told in past.sessions.items():
            found = list_turns(past.connection, at=past.at, session_id=session_id, limit=ALL).items
            turns = told.fold.conversation.turns if told.fold.tasks else []
            assert [view.turn_id for view in found] == [turn.turn_id for turn in turns]
            assert {view.conversation_id for view in found} <= {told.fold.session.conversation_id}
            assert not any(view.rewound for view in found)
            whole = list_turns(
                past.connection, at=past.at, session_id=session_id, rewound=True, limit=ALL
            ).items
            assert tuple(view for view in whole if not view.rewound) == found
            own = [
                each.position
                for each in past.events
                if each.type == "conversation.turn_taken" and each.session_id == session_id
            ]
            assert [view.position for view in whole if view.session_id == session_id] == own


def test_turns_of_all_sessions_say_what_was_taken_back(pasts: list[Past]) -> None:
    for past in pasts:
        found = list_turns(past.connection, at=past.at, limit=ALL).items
        said = past.of_type("conversation.turn_taken")
        assert [(view.position, view.rewound) for view in found] == [
            (each.position, past.is_taken_back(each)) for each in said
        ]
        everything = list_turns(past.connection, at=past.at, what_ifs=True, limit=ALL).items
        assert [view.position for view in everything] == [
            each.position for each in past.events if each.type == "conversation.turn_taken"
        ]


def test_decisions_of_a_session_are_those_of_its_history(pasts: list[Past]) -> None:
    for past in pasts:
        for session_id, told in past.sessions.items():
            wanted = DelegationFilter(session_id=session_id)
            found = list_delegations(past.connection, wanted, at=past.at, limit=ALL).items
            made = [each for each in told.events if each.type in DECISIONS]
            assert [view.position for view in found] == [each.position for each in made]
            for view, each in zip(found, made, strict=True):
                task = told.fold.task(told.fold.aggregate_of(each.event.originator_id))
                assert view.task_id == task.id
                assert view.outcome == (task.status.value if task.ended else "open")
                assert view.what_if is (view.session_id not in past.counting)


def test_decisions_of_all_sessions_say_what_was_taken_back(pasts: list[Past]) -> None:
    for past in pasts:
        found = list_delegations(past.connection, at=past.at, limit=ALL).items
        made = past.of_type(*DECISIONS)
        assert [(view.position, view.rewound) for view in found] == [
            (each.position, past.is_taken_back(each)) for each in made
        ]
        wanted = DelegationFilter(what_ifs=True)
        everything = list_delegations(past.connection, wanted, at=past.at, limit=ALL).items
        assert [view.position for view in everything] == [
            each.position for each in past.events if each.type in DECISIONS
        ]


def test_the_situation_shows_what_is_open_in_histories(pasts: list[Past]) -> None:
    for past in pasts:
        as_of = past.events[-1].recorded_at if past.events else BEGINNING
        view = situation(
            past.connection, [], as_of=as_of, window=timedelta(hours=2), after=0, at=past.at
        )
        running = {
            key: told.fold
            for key, told in past.counting.items()
            if told.fold.session.status is SessionStatus.RUNNING
        }
        assert {session.session_id for session in view.sessions} == set(running)
        for session in view.sessions:
            fold = running[session.session_id]
            opened = {task.id: task for task in fold.tasks if not task.ended}
            assert {task.task_id for task in session.tasks} == set(opened)
            for shown in session.tasks:
                task = opened[shown.task_id]
                assert shown.agent == task.holder
                assert shown.session_id == session.session_id
                assert (shown.standing == "divided") is (task.status is TaskStatus.DECOMPOSED)


def test_similar_queries_hold_no_words_of_what_ifs(pasts: list[Past]) -> None:
    past = pasts[-1]
    found = past.connection.execute(
        sa.select(similar_items.columns.position).order_by(similar_items.columns.position)
    ).scalars()
    said: list[Any] = past.of_type("conversation.turn_taken")
    assert list(found) == [each.position for each in said if each.event.turn.text.strip()]
    assert any(each.event.turn.speaker == USER for each in said)


@pytest.mark.parametrize("seed", [4, 5])
def test_however_it_is_taken_in_and_built_anew_the_rows_are_the_same(
    read_side: ReadSide, seed: int
) -> None:
    log = DatedLog(APART)
    BranchingHistory(log, seed).tell(400)
    for until in (*range(7, 400, 31), len(log.events)):
        # Whoever begins here has to read from the log what earlier events said.
        with closing(
            ProjectionRunner(log, read_side.pool, read_side.connect, PROJECTIONS, 11)
        ) as runner:
            runner.catch_up(until)
    piecemeal = facts(read_side)
    with closing(ProjectionRunner(log, read_side.pool, read_side.connect)) as runner:
        runner.rebuild_together([each.name for each in PROJECTIONS])
    assert facts(read_side) == piecemeal
    assert piecemeal["what_if_activity"]
    assert any(row[-1] is False for row in piecemeal["session_segments"])


def facts(read_side: ReadSide) -> Contents:
    """Read all rows but sums, whose last digits depend on the order in which they were added up."""
    kept = {table.name for each in PROJECTIONS for table in each.tables}
    return {name: rows for name, rows in read_side.contents().items() if name in kept}
