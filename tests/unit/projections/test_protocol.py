"""A batch collects rows that PostgreSQL can store, each at the position of its event."""

from __future__ import annotations

from datetime import timedelta

import pytest
from eventsourcing.utils import resolve_topic
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.projecting.history import LogHistory
from projections.catalogue import PROJECTIONS
from projections.contexts import Contexts
from projections.conversation_history import CONVERSATION_HISTORY, turns
from projections.protocol import Batch, events_set_aside, shape_of, storable
from projections.session_list import SESSION_LIST, first_line
from projections.task_tree import task_starts
from tests.support.busy_history import DatedLog
from tests.support.histories import Ids, SteppingClock, tell_plain_session


@pytest.fixture
def log() -> DatedLog:
    log = DatedLog(timedelta(milliseconds=1))
    tell_plain_session(log, Ids(), SteppingClock())
    return log


@pytest.fixture
def batch(log: DatedLog) -> Batch:
    return Batch(Contexts(LogHistory(log), log.last_position(), frozenset()))


def test_a_row_carries_position_and_time_of_its_event(log: DatedLog, batch: Batch) -> None:
    recorded = next(log.read(types=["conversation.turn_taken"]))
    CONVERSATION_HISTORY.handlers[recorded.type](batch, recorded)
    (row,) = batch.rows[turns]
    said = dict(zip(shape_of(turns).names, row, strict=True))
    assert (said["position"], said["recorded_at"]) == (recorded.position, recorded.recorded_at)
    assert said["text"] == "Report on Q4"
    assert "words" not in said  # the database computes it


def test_a_row_with_an_unknown_column_is_a_fault_of_the_code(log: DatedLog, batch: Batch) -> None:
    with pytest.raises(ValueError, match=r"'task_starts' has no columns \['colour'\]"):
        batch.add(task_starts, log.events[0], agent="NOVA_001", colour="red")


def test_rows_of_a_table_without_time_have_none(log: DatedLog, batch: Batch) -> None:
    batch.add(events_set_aside, log.events[0], reason="a\x00b")
    assert batch.rows[events_set_aside] == [[None, None, 1, None, "a\ufffdb", None]]


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=20))
def test_no_storable_value_holds_a_nul(value: object) -> None:
    assert "\\x00" not in repr(storable(value))


def test_values_without_nul_are_stored_as_they_are() -> None:
    value = {"a": ["b", 1, None, {"c": "d\\u0000"}]}
    assert storable(value) == value
    assert storable({"a\x00": ("b\x00",)}) == {"a\ufffd": ["b\ufffd"]}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# Report\n\nBody", "Report"),
        ("\n\n  plain  \nmore", "plain"),
        ("##\n\nafter an empty heading", "after an empty heading"),
        ("", ""),
        ("x" * 500, "x" * 200),
    ],
)
def test_the_first_line_is_the_first_that_says_something(text: str, line: str) -> None:
    assert first_line(text) == line


def test_read_models_have_different_names_and_known_event_types(log: DatedLog) -> None:
    names = [projection.name for projection in PROJECTIONS]
    assert len(set(names)) == len(names)
    told = {recorded.type for recorded in log.events}
    assert told & set(SESSION_LIST.handlers)


def test_every_handled_type_is_the_name_of_an_event() -> None:
    for projection in PROJECTIONS:
        for type_ in projection.handlers:
            assert type_ == resolve_topic(type_).TOPIC
