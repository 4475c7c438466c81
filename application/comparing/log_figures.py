"""Figures of the whole log: all sessions together, without what-ifs, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from application.comparing.figures import SESSION_ENDS, TASK_CHANGES, Books, SessionFigures
from application.history import read_history, read_lineage
from application.ports import EventLog
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.task import TaskStatus

BEGINNINGS = frozenset({"session.opened", "session.forked"})
"""Events that every fold of the log must be given, whatever it is asked about."""

STANDING = frozenset({"task.created", "task.continued", *TASK_CHANGES})
"""Events after which a task stands otherwise, or counts for another session."""

MOST_SESSIONS = 2_000
"""How many unfinished sessions are kept in memory; others are read again when they go on."""


class LogFigures:
    """The figures of all sessions together.

    What was spent counts wherever it happened, also when it was taken back by a rewind. How
    sessions and tasks stand follows each session's history: a rewind takes back what it takes back.
    A fork counts as a session; the tasks it shares with its parent count once, until it goes on
    with them itself. What-ifs count for nothing.

    Args:
        log: is asked about sessions that go on after they were put out of mind.
        types: of the events that matter, `BEGINNINGS` among them; others are counted and leave
            all else as it is. All matter by default.

    Attributes:
        sessions: how many sessions have each status.
        tasks: how many tasks have each status.
    """

    def __init__(self, log: EventLog, types: Collection[str] = ()) -> None:
        self.books = Books()
        self.events = 0
        self.sessions: Counter[SessionStatus] = Counter()
        self.tasks: Counter[TaskStatus] = Counter()
        self._log = log
        self._types = types
        self._held: dict[UUID, SessionFigures] = {}
        self._what_ifs: set[UUID] = set()
        self._first: datetime | None = None
        self._latest: datetime | None = None

    @property
    def passed(self) -> timedelta:
        """Time from the first event to the newest."""
        if self._first is None or self._latest is None:
            return timedelta()
        return self._latest - self._first

    def take(self, recorded: RecordedEvent) -> None:
        """Take in the next event of the log."""
        session_id = recorded.envelope.session_id
        if session_id in self._what_ifs:
            return
        self.events += 1
        self._first = self._first or recorded.recorded_at
        self._latest = recorded.recorded_at
        kind = recorded.type
        if session_id is None or (self._types and kind not in self._types):
            return
        if kind in BEGINNINGS:
            self._open(recorded, session_id)
        elif kind == "session.rewound":
            self._rewind(recorded, session_id)
        else:
            self._go_on(recorded, session_id)

    def _open(self, recorded: RecordedEvent, session_id: UUID) -> None:
        if recorded.type == "session.opened":
            figures = SessionFigures(session_id, self.books)
            figures.take(recorded)
        else:
            lineage = read_lineage(self._log, session_id, recorded.position)
            if lineage.what_if:
                self._what_ifs.add(session_id)
                self.events -= 1
                return
            figures = self._read(session_id, recorded.position)
        self.sessions[figures.status] += 1
        self._hold(figures)

    def _rewind(self, recorded: RecordedEvent, session_id: UUID) -> None:
        former = self._held.pop(session_id, None) or self._read(session_id, recorded.position - 1)
        figures = self._read(session_id, recorded.position)
        self._count(former, -1)
        self._count(figures, 1)
        self._hold(figures)

    def _go_on(self, recorded: RecordedEvent, session_id: UUID) -> None:
        figures = self._held.get(session_id)
        if figures is None:
            figures = self._read(session_id, recorded.position - 1)
            self._hold(figures)
        kind = recorded.type
        if kind in STANDING:
            self._change_task(recorded, figures)
            return
        former = figures.status
        figures.take(recorded)
        if kind in SESSION_ENDS:
            self.sessions[former] -= 1
            self.sessions[figures.status] += 1
            del self._held[session_id]

    def _change_task(self, recorded: RecordedEvent, figures: SessionFigures) -> None:
        former = self._standing(recorded, figures)
        figures.take(recorded)
        current = self._standing(recorded, figures)
        if former is not current:
            if former is not None:
                self.tasks[former] -= 1
            if current is not None:
                self.tasks[current] += 1

    @staticmethod
    def _standing(recorded: RecordedEvent, figures: SessionFigures) -> TaskStatus | None:
        """Tell how a task stands that counts for this session."""
        task_id = figures.task_of(recorded)
        return figures.standing.get(task_id) if task_id in figures.own else None

    def _count(self, figures: SessionFigures, sign: int) -> None:
        self.sessions[figures.status] += sign
        for task_id in figures.own:
            self.tasks[figures.standing[task_id]] += sign

    def _read(self, session_id: UUID, position: int) -> SessionFigures:
        """Read a session's history up to a position; what happened in it is added up already."""
        figures = SessionFigures(session_id)
        lineage = read_lineage(self._log, session_id, position)
        for recorded in read_history(self._log, lineage):
            figures.take(recorded)
        figures.books = self.books
        return figures

    def _hold(self, figures: SessionFigures) -> None:
        self._held[figures.session_id] = figures
        if len(self._held) > MOST_SESSIONS:
            del self._held[next(iter(self._held))]
