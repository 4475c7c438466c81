"""Bisecting: find the first position of a history at which a predicate holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from application.comparing.figures import SessionFigures
from application.comparing.log_figures import BEGINNINGS, LogFigures
from application.comparing.naming import event_view, task_key
from application.comparing.predicates import Predicate, parse
from application.comparing.terms import Term
from application.comparing.views import BisectionView, FigureValue, FlipView
from application.comparing.vocabulary import LOG_VOCABULARY, SESSION_VOCABULARY
from application.history import read_history, read_lineage
from application.ports import EventLog
from domain.event import RecordedEvent

MOST_CHANGES = 1_000


def bisect(
    log: EventLog,
    expression: str,
    session_id: UUID | None = None,
    *,
    after: int = 0,
    until: int | None = None,
) -> BisectionView:
    """Find the first event with which a predicate holds.

    Every event is folded, so that the answer is exact for predicates that come and go as well; the
    memory it takes does not grow with the log.

    Args:
        session_id: the session whose history is looked at, without what was taken back by rewinds;
            None for all sessions together, without what-ifs.
        after: only look at positions behind this one; what came before counts all the same.
        until: only look at positions up to this one.

    Raises:
        PredicateError: the predicate cannot be understood.
        NotFoundError: there is no such session.
    """
    predicate = parse(expression, LOG_VOCABULARY if session_id is None else SESSION_VOCABULARY)
    last = log.last_position()
    last = last if until is None else min(until, last)
    if session_id is None:
        search = _Search(predicate, LogFigures(log, _sources(predicate.terms)), after)
        search.look(_whole_log(log, predicate, after, last), preceded=after > 0)
        events = last
    else:
        lineage = read_lineage(log, session_id, last)
        search = _Search(predicate, SessionFigures(session_id), after)
        search.look(read_history(log, lineage), preceded=False)
        events = search.figures.events
    found = search.found
    return BisectionView(
        predicate=expression,
        session_id=session_id,
        after=after,
        until=last,
        events=events,
        found=None if found is None else event_view(found, task_key(found, log)),
        held_before=search.held_before,
        before=search.before,
        now=search.values() if found is None else search.now,
        holds=search.holds,
        flips=search.flips,
        changes=tuple(search.changes),
    )


def _whole_log(
    log: EventLog, predicate: Predicate, after: int, last: int
) -> Iterator[RecordedEvent]:
    """Read what can change what the predicate names, and the event that comes first behind `after`.

    That event is needed because the predicate may hold already; it changes nothing.
    """
    if any(term.fed_by is None for term in predicate.terms):
        yield from log.read(until=last)
        return
    needed = log.read(until=last, types=_sources(predicate.terms))
    first = next(log.read(after=after, until=min(after + 1, last)), None)
    for recorded in needed:
        if first is not None and recorded.position >= first.position:
            if recorded.position > first.position:
                yield first
            first = None
        yield recorded
    if first is not None:
        yield first


def _sources(terms: Iterable[Term]) -> frozenset[str]:
    """Tell the types of events that change more than the number of events and the time."""
    return BEGINNINGS.union(*(term.fed_by for term in terms if term.fed_by is not None))


class _Search:
    def __init__(self, predicate: Predicate, figures: Any, after: int) -> None:
        self.predicate = predicate
        self.figures = figures
        self.found: RecordedEvent | None = None
        self.held_before = False
        self.before: dict[str, FigureValue] = {}
        self.now: dict[str, FigureValue] = {}
        self.holds = False
        self.flips = 0
        self.changes: list[FlipView] = []
        self._after = after

    def values(self) -> dict[str, FigureValue]:
        """Tell the values of all that the predicate names."""
        return {term.name: _shown(term.read(self.figures)) for term in self.predicate.terms}

    def look(self, events: Iterable[RecordedEvent], *, preceded: bool) -> None:
        """Look at all events, in order of position.

        Args:
            preceded: whether events that are not given came before.
        """
        started = False
        for recorded in events:
            wanted = recorded.position > self._after
            if wanted and not started:
                self.holds = preceded and self.predicate.holds(self.figures)
                started = True
            before = self.values() if wanted and preceded and self.found is None else {}
            self.figures.take(recorded)
            preceded = True
            if wanted:
                self._judge(recorded, before)

    def _judge(self, recorded: RecordedEvent, before: dict[str, FigureValue]) -> None:
        held, self.holds = self.holds, self.predicate.holds(self.figures)
        if self.found is not None:
            if held is self.holds:
                return
            self.flips += 1
        elif self.holds:
            self.found, self.held_before = recorded, held
            self.before, self.now = before, self.values()
        else:
            return
        if len(self.changes) < MOST_CHANGES:
            self.changes.append(FlipView(position=recorded.position, holds=self.holds))


def _shown(value: Any) -> FigureValue:
    return tuple(sorted(value)) if isinstance(value, set) else value
