"""Clocks and moments in use: a clock that runs backwards, and what is told of the ends of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import hansard
from application.errors import BadRequestError, NotFoundError
from domain.session import SessionStatus
from infrastructure.database import Connection, connect

REQUEST = "What is 6 * 7?"
ALL = 1000


class BackwardClock:
    """A clock that somebody keeps setting back."""

    def __init__(self) -> None:
        self._now = datetime(2026, 10, 25, 2, tzinfo=UTC)

    def now(self) -> datetime:
        self._now -= timedelta(minutes=7)
        return self._now


def open_on(url: str, output: Path) -> Any:
    return hansard.open(database_url=url, model="offline", output_root=output)


@pytest.fixture
def worked(database_url: str, tmp_path: Path) -> Iterator[tuple[hansard.Hansard, str]]:
    """A session that was run and has ended."""
    with open_on(database_url, tmp_path) as h:
        yield h, str(h.run(REQUEST).session_id)


def durations(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Find every number in an answer that says how long something took."""
    if isinstance(value, dict):
        for name, inner in value.items():
            timed = name.endswith(("_ms", "_s", "seconds"))
            if timed and isinstance(inner, int | float):
                yield f"{path}.{name}", inner
            yield from durations(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from durations(inner, path)


def as_said(answer: Any) -> Any:
    if isinstance(answer, list):
        return [as_said(each) for each in answer]
    return answer.model_dump(mode="json")


def test_a_clock_that_runs_backwards_gives_no_time_back(
    database_url: str, tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hansard.bootstrap.SystemClock", BackwardClock)
    with open_on(database_url, tmp_path) as h:
        view = h.run(REQUEST)
        session = str(view.session_id)
        tasks = [task.task_id for task in view.tasks]
        answers = [
            view,
            h.session(session),
            h.sessions(),
            h.audit(session),
            h.stats(),
            h.departments(),
            h.models(),
            h.orchestrator(),
            h.task_tree(session),
            h.messages(),
            h.turns(session),
            h.situation(),
            *(h.why(task) for task in tasks),
        ]
        tailed = list(h.tail(session, last=ALL))

    assert view.status is SessionStatus.COMPLETED
    found = [each for answer in answers for each in durations(as_said(answer))]
    assert len(found) > 20
    assert [each for each in found if each[1] < 0] == []
    occurred = [event.occurred_at for event in tailed]
    assert occurred == sorted(occurred, reverse=True)
    assert len(set(occurred)) > len(tailed) / 2
    recorded = [event.recorded_at for event in tailed]
    assert recorded == sorted(recorded)
    negative = connection.execute(
        "SELECT count(*) FROM hansard_read.activity WHERE duration_ms < 0 OR latency_ms < 0"
    ).fetchone()
    assert negative == (0,)


def test_before_the_first_event_there_was_nothing(worked: tuple[hansard.Hansard, str]) -> None:
    for moment in (0, "0001-01-01T00:00:00Z", "1999-12-31T23:59:59-11:00"):
        check_nothing_at(*worked, moment)


def check_nothing_at(h: hansard.Hansard, session: str, moment: Any) -> None:
    with pytest.raises(NotFoundError, match=r"It may have been opened after position 0"):
        h.session(session, at=moment)
    assert list(h.task_tree(session, at=moment).tasks) == []
    with pytest.raises(NotFoundError):
        h.agent("NOVA_001", at=moment)
    assert h.agents(at=moment) == []
    for page in (
        h.sessions(at=moment),
        h.audit(at=moment),
        h.stats(at=moment),
        h.turns(at=moment),
        h.departments(at=moment),
        h.similar(REQUEST, at=moment),
    ):
        assert list(page.items) == []
        assert page.position == 0
    everything = [event.position for event in h.tail(since=moment, last=0)]
    assert everything == [*range(1, len(everything) + 1)]
    assert everything[-1] >= h.session(session).position  # who looked at the audit is recorded too


def test_after_the_last_event_all_is_as_it_is_now(worked: tuple[hansard.Hansard, str]) -> None:
    h, session = worked
    now = h.session(session)
    for at in ("9999-12-31T23:59:59.999999-12:00", "2999-01-01T00:00:00Z", now.position + 1000):
        assert h.session(session, at=at).state_hash == now.state_hash
        assert h.agents(at=at) == h.agents()
        assert h.audit(session, at=at).items == h.audit(session).items
        assert h.stats(at=at).items == h.stats().items
        assert h.sessions(at=at).items == h.sessions().items
        assert list(h.tail(since=at)) == []


def test_an_id_that_names_a_time_there_is_none_of_is_not_found(
    worked: tuple[hansard.Hansard, str],
) -> None:
    h, _ = worked
    for name in ("ffffffff-ffff-7fff-8fff-ffffffffffff", "e677d21f-d800-7000-8000-000000000000"):
        with pytest.raises(NotFoundError):
            h.why(name)


def test_a_moment_is_the_same_in_every_zone(worked: tuple[hansard.Hansard, str]) -> None:
    h, session = worked
    [opened] = h.tail(session, types=["session.opened"])
    there = h.session(session, at=opened.recorded_at)
    for zone in ("Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati"):
        local = opened.recorded_at.astimezone(ZoneInfo(zone))
        assert h.session(session, at=local).state_hash == there.state_hash
        assert h.session(session, at=local.isoformat()).state_hash == there.state_hash
        assert next(iter(h.tail(session, since=local.isoformat()))).event_id == opened.event_id
    with pytest.raises(BadRequestError, match="has no zone; add one, for example"):
        h.session(session, at=opened.recorded_at.replace(tzinfo=None))


def test_a_moment_within_a_transaction_is_said_by_position_or_event_id(
    worked: tuple[hansard.Hansard, str], database_url: str
) -> None:
    h, session = worked
    with connect(database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT recorded_at, array_agg(position ORDER BY position) FROM hansard.event_log"
            " WHERE session_id = %s GROUP BY recorded_at HAVING count(*) > 2 ORDER BY 1 LIMIT 1",
            (session,),
        ).fetchone()
    assert row is not None
    recorded_at, together = row
    whole = h.session(session, at=recorded_at)

    assert whole.position == together[-1]
    just_before = recorded_at - timedelta.resolution
    with pytest.raises(NotFoundError):
        h.session(session, at=just_before)
    events = {event.position: event for event in h.tail(session, last=ALL)}
    for position in together[:-1]:
        part = h.session(session, at=position)
        assert part.position == position
        assert part.state_hash != whole.state_hash
        by_id = h.session(session, at=events[position].event_id)
        assert by_id.state_hash == part.state_hash
    assert [event.position for event in h.tail(session, since=recorded_at)] == [*events]
    split = [event.position for event in h.tail(session, since=together[1])]
    assert split == [*events][1:]
