"""Metrics are written as Prometheus reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

from infrastructure.projecting.metrics import BUCKETS_S, Counts, Meter, render
from infrastructure.projecting.status import LIVE, NEXT, EventSetAside, Member, ProjectionStatus
from infrastructure.projecting.storing import Folded
from projections.contexts import Contexts
from projections.conversation_history import CONVERSATION_HISTORY
from projections.protocol import Batch
from projections.session_list import SESSION_LIST

NOW = datetime(2026, 10, 3, 12, tzinfo=UTC)


def folded(after: int, until: int, *slots: str, seconds: float = 0.0) -> Folded:
    members = [
        Member(CONVERSATION_HISTORY, slot, 1, after, 0, None, None, None, None) for slot in slots
    ]
    nothing: Contexts = None  # type: ignore[assignment]  # no handler runs
    batches = [(member, Batch(nothing)) for member in members]
    return Folded(after, until, batches, monotonic() - seconds)


def lines(counts: Counts, *statuses: ProjectionStatus, led: str = "") -> list[str]:
    return [line for line in render(statuses, counts, {led}) if not line.startswith("#")]


def test_every_read_model_has_its_figures() -> None:
    aside = EventSetAside(position=3, error="ValueError: x", reason="y", set_aside_at=NOW)
    well = ProjectionStatus(name="turns", version=1, position=40, lag=2, lag_s=0.25)
    ill = ProjectionStatus(
        name="tasks",
        version=1,
        position=7,
        lag=35,
        failed_position=8,
        paused_at=NOW,
        rebuilt_to=5,
        set_aside=(aside,),
    )
    found = lines(Counts(), well, ill, led="turns")
    for line in (
        'hansard_projection_position{projection="turns"} 40',
        'hansard_projection_lag_events{projection="turns"} 2',
        'hansard_projection_lag_seconds{projection="turns"} 0.25',
        'hansard_projection_stopped{projection="turns"} 0',
        'hansard_projection_stopped{projection="tasks"} 1',
        'hansard_projection_paused{projection="tasks"} 1',
        'hansard_projection_rebuilding{projection="tasks"} 1',
        'hansard_projection_events_set_aside{projection="tasks"} 1',
        'hansard_projection_leads{projection="turns"} 1',
        'hansard_projection_leads{projection="tasks"} 0',
    ):
        assert line in found


def test_batches_are_counted_by_how_long_they_took() -> None:
    meter = Meter()
    meter.took_in(folded(0, 10, LIVE))
    meter.took_in(folded(10, 30, LIVE, NEXT, seconds=0.3))
    meter.took_in(folded(30, 31, LIVE, seconds=60))
    counts = meter.counts()
    assert sum(counts.batches) == 3
    found = lines(counts)
    assert 'hansard_projection_events_total{projection="conversation_history",slot="live"} 31' in (
        found
    )
    assert 'hansard_projection_events_total{projection="conversation_history",slot="next"} 20' in (
        found
    )
    buckets = [line for line in found if "_bucket" in line]
    assert len(buckets) == len(BUCKETS_S) + 1
    assert 'hansard_projection_batch_seconds_bucket{le="0.5"} 2' in buckets
    assert 'hansard_projection_batch_seconds_bucket{le="10.0"} 2' in buckets
    assert 'hansard_projection_batch_seconds_bucket{le="+Inf"} 3' in buckets
    assert "hansard_projection_batch_seconds_count 3" in found
    assert counts.seconds >= 60


def test_counts_that_were_given_do_not_change_any_more() -> None:
    meter = Meter()
    before = meter.counts()
    meter.took_in(folded(0, 10, LIVE))
    assert (sum(before.batches), before.events) == (0, {})


def test_every_metric_says_what_it_is() -> None:
    status = ProjectionStatus(name=SESSION_LIST.name, version=2, position=0, lag=0)
    written = list(render([status], Counts(), ()))
    named = {line.split()[2] for line in written if line.startswith("# TYPE")}
    used = {line.split("{")[0].split()[0] for line in written if not line.startswith("#")}
    assert named == {line.split()[2] for line in written if line.startswith("# HELP")}
    suffixes = ("_bucket", "_sum", "_count")
    plain = {
        next((name.removesuffix(each) for each in suffixes if name.endswith(each)), name)
        for name in used
    }
    assert plain <= named
