"""Accesses: each look is recorded with who looked, and can be listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from application.auditing.accesses import ACCESSED, AccessQuery, AuditTrail, NotRecordedError
from application.errors import UnavailableError
from domain.audit import Look
from tests.support.in_memory_log import BEGINNING, InMemoryEventLog
from tests.support.scripted import CountingIds, SteadyClock


@pytest.fixture
def log() -> InMemoryEventLog:
    return InMemoryEventLog()


def trail(log: InMemoryEventLog, actor: str = "anna") -> AuditTrail:
    ids = CountingIds(start=1_000 * len(log.events) + 1)
    return AuditTrail(log, SteadyClock(), ids, actor, "root")


def look(log: InMemoryEventLog, actor: str = "anna", **looked: Any) -> None:
    trail(log, actor).record(
        **{"look": Look.LIST, "as_of": 5, "decisions": 2, **looked},
    )


def test_a_look_is_recorded_with_who_looked_outside_of_any_session(log: InMemoryEventLog) -> None:
    look(log, filters={"agent": "FIN_007"})

    [recorded] = log.events
    envelope, event = recorded.envelope, recorded.event
    assert (recorded.type, envelope.actor, envelope.session_id) == (ACCESSED, "anna", None)
    assert envelope.subject is None
    access = vars(event)["access"]
    assert (access.system_user, access.look, access.as_of) == ("root", Look.LIST, 5)
    assert access.filters == {"agent": "FIN_007"}


def test_every_look_has_a_stream_of_its_own(log: InMemoryEventLog) -> None:
    look(log)
    look(log)

    assert len({recorded.event.originator_id for recorded in log.events}) == 2
    assert {recorded.event.originator_version for recorded in log.events} == {1}


def test_what_cannot_be_recorded_is_said_so(log: InMemoryEventLog) -> None:
    def refuse() -> None:
        raise UnavailableError("The disk is full.")

    log.before_append = refuse

    with pytest.raises(NotRecordedError, match=r"Nothing is shown, .* who looked: The disk is ful"):
        look(log)
    assert log.events == []


def test_looks_are_listed_oldest_first_page_by_page(log: InMemoryEventLog) -> None:
    for actor in ("anna", "ben", "anna", "carl"):
        look(log, actor)

    first, following = trail(log).find(AccessQuery(), 3)
    rest, end = trail(log).find(AccessQuery(after=following or 0), 3)

    assert [view.actor for view in first] == ["anna", "ben", "anna"]
    assert following == first[-1].position
    assert ([view.actor for view in rest], end) == (["carl"], None)


def test_looks_are_found_by_who_and_when(log: InMemoryEventLog) -> None:
    for actor in ("anna", "ben", "anna", "carl"):
        look(log, actor)
    second, fourth = (BEGINNING + timedelta(milliseconds=number) for number in (2, 4))

    def found(**query: Any) -> list[int]:
        return [view.position for view in trail(log).find(AccessQuery(**query), 10)[0]]

    assert found(actor="anna") == [1, 3]
    assert found(since=second, before=fourth) == [2, 3]
    assert found(after=1, until=3, actor="anna") == [3]
    assert found(actor="nobody") == []
