"""The task tree shows who has which task, how it stands, and what it and those below it took."""

from __future__ import annotations

from decimal import Decimal

from domain.task import TaskStatus
from projections.task_tree import TaskNodeView, TaskTreeView, task_tree
from tests.support.histories import MASTERMIND, SPECIALIST, SessionTeller
from tests.support.read_side import ReadSide


def tree_of(read_side: ReadSide, told: SessionTeller, at: int | None = None) -> TaskTreeView:
    with read_side.read_models.reading() as connection:
        return task_tree(connection, told.session_id, at=at)


def only(nodes: tuple[TaskNodeView, ...]) -> TaskNodeView:
    (node,) = nodes
    return node


def test_a_finished_session_shows_what_every_task_took(read_side: ReadSide) -> None:
    told = read_side.tell_plain_session()
    read_side.runner().catch_up()

    tree = tree_of(read_side, told)
    root = only(tree.tasks)
    report = only(root.tasks)

    assert (tree.position, tree.lag) == (read_side.log.last_position(), 0)
    assert (root.key, root.status, root.agent) == ("request", TaskStatus.COMPLETED, MASTERMIND)
    assert (report.key, report.status, report.agent) == ("report", TaskStatus.COMPLETED, SPECIALIST)
    assert (report.department, report.detail) == ("finance", "Done.")
    assert (root.waiting_ms, root.working_ms) == (None, None)  # nobody took the request up
    assert report.started_at is not None
    assert report.ended_at is not None
    assert report.created_at <= report.started_at <= report.ended_at
    waited = report.started_at - report.created_at
    assert report.waiting_ms == waited.total_seconds() * 1000
    assert report.working_ms == 500  # five steps of the clock
    assert (root.own.input_tokens, root.inclusive.input_tokens) == (0, 105)
    assert report.own == report.inclusive
    assert (report.own.model_calls, report.own.tool_calls) == (1, 1)
    assert (root.own.cost_usd, root.inclusive.cost_usd) == (None, Decimal("0.0125"))


def test_a_task_is_shown_as_it_stood(read_side: ReadSide) -> None:
    told = read_side.open_session()
    task = told.create_task()
    created = read_side.log.last_position()
    told.delegate(task, SPECIALIST)
    delegated = read_side.log.last_position()
    told.start(task)
    started = read_side.log.last_position()
    told.fail(task, "cannot be done")
    read_side.runner().catch_up()

    def then(at: int) -> TaskNodeView:
        return only(only(tree_of(read_side, told, at).tasks).tasks)

    assert (then(created).status, then(created).agent) == (TaskStatus.OPEN, MASTERMIND)
    assert (then(delegated).status, then(delegated).agent) == (TaskStatus.OPEN, SPECIALIST)
    assert (then(started).status, then(started).ended_at) == (TaskStatus.STARTED, None)
    assert then(started).detail == ""
    failed = then(read_side.log.last_position())
    assert (failed.status, failed.detail) == (TaskStatus.FAILED, "cannot be done")
    assert tree_of(read_side, told, created - 1).tasks[0].tasks == ()


def test_a_session_of_nobody_has_no_tasks(read_side: ReadSide) -> None:
    told, other = read_side.open_session(), read_side.ids.new()
    read_side.runner().catch_up()

    with read_side.read_models.reading() as connection:
        assert task_tree(connection, other).tasks == ()
    assert len(tree_of(read_side, told).tasks) == 1
