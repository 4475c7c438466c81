"""Activity holds, of every event that counts, what the plainest fold of the log says it should."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from infrastructure.projecting.history import LogHistory
from projections.activity import ACTIVITY, activity, what_if_activity
from projections.contexts import CONTEXT_TYPES, Contexts
from projections.protocol import Batch
from tests.support.branching_history import BranchingHistory
from tests.support.busy_history import BusyHistory, DatedLog
from tests.support.raw_facts import Fact, RawFacts


def expected_row(fact: Fact) -> dict[str, Any]:
    row = {name: value for name, value in vars(fact).items() if name != "usage"}
    tokens = fact.usage.model_dump() if fact.usage else {}
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    return row | {name: tokens.get(name) for name in names}


def folded(log: DatedLog, forget_every: int = 10**9) -> Batch:
    """Let activity take in a log.

    Args:
        forget_every: after so many events, what earlier ones said is read from the log again.
    """
    contexts = Contexts(LogHistory(log))
    batch = Batch(contexts)
    for number, recorded in enumerate(log.events, start=1):
        contexts.position = recorded.position - 1
        if recorded.type in ACTIVITY.handlers:
            ACTIVITY.handlers[recorded.type](batch, recorded)
        if recorded.type in CONTEXT_TYPES:
            contexts.note(recorded)
        if number % forget_every == 0:
            contexts = batch.contexts = Contexts(LogHistory(log), recorded.position)
    return batch


def rows(batch: Batch, table: sa.Table) -> list[dict[str, Any]]:
    names = [str(column.name) for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in batch.rows.get(table, ())]


@pytest.mark.parametrize("seed", range(5))
def test_the_facts_are_those_of_a_plain_fold(seed: int) -> None:
    log = DatedLog(timedelta(minutes=1))
    BusyHistory(log, seed).tell(1500)

    found = rows(folded(log), activity)

    expected = [expected_row(fact) for fact in RawFacts(log.events).facts]
    assert {row["kind"] for row in found} == {fact["kind"] for fact in expected}
    assert len({row["kind"] for row in found}) == 27  # all there are without rewinds and forks
    assert found == expected


@pytest.mark.parametrize(("forget_every", "events"), [(10**9, 1000), (7, 500), (1, 250)])
@pytest.mark.parametrize("seed", range(3))
def test_after_rewinds_and_in_forks_each_event_means_what_it_meant_in_its_history(
    seed: int, forget_every: int, events: int
) -> None:
    log = DatedLog(timedelta(minutes=1))
    BranchingHistory(log, seed).tell(events)

    batch = folded(log, forget_every)

    raw = RawFacts(log.events)
    assert rows(batch, activity) == [expected_row(fact) for fact in raw.facts]
    assert rows(batch, what_if_activity) == [expected_row(fact) for fact in raw.what_if_facts]
    kinds = {fact.kind for fact in raw.facts}
    assert {"session_rewound", "session_forked"} <= kinds or events < 500
