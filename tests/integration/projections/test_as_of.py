"""Every statistics query, as of any moment, says what a plain fold of the events up to it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import sqlalchemy as sa

from domain.event import RecordedEvent
from domain.task import Task
from infrastructure.projecting import ProjectionRunner
from projections.activity import blocks
from projections.agent_statistics import agent_statistics
from projections.catalogue import PROJECTIONS
from projections.delegation_audit import list_delegations
from projections.department_statistics import department_statistics
from projections.error_statistics import Aspect, error_statistics
from projections.message_traffic import message_pairs, message_types
from projections.model_statistics import model_statistics
from projections.orchestrator_summary import orchestrator_summary
from projections.session_list import list_sessions
from projections.task_tree import TaskNodeView, task_tree
from projections.usage import DIMENSIONS, Dimension, usage
from tests.support import raw_statistics as raw
from tests.support.agreement import agree, agree_in_any_order
from tests.support.busy_history import BusyHistory, DatedLog
from tests.support.postgres import TestServer
from tests.support.raw_facts import Fact, RawFacts
from tests.support.read_side import open_read_side

EVENTS = 1_200
APART = timedelta(minutes=37)
"""39 events a day."""

MOMENTS = 20
ALL = 100_000


class Past(NamedTuple):
    """A range of a history that is asked about.

    Attributes:
        events: all up to its end, as `facts`.
    """

    connection: sa.Connection
    after: int
    at: int
    events: list[RecordedEvent]
    facts: list[Fact]

    @property
    def counted(self) -> list[Fact]:
        """The facts of the range itself."""
        return [fact for fact in self.facts if fact.position > self.after]

    @property
    def range(self) -> dict[str, int]:
        """How queries are told the range."""
        return {"after": self.after, "at": self.at}


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
    """Random ranges of a history, half of them from its beginning on."""
    random = Random(request.param)  # noqa: S311 - moments, no secrets
    log = DatedLog(APART)
    BusyHistory(log, request.param).tell(EVENTS)
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
        # Tests may follow each other slowly: between them, no transaction is left open.
        connection.rollback()
        connection.execution_options(isolation_level="AUTOCOMMIT")
        yield [
            Past(
                connection,
                random.choice((0, random.randint(0, at))),
                at,
                log.events[:at],
                RawFacts(log.events[:at]).facts,
            )
            for at in ends
        ]


def test_agents(pasts: list[Past]) -> None:
    for past in pasts:
        page = agent_statistics(past.connection, after=past.after, at=past.at)
        agree(page.items, raw.agents(past.counted))
        assert (page.position, page.next) == (past.at, None)
        for expected in raw.agents(past.counted)[:1]:
            one = agent_statistics(
                past.connection, agent=expected["agent"], after=past.after, at=past.at
            )
            agree(one.items, [expected])


def test_departments(pasts: list[Past]) -> None:
    for past in pasts:
        page = department_statistics(past.connection, **past.range)
        agree(page.items, raw.departments(past.counted))


def test_models(pasts: list[Past]) -> None:
    for past in pasts:
        agree(model_statistics(past.connection, **past.range).items, raw.models(past.counted))


@pytest.mark.parametrize(
    "by",
    [
        *[(dimension,) for dimension in DIMENSIONS],
        *pairwise(DIMENSIONS),
        ("day", "agent"),
        ("department", "session"),
    ],
)
def test_usage(pasts: list[Past], by: tuple[Dimension, ...]) -> None:
    for past in pasts:
        found = usage(past.connection, by, limit=ALL, **past.range).items
        agree_in_any_order(found, raw.usage(past.counted, by), "group")
        if "day" in by:
            days = [view.group["day"] for view in found]
            assert "session" in by or days == sorted(days, key=str)


@pytest.mark.parametrize("by", [("kind", "error"), ("error",), ("agent", "name"), ("kind",)])
def test_errors(pasts: list[Past], by: tuple[Aspect, ...]) -> None:
    for past in pasts:
        found = error_statistics(past.connection, by, limit=ALL, **past.range).items
        agree_in_any_order(found, raw.errors(past.counted, by), "kind", "error", "agent", "name")
        counts = [view.count for view in found]
        assert counts == sorted(counts, reverse=True)


def test_messages(pasts: list[Past]) -> None:
    for past in pasts:
        types = message_types(past.connection, **past.range)
        pairs = message_pairs(past.connection, limit=ALL, **past.range)
        agree(types.items, raw.message_types(past.counted))
        agree_in_any_order(
            pairs.items, raw.message_pairs(past.counted), "from_agent", "to_agent", "type"
        )


def test_the_orchestrator(pasts: list[Past]) -> None:
    for past in pasts:
        view = orchestrator_summary(past.connection, **past.range)
        expected = raw.orchestrator(past.facts, past.after)
        agree_in_any_order(view.errors, expected.pop("errors"), "kind", "error")
        agree_in_any_order(view.requests_by_agent, expected.pop("requests_by_agent"), "agent")
        lists = {"errors", "requests_by_agent", "position", "lag"}
        agree(view.model_dump(exclude=lists), expected)
        assert (view.position, view.lag) == (past.at, 0)


def test_sessions(pasts: list[Past]) -> None:
    for past in pasts:
        requests: dict[UUID, Any] = {}
        for recorded in past.events:
            if recorded.type == "session.opened":
                event: Any = recorded.event
                requests[event.originator_id] = event.charter.request
        found = list_sessions(past.connection, at=past.at, limit=ALL).items
        shown = [view.model_dump(exclude={"answer"}) for view in found]
        agree(shown, raw.sessions(past.facts, requests))


def test_task_trees(pasts: list[Past]) -> None:
    for past in pasts[:6]:
        tasks = replayed(past.events)
        for session_id in {task.assignment.session_id for task in tasks.values()}:
            tree = task_tree(past.connection, session_id, at=past.at)
            nodes = flattened(tree.tasks)
            expected = [task for task in tasks.values() if task.assignment.session_id == session_id]
            assert {node.task_id for node in nodes} == {task.id for task in expected}
            for node in nodes:
                compare(node, tasks)


def test_delegations(pasts: list[Past]) -> None:
    for past in pasts:
        tasks = replayed(past.events)
        found = list_delegations(past.connection, at=past.at, limit=ALL).items
        made = [each for each in past.events if each.type in {"task.delegated", "task.unplaced"}]
        assert [view.position for view in found] == [each.position for each in made]
        for view in found:
            task = tasks[view.task_id]
            assert view.outcome == (task.status.value if task.ended else "open")


def replayed(events: list[RecordedEvent]) -> dict[UUID, Task]:
    """Rebuild all tasks from their events."""
    tasks: dict[UUID, Any] = {}
    for recorded in events:
        if recorded.type.startswith("task."):
            event: Any = recorded.event
            tasks[event.originator_id] = event.mutate(tasks.get(event.originator_id))
    return tasks


def flattened(nodes: tuple[TaskNodeView, ...]) -> list[TaskNodeView]:
    """List nodes and all nodes below them."""
    return [found for node in nodes for found in (node, *flattened(node.tasks))]


def compare(node: TaskNodeView, tasks: dict[UUID, Task]) -> None:
    """Hold a node against its task, and its sums against those of the tasks below."""
    task = tasks[node.task_id]
    assert node.status == task.status
    assert node.agent == task.holder
    assert (node.key, node.depends_on) == (task.assignment.key, task.assignment.depends_on)
    answers = [step.answer for step in task.steps if step.answer is not None and step.call is None]
    taken: list[Any] = list(answers)
    assert node.own.output_tokens == sum(answer.usage.output_tokens for answer in taken)
    assert node.own.input_tokens == sum(answer.usage.context_tokens for answer in taken)
    costs = [answer.cost_usd for answer in taken if answer.cost_usd is not None]
    assert node.own.cost_usd == (sum(costs) if costs else None)
    whole = [node, *flattened(node.tasks)]
    assert node.inclusive.input_tokens == sum(each.own.input_tokens for each in whole)
    assert node.inclusive.model_calls == sum(each.own.model_calls for each in whole)
    children = {each.id for each in tasks.values() if each.assignment.parent_id == task.id}
    assert {child.task_id for child in node.tasks} == children
