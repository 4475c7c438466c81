"""C6: what members of a team did since they joined, and who worked with whom."""

from __future__ import annotations

from infrastructure.past_work import RecordedPastWork
from tests.support.histories import MASTERMIND, SPECIALIST, SessionTeller
from tests.support.read_side import ReadSide

OTHER, THIRD = "ANA_007", "ANA_003"


def work_on(told: SessionTeller, agent: str, outcome: str) -> None:
    """Let an agent take up a task, and end it or not."""
    task = told.create_task()
    told.delegate(task, agent)
    told.start(task)
    if outcome == "completed":
        told.complete(task)
    elif outcome == "failed":
        told.fail(task)


def past_work(read_side: ReadSide) -> RecordedPastWork:
    read_side.runner().catch_up()
    return RecordedPastWork(read_side.read_models.reading)


def test_work_counts_from_the_position_at_which_somebody_joined(read_side: ReadSide) -> None:
    told = read_side.open_session()
    work_on(told, SPECIALIST, "failed")
    work_on(told, OTHER, "failed")
    joined = read_side.log.last_position()
    work_on(told, SPECIALIST, "completed")
    work_on(told, SPECIALIST, "open")

    past, now = past_work(read_side), read_side.log.last_position()
    since = {SPECIALIST: joined, OTHER: 0, THIRD: 0}
    works = past.work(since, now)

    assert (works[SPECIALIST].completed, works[SPECIALIST].failed) == (1, 0)
    assert works[SPECIALIST].load == 1
    assert (works[SPECIALIST].mean_s or 0.0) > 0
    assert (works[OTHER].completed, works[OTHER].failed, works[OTHER].load) == (0, 1, 0)
    assert works[THIRD].mean_s is None
    assert past.work(since, joined)[SPECIALIST].completed == 0
    assert past.work({}, now) == {}


def test_what_is_open_in_a_session_that_ended_is_no_load(read_side: ReadSide) -> None:
    told = read_side.open_session()
    work_on(told, SPECIALIST, "open")
    told.end()

    past = past_work(read_side)

    assert past.work({SPECIALIST: 0}, read_side.log.last_position())[SPECIALIST].load == 0


def test_sessions_in_which_two_completed_tasks_are_counted(read_side: ReadSide) -> None:
    for agents in ((SPECIALIST, OTHER), (SPECIALIST, OTHER, OTHER), (SPECIALIST, THIRD)):
        told = read_side.open_session()
        for agent in agents:
            work_on(told, agent, "completed")
        told.end()

    together = past_work(read_side).together(read_side.log.last_position())

    specialists = {pair: times for pair, times in together.items() if MASTERMIND not in pair}
    assert specialists == {(OTHER, SPECIALIST): 2, (THIRD, SPECIALIST): 1}
