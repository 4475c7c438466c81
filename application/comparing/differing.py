"""Differing: in what two histories, their states and what they took differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from pydantic import JsonValue

from application.comparing.aligning import UNCOMPARED, ComparedEvent, first_divergence
from application.comparing.figures import Account, SessionFigures, seconds
from application.comparing.naming import Names, payload
from application.comparing.structure import difference
from application.comparing.views import (
    ChangeView,
    DifferenceView,
    EventCountsView,
    MetricsPairView,
    MetricsView,
    SideView,
    TaskMetricsView,
    TypeCountView,
)
from application.directory import load_directory
from application.fold import SessionFold
from application.history import Lineage, read_history, read_lineage
from application.ports import EventLog
from application.views import PLACE, organisation_view, session_view
from domain.event import RecordedEvent


class _Side:
    """One of the two histories, folded.

    Attributes:
        unshared: its events that the other history does not share.
        shared: how many events both share.
        last_shared: position of the last of these; None when there is none.
    """

    def __init__(self, log: EventLog, lineage: Lineage, common: int) -> None:
        self.fold = SessionFold()
        self.figures = SessionFigures(lineage.session_id)
        self.names = Names()
        self.types: Counter[str] = Counter()
        self.unshared: list[ComparedEvent] = []
        self.shared = 0
        self.last_shared: int | None = None
        for recorded in read_history(log, lineage):
            self._take(recorded, common)
        self.view = session_view(self.fold)

    def _take(self, recorded: RecordedEvent, common: int) -> None:
        self.fold.evolve(recorded)
        self.figures.take(recorded)
        self.names.learn(recorded)
        self.types[recorded.type] += 1
        if recorded.position <= common:
            self.shared += 1
            self.last_shared = recorded.position
        elif recorded.type not in UNCOMPARED:
            subject = self.names.subject(recorded)
            effect = self.names.effect(recorded)
            document = self.names.document(payload(recorded))
            self.unshared.append(
                ComparedEvent(len(self.unshared), subject, effect, recorded, document)
            )

    def summary(self) -> SideView:
        """Say which history it is."""
        view = self.view
        return SideView(
            session_id=view.session_id,
            position=view.position,
            opened_at=view.opened_at,
            status=view.status,
            state_hash=view.state_hash,
        )

    def state(self) -> JsonValue:
        """Give the state of the session, as far as it can be compared with that of another."""
        return self.names.document(self.view.model_dump(mode="json", exclude=PLACE))

    def metrics(self) -> MetricsView:
        """Say what it took."""
        return _metrics(self.figures.books.total, self.figures.passed)

    def task_metrics(self) -> dict[str, MetricsView]:
        """Say what each task took, by key, in order of creation."""
        figures = self.figures
        return {
            self.names.task(task_id): _metrics(
                figures.spent.get(task_id, Account()),
                figures.ended.get(task_id, figures.passed) - began,
            )
            for task_id, began in figures.began.items()
        }


def compare(  # noqa: PLR0913 - two sides, all by keyword
    log: EventLog,
    *,
    left: UUID,
    right: UUID,
    left_until: int | None = None,
    right_until: int | None = None,
    organisation: bool = False,
) -> DifferenceView:
    """Tell in what a session, as of a position, differs from another one or from another moment.

    What follows from ids, positions, times and output folders alone is no difference.

    Args:
        left_until: position as of which the left session is looked at; None for now.
        organisation: compare the agents, departments and roster as well, as of the same positions
            and with the capabilities that a what-if gives to agents.

    Raises:
        NotFoundError: there is no such session at that position.
    """
    now = log.last_position()
    left_until = now if left_until is None else left_until
    right_until = now if right_until is None else right_until
    lineages = (read_lineage(log, left, left_until), read_lineage(log, right, right_until))
    common = lineages[0].shared_until(lineages[1])
    one, other = (_Side(log, lineage, common) for lineage in lineages)
    divergence = first_divergence(one.unshared, other.unshared)
    state = _changes(one.state(), other.state())
    changed = None
    if organisation:
        changed = _changes(
            _organisation(log, one, left_until), _organisation(log, other, right_until)
        )
    return DifferenceView(
        differs=bool(state or divergence or changed),
        left=one.summary(),
        right=other.summary(),
        shared_until=one.last_shared,
        divergence=divergence,
        state=state,
        organisation=changed,
        events=_event_counts(one, other),
        metrics=MetricsPairView(left=one.metrics(), right=other.metrics()),
        tasks=tuple(_task_metrics(one, other)),
    )


def _changes(left: JsonValue, right: JsonValue) -> tuple[ChangeView, ...]:
    return tuple(change.view() for change in difference(left, right))


def _organisation(log: EventLog, side: _Side, until: int | None) -> JsonValue:
    directory = load_directory(log, until).adapted(side.fold.session.capabilities)
    return side.names.document(organisation_view(directory))


def _event_counts(left: _Side, right: _Side) -> EventCountsView:
    types = tuple(
        TypeCountView(type=name, left=left.types[name], right=right.types[name])
        for name in sorted({*left.types, *right.types})
        if left.types[name] != right.types[name]
    )
    return EventCountsView(
        left=left.types.total(), right=right.types.total(), shared=left.shared, types=types
    )


def _task_metrics(left: _Side, right: _Side) -> Iterable[TaskMetricsView]:
    lefts, rights = left.task_metrics(), right.task_metrics()
    for key in {**lefts, **rights}:
        yield TaskMetricsView(key=key, left=lefts.get(key), right=rights.get(key))


def _metrics(spent: Account, passed: timedelta) -> MetricsView:
    return MetricsView(
        model_calls=spent.model_calls,
        tool_calls=spent.tool_calls,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        cost_usd=spent.cost_usd,
        duration_s=seconds(passed),
    )
