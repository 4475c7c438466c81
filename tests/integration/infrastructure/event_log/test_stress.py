"""Many writers and readers at once: nothing missed, nothing repeated, no gap, no inversion."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from infrastructure.database import Connection
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.conftest import RUN_FOLDER
from tests.support.event_log import a_stream, plant
from tests.support.stress.chaos import crashing_server
from tests.support.stress.journal import Account, Append
from tests.support.stress.run import Strain, endure
from tests.support.stress.verdict import judge

SECONDS = 8.0


def test_24_processes_append_while_connections_and_the_server_are_killed(tmp_path: Path) -> None:
    strain = Strain(SECONDS, crash_at=(SECONDS / 2,))
    with crashing_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        outcome = endure(server, tmp_path / "journals", strain)
    print(outcome.table)  # noqa: T201 - for who looks on
    assert outcome.verdict.clean, outcome.table
    assert outcome.crashes == 1
    assert outcome.killed_connections > 10
    assert outcome.verdict.acknowledged > 100
    assert outcome.verdict.refused > 10


@pytest.fixture
def account(recorder: PostgresEventRecorder) -> Account:
    """What two writers and a reader truly say of a log of 6 events."""
    account = Account()
    for _ in range(2):
        logged = recorder.append(a_stream(3))
        event_ids = [str(event.enveloped.event_id) for event in logged]
        account.appends.append(Append(event_ids, [event.position for event in logged]))
    account.readers.append(
        [(event.position, str(event.enveloped.event_id)) for event in recorder.select_log()]
    )
    return account


def test_the_verdict_on_a_log_in_order_is_clean(account: Account, connection: Connection) -> None:
    verdict = judge(connection, account)
    assert verdict.clean
    assert (verdict.events, verdict.acknowledged, verdict.refused) == (6, 2, 0)


DOCTORED: dict[str, tuple[Callable[[Account], object], str]] = {
    "an acknowledged append that is not there": (
        lambda a: a.appends.append(Append([str(uuid4())], [7])),
        "missed",
    ),
    "an acknowledged append that stands elsewhere": (
        lambda a: a.appends[0].positions.reverse(),  # type: ignore[union-attr]
        "missed",
    ),
    "an event that a reader did not see": (lambda a: a.readers[0].pop(), "missed"),
    "an event that a reader skipped": (lambda a: a.readers[0].pop(2), "gaps"),
    "an event that a reader saw twice": (
        lambda a: a.readers[0].append(a.readers[0][-1]),
        "repeated",
    ),
    "events that a reader saw in another order": (lambda a: a.readers[0].reverse(), "inversions"),
    "a refused append that is recorded": (
        lambda a: a.appends.append(Append(a.appends.pop().event_ids, refused=True)),
        "torn",
    ),
    "an append that is recorded in part": (
        lambda a: a.appends.append(Append([*a.appends[0].event_ids, str(uuid4())])),
        "torn",
    ),
    "an append that is scattered": (
        lambda a: a.appends.append(Append([x.event_ids[0] for x in a.appends])),
        "torn",
    ),
}


@pytest.mark.parametrize("fault", DOCTORED)
def test_the_verdict_sees_what_journals_tell(
    account: Account, connection: Connection, fault: str
) -> None:
    doctor, name = DOCTORED[fault]
    doctor(account)
    assert judge(connection, account).faults[name] > 0


@pytest.mark.parametrize(("position", "name"), [(9, "gaps"), (7, "inversions")])
def test_the_verdict_sees_what_the_log_tells(
    account: Account, connection: Connection, position: int, name: str
) -> None:
    plant(connection, position, datetime(2020, 1, 1, tzinfo=UTC))
    assert judge(connection, account).faults[name] > 0
