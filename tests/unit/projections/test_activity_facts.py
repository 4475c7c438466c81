"""Activity holds, of every event that counts, what the plainest fold of the log says it should."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.event import RecordedEvent
from projections.activity import ACTIVITY, activity
from projections.contexts import CONTEXT_TYPES, Contexts
from projections.protocol import Batch
from tests.support.busy_history import BusyHistory, DatedLog
from tests.support.raw_facts import Fact, RawFacts


class LogInMemory:
    """What contexts read of a log in memory."""

    def __init__(self, log: DatedLog) -> None:
        self._log = log

    def stream(self, stream: UUID, until: int) -> Iterable[RecordedEvent]:
        return self._log.read(stream=stream, until=until, types=CONTEXT_TYPES)

    def agents(self, until: int) -> Iterable[RecordedEvent]:
        return self._log.read(until=until, types=("agent.registered", "agent.changed"))


def expected_row(fact: Fact) -> dict[str, Any]:
    row = {name: value for name, value in vars(fact).items() if name != "usage"}
    tokens = fact.usage.model_dump() if fact.usage else {}
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    return row | {name: tokens.get(name) for name in names}


@pytest.mark.parametrize("seed", range(5))
def test_the_facts_are_those_of_a_plain_fold(seed: int) -> None:
    log = DatedLog(timedelta(minutes=1))
    BusyHistory(log, seed).tell(1500)
    contexts = Contexts(LogInMemory(log))
    batch = Batch(contexts)
    for recorded in log.events:
        if recorded.type in ACTIVITY.handlers:
            ACTIVITY.handlers[recorded.type](batch, recorded)
        contexts.note(recorded)
    names = [str(column.name) for column in activity.columns]
    rows = [dict(zip(names, row, strict=True)) for row in batch.rows[activity]]

    expected = [expected_row(fact) for fact in RawFacts(log.events).facts]

    assert {row["kind"] for row in rows} == {fact["kind"] for fact in expected}
    assert len({row["kind"] for row in rows}) == 27  # all there are
    assert rows == expected
