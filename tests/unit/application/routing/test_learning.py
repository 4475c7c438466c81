"""Learning: track records out of the log, the same for everybody who learns up to a position."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.routing.learning import EVENT_TYPES, RecordFold, begins_at
from application.routing.ports import ANY_SKILL, LearnedRecords
from domain.effect import Failure, FailureKind
from domain.event import RecordedEvent
from domain.routing import TrackRecord
from infrastructure.routing.track_records import LoggedTrackRecords
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import office
from tests.support.replaying import EVENTFUL
from tests.support.scripted import answer, call

REFUSED = Failure(kind=FailureKind.REFUSED, message="No.")


def learned(events: Iterable[RecordedEvent], block: int = 10_000) -> LearnedRecords:
    fold = RecordFold(block)
    position = 0
    for recorded in events:
        position = recorded.position
        if recorded.type in EVENT_TYPES:
            fold.evolve(recorded)
    return fold.learned(position)


def test_what_an_agent_completed_counts_for_each_skill_that_the_task_asked_for() -> None:
    it = office()
    it.run()

    records = learned(it.log.events).records

    assert records["FIN_007"].keys() == {ANY_SKILL, "statements", "reporting"}
    both = records["FIN_007"]["reporting"]
    assert (both.completed, both.failed) == (2, 0)  # it extracts the data and writes the report
    assert both.cost_usd == pytest.approx(0.002)  # each takes two calls of a tenth of a cent
    assert both.duration_s is not None
    assert both.duration_s > 0
    assert records["ANA_003"]["metrics"].completed == 1
    assert "MM_001" not in records


def test_a_failure_counts_against_who_took_the_task_up_and_nobody_else() -> None:
    it = office({"extract": [answer(call("submit_result", done=False, summary="No."))]})
    it.run()

    records = learned(it.log.events).records

    assert (records["FIN_007"][ANY_SKILL].completed, records["FIN_007"][ANY_SKILL].failed) == (0, 1)
    assert records.keys() == {"FIN_007"}  # what depended on it never began


def test_records_are_averaged_over_wanted_skills_the_first_weighing_most() -> None:
    records = LearnedRecords(
        9,
        {
            "AAA_001": {
                "charts": TrackRecord(4, 0, 2.0, 0.1),
                "graphs": TrackRecord(0, 4, 8.0, None),
            }
        },
    )

    record = records.record_of(["AAA_001"], ("charts", "graphs"))

    assert record is not None
    assert record.completed == pytest.approx(4 / 1.5, abs=1e-6)
    assert record.failed == pytest.approx(2 / 1.5, abs=1e-6)
    assert record.duration_s == pytest.approx((4 * 2.0 + 2 * 8.0) / 6)
    assert record.cost_usd == pytest.approx(0.1)


def test_the_record_of_a_department_is_that_of_its_members_together() -> None:
    records = LearnedRecords(
        9,
        {
            "AAA_001": {ANY_SKILL: TrackRecord(3, 1, 1.0)},
            "AAA_002": {ANY_SKILL: TrackRecord(1, 3, 3.0)},
        },
    )

    assert records.record_of(["AAA_001", "AAA_002"], ()) == TrackRecord(4, 4, 2.0)
    assert records.record_of(["NEW_001"], ()) is None
    assert records.record_of(["AAA_001"], ("sql",)) is None


def test_only_the_newest_blocks_are_learned_from() -> None:
    assert [begins_at(position, 100) for position in (0, 99, 100, 199, 200, 350)] == [
        *(0, 0, 0, 0),
        *(100, 200),
    ]


LOG = office(EVENTFUL | {"charts": [REFUSED]})
for _ in range(6):
    LOG.run()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, len(LOG.log.events)), min_size=1, max_size=6))
def test_who_learns_bit_by_bit_knows_the_same_as_who_begins_there(positions: list[int]) -> None:
    passing = LoggedTrackRecords(LOG.log, refresh_s=0.0, block=150)

    for until in positions:
        anew = LoggedTrackRecords(LOG.log, refresh_s=0.0, block=150)
        assert passing.learned(until) == anew.learned(until)


def test_what_was_learned_serves_for_a_while_and_never_tells_what_comes_later() -> None:
    now = [0.0]
    records = LoggedTrackRecords(LOG.log, refresh_s=10.0, clock=lambda: now[0])
    last = LOG.log.last_position()

    early = records.learned(200)
    assert early.position == 200
    now[0] = 9.0
    assert records.learned(last) is early
    assert records.learned(100).position == 100
    now[0] = 10.0
    assert records.learned(last).position == last


def test_what_ifs_do_not_count() -> None:
    it = office()
    view = it.run()
    before = learned(it.log.events)
    log = InMemoryEventLog()
    log.events.extend(it.log.events)
    fold = RecordFold()
    fold._what_ifs[view.session_id] = 1
    for recorded in log.events:
        if recorded.type in EVENT_TYPES:
            fold.evolve(recorded)

    assert before.records
    assert not fold.learned(log.last_position()).records
