"""LoggedTrackRecords: the port `TrackRecords` on a fold of the newest part of the log."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic

from application.ports import EventReader
from application.routing.learning import BLOCK, EVENT_TYPES, RecordFold, begins_at
from application.routing.ports import LearnedRecords

REFRESH_S = 10.0
"""Seconds for which records that were learned serve further sessions."""


class LoggedTrackRecords:
    """Learns from the log, and keeps what was learned; may be used from several threads.

    Args:
        refresh_s: seconds after which it looks for what is new.
        block: see `application.routing.learning`.
        clock: tells seconds that pass.
    """

    def __init__(
        self,
        log: EventReader,
        *,
        refresh_s: float = REFRESH_S,
        block: int = BLOCK,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._log = log
        self._refresh_s = refresh_s
        self._block = block
        self._clock = clock
        self._lock = Lock()
        self._fold = RecordFold(block)
        self._reached = 0
        self._latest: LearnedRecords | None = None
        self._learned_at = 0.0

    def learned(self, until: int) -> LearnedRecords:
        """Give the records as the log told them up to a position, or some way before it.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with self._lock:
            latest = self._latest
            if latest is not None and latest.position <= until:
                is_fresh = self._clock() - self._learned_at < self._refresh_s
                if is_fresh or latest.position == until:
                    return latest
            learned = self._learn(until)
            if latest is None or latest.position <= until:
                self._latest, self._learned_at = learned, self._clock()
            return learned

    def _learn(self, until: int) -> LearnedRecords:
        begin = begins_at(until, self._block)
        if until < self._reached:  # a session of the past is taken up
            return self._advanced(RecordFold(self._block), begin, begin, until)
        if begin > self._reached:
            self._fold, self._reached = RecordFold(self._block), begin
        try:
            learned = self._advanced(self._fold, begin, self._reached, until)
        except BaseException:
            self._fold, self._reached, self._latest = RecordFold(self._block), 0, None
            raise
        self._reached = until
        return learned

    def _advanced(self, fold: RecordFold, begin: int, after: int, until: int) -> LearnedRecords:
        for recorded in self._log.read(after=after, until=until, types=EVENT_TYPES):
            fold.evolve(recorded)
        fold.forget_before(begin)
        return fold.learned(until)
