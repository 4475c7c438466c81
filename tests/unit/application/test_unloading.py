"""A14: specialists that nobody uses are unloaded, and come back when they are activated."""

from __future__ import annotations

from datetime import timedelta

from application.directory import load_directory
from application.registration import activate_agent
from application.unloading import unload_idle
from domain.agent import Level
from tests.support.office import staffed_log
from tests.support.scripted import CountingIds, SteadyClock

IDS = CountingIds(60_000)
MOMENT, DAY = timedelta(milliseconds=100), timedelta(days=1)


def late_clock() -> SteadyClock:
    """A clock that stands a good while after the organisation was founded."""
    clock = SteadyClock()
    clock._now += DAY
    return clock


def test_whoever_was_not_used_for_that_long_is_unloaded_and_leaders_stay() -> None:
    log, clock = staffed_log(), late_clock()

    unloaded = unload_idle(log, IDS, clock, {"FIN_007": clock.now()}, MOMENT)

    directory = load_directory(log)
    assert len(unloaded) == 102
    assert directory.count(Level.SPECIALIST, active=True) == 1
    assert directory.agent("FIN_007").active
    assert directory.count(Level.DIRECTOR, active=True) == 14
    assert directory.personal.active
    (first, *_) = log.read(types=("agent.deactivated",))
    assert first.event.reason == "Not used since 2026-10-04 11:59 UTC."  # type: ignore[attr-defined] # the library's


def test_a_dry_run_tells_who_it_would_be_and_changes_nothing() -> None:
    log, clock = staffed_log(), late_clock()
    before = log.last_position()

    assert len(unload_idle(log, IDS, clock, {}, MOMENT, dry_run=True)) == 103
    assert log.last_position() == before


def test_nobody_is_idle_who_was_registered_or_activated_since() -> None:
    log, clock = staffed_log(), late_clock()

    assert unload_idle(log, IDS, clock, {}, 2 * DAY) == ()
    unload_idle(log, IDS, clock, {}, MOMENT)
    activate_agent(log, IDS, clock, "FIN_001")
    assert unload_idle(log, IDS, clock, {}, MOMENT) == ()
