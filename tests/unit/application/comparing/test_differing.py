"""Differing: two histories differ in what happened, not in ids, positions, times and folders."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.comparing.differing import compare
from application.comparing.views import ChangeKind, DifferenceView
from application.errors import NotFoundError
from application.history import read_history, read_lineage
from domain.session import Session
from tests.support import branches
from tests.support.branches import Branches
from tests.support.histories import (
    DIRECTOR,
    MASTERMIND,
    NOVA,
    Ids,
    SessionTeller,
    SteppingClock,
    tell_plain_session,
)
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.random_histories import Move, moves, tell


class Desk:
    """A log to tell sessions to."""

    def __init__(self) -> None:
        self.log, self.ids, self.clock = InMemoryEventLog(), Ids(), SteppingClock()

    def plain(self, request: str = "Report on Q4") -> SessionTeller:
        return tell_plain_session(self.log, self.ids, self.clock, request)

    def open(self, request: str = "Report on Q4") -> SessionTeller:
        return SessionTeller(self.log, self.ids, self.clock, request)

    def compare(self, left: SessionTeller, right: SessionTeller) -> DifferenceView:
        return compare(self.log, left=left.session_id, right=right.session_id)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_two_sessions_that_went_the_same_way_do_not_differ(desk: Desk) -> None:
    view = desk.compare(desk.plain(), desk.plain())

    assert not view.differs
    assert (view.divergence, view.state, view.shared_until) == (None, (), None)
    assert (view.events.left, view.events.right, view.events.shared) == (17, 17, 0)
    assert view.events.types == ()
    assert view.left.state_hash != view.right.state_hash


def test_the_first_event_that_differs_is_named_with_field_and_values(desk: Desk) -> None:
    left, right = desk.open(), desk.open()
    for teller, chosen in ((left, MASTERMIND), (right, DIRECTOR)):
        teller.delegate(teller.root, chosen)
        teller.end("cancel", "enough")

    view = desk.compare(left, right)

    found = view.divergence
    assert view.differs
    assert found is not None
    assert (found.subject, found.field) == ("request", "delegation.to_agent")
    assert (found.before, found.after) == (MASTERMIND, DIRECTOR)
    assert found.left is not None
    assert found.right is not None
    assert (found.left.type, found.left.task_key) == ("task.delegated", "request")
    assert desk.log.events[found.left.position - 1].session_id == left.session_id
    assert desk.log.events[found.right.position - 1].session_id == right.session_id


def test_events_of_other_types_differ_in_their_type(desk: Desk) -> None:
    left, right = desk.open(), desk.open()
    left.complete(left.root)
    right.fail(right.root)

    found = desk.compare(left, right).divergence

    assert found is not None
    assert (found.field, found.before, found.after) == ("type", "task.completed", "task.failed")


def test_tasks_at_the_same_time_may_come_in_any_order(desk: Desk) -> None:
    left, right = desk.open(), desk.open()
    for teller, order in ((left, (0, 1)), (right, (1, 0))):
        tasks = [teller.create_task("one"), teller.create_task("two")]
        effects = [teller.call_model(task) for task in tasks]
        for index in order:
            teller.answer_model(tasks[index], effects[index])
        for index in order:
            teller.complete(tasks[index])

    assert not desk.compare(left, right).differs


def test_effects_at_the_same_time_may_end_in_any_order(desk: Desk) -> None:
    left, right, third = desk.open(), desk.open(), desk.open()
    for teller, order in ((left, (0, 1)), (right, (1, 0)), (third, (1, 0))):
        task = teller.create_task()
        effects = [teller.call_tool(task), teller.call_tool(task)]
        for index in order[: 1 if teller is third else 2]:
            teller.answer_tool(task, effects[index])

    assert not desk.compare(left, right).differs
    view = desk.compare(left, third)
    assert view.divergence is not None
    assert view.divergence.left is not None
    assert (view.divergence.left.type, view.divergence.right) == ("task.tool_answered", None)
    assert [change.path for change in view.state] == [
        *("tasks[report].tool_calls", "tasks[report].steps[report:1]"),
        "tasks[report].pending[report:1]",
    ]


def test_the_earliest_of_several_differences_is_named(desk: Desk) -> None:
    left, right = desk.open(), desk.open()
    for teller, words in ((left, ("a", "b")), (right, ("c", "d"))):
        task = teller.create_task()
        teller.complete(task, words[0])
        teller.say(NOVA, words[1])

    found = desk.compare(left, right).divergence

    assert found is not None
    assert (found.subject, found.field) == ("report", "result.summary")


def test_a_moment_and_a_later_one_part_where_the_earlier_ends(desk: Desk) -> None:
    told = desk.plain()

    view = compare(desk.log, left=told.session_id, right=told.session_id, left_until=10)

    found = view.divergence
    assert view.shared_until == 10
    assert view.events.shared == view.events.left == 10
    assert found is not None
    assert found.left is None
    assert found.right is not None
    assert (found.right.position, found.field) == (11, "")
    changed = {change.path: change for change in view.state}
    assert changed["status"].kind is ChangeKind.CHANGED
    assert (changed["status"].before, changed["status"].after) == ("running", "completed")
    assert changed["turns[1]"].kind is ChangeKind.ADDED
    assert changed["tasks[report].result"].before is None


def test_what_each_side_and_each_task_took_is_told(desk: Desk) -> None:
    left, right = desk.open(), desk.open()
    task = left.create_task("one")
    left.answer_model(task, left.call_model(task))
    left.complete(task)
    right.create_task("two")

    view = desk.compare(left, right)

    one, other = view.metrics.left, view.metrics.right
    assert (one.model_calls, one.tool_calls, one.input_tokens) == (1, 0, 105)
    assert (one.cost_usd, other.cost_usd) == (Decimal("0.0125"), Decimal(0))
    assert one.duration_s == Decimal("0.011")
    assert [(task.key, task.left is None, task.right is None) for task in view.tasks] == [
        ("request", False, False),
        ("one", False, True),
        ("two", True, False),
    ]
    spent = view.tasks[1].left
    assert spent is not None
    assert (spent.model_calls, spent.output_tokens, spent.duration_s) == (1, 20, Decimal("0.003"))
    assert [(kind.type, kind.left, kind.right) for kind in view.events.types] == [
        ("task.completed", 1, 0),
        ("task.model_answered", 1, 0),
        ("task.model_called", 1, 0),
    ]


def test_ids_within_tasks_are_told_by_key_and_order(desk: Desk) -> None:
    left, right = desk.open(), desk.open()
    for teller in (left, right):
        first, second = teller.create_task("part"), teller.create_task("part")
        teller.call_model(first)
        teller.call_model(second)
    right.call_tool(right.root)

    view = desk.compare(left, right)

    assert [task.key for task in view.tasks] == ["request", "part", "part#2"]
    assert [change.path for change in view.state] == ["tasks[request].pending[request:1]"]


@given(moves(most=40))
@settings(max_examples=40, deadline=None)
def test_no_history_differs_from_itself(story: list[Move]) -> None:
    log = InMemoryEventLog()
    tell(log, story)
    for session_id in {each.session_id for each in log.events if each.session_id is not None}:
        view = compare(log, left=session_id, right=session_id)

        assert not view.differs
        assert view.events.shared == view.events.left == view.events.right


BRANCHING = st.lists(
    st.builds(
        branches.Move, st.sampled_from(branches.MOVES), st.integers(0, 5), st.integers(0, 10_000)
    ),
    min_size=2,
    max_size=8,
)


@given(BRANCHING, st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_branches_share_the_events_that_their_histories_have_in_common(
    story: list[branches.Move], at: int, other_at: int
) -> None:
    told = Branches()
    for move in story:
        told.move(move)
    log = told.desk.log
    last = log.last_position()
    for left in told.sessions:
        for right in told.sessions:
            untils = [_moment(log, left, at % last), _moment(log, right, other_at % last)]
            view = compare(log, left=left, right=right, left_until=untils[0], right_until=untils[1])
            sides = [
                [each.position for each in read_history(log, read_lineage(log, session_id, until))]
                for session_id, until in zip((left, right), untils, strict=True)
            ]
            common = [one for one, other in zip(*sides, strict=False) if one == other]
            assert view.events.shared == len(common)
            assert view.shared_until == (common[-1] if common else None)
            if left == right and untils[0] == untils[1]:
                assert not view.differs


def _moment(log: InMemoryEventLog, session_id: UUID, at: int) -> int:
    return max(at, next(log.read(stream=session_id)).position)


def test_a_fork_differs_from_its_parent_in_what_each_did_since() -> None:
    told = Branches()
    parent = told.sessions[0]
    log = told.desk.log
    middle = log.last_position() - 12
    view = told.fork(parent, middle)
    fork_id = told.sessions[-1]
    assert view.what_if is False

    same = compare(log, left=parent, right=fork_id, left_until=middle)
    assert not same.differs
    assert same.left.state_hash == same.right.state_hash
    assert same.shared_until == middle

    told.say(fork_id, "Something else.")
    found = compare(log, left=parent, right=fork_id, left_until=middle)
    assert [change.kind for change in found.state] == [ChangeKind.ADDED]
    assert found.state[0].path.startswith("turns[")
    assert found.divergence is not None
    assert found.divergence.subject == "conversation"
    assert found.divergence.right is not None
    assert found.divergence.right.type == "conversation.turn_taken"


def test_the_organisation_is_compared_when_that_is_asked_for() -> None:
    told = Branches()
    log = told.desk.log
    session_id = told.sessions[0]
    opened = next(each for each in log.read() if isinstance(each.event, Session.Created)).position

    view = compare(
        log, left=session_id, right=session_id, left_until=opened, right_until=opened,
        organisation=True,
    )  # fmt: skip
    assert view.organisation == ()
    assert not view.differs
    assert compare(log, left=session_id, right=session_id).organisation is None


def test_a_session_that_was_not_there_yet_is_not_found(desk: Desk) -> None:
    told, later = desk.plain(), desk.plain()

    with pytest.raises(NotFoundError):
        compare(desk.log, left=told.session_id, right=uuid4())
    with pytest.raises(NotFoundError):
        compare(desk.log, left=told.session_id, right=later.session_id, right_until=17)
