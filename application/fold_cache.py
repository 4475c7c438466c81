"""Fold cache: long sessions that were looked at lately, so that only what came since is read."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from application.fold import SessionFold
from application.history import Lineage, Segment

LONG = 200

MOST_EVENTS = 200_000
"""Events of all remembered histories together; what was asked for longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A fold, and which stretches of the log it was made of."""

    segments: tuple[Segment, ...]
    fold: SessionFold


class FoldCache:
    """Remembers folds by session and position; safe under threads.

    The past never changes, so what is remembered stays right. What is sealed for a subject is never
    remembered, because it could outlive the subject's key.

    Args:
        long: events from which on a history is worth remembering.
    """

    def __init__(self, long: int = LONG) -> None:
        self._long = long
        self._folds: OrderedDict[tuple[UUID, int], Remembered] = OrderedDict()
        self._events = 0
        self._lock = Lock()

    def nearest(self, lineage: Lineage) -> SessionFold:
        """Give a copy of the longest remembered beginning of a history; an empty fold for none."""
        sessions = {segment.session_id for segment in lineage.segments}
        with self._lock:
            fitting = [
                key
                for key, remembered in self._folds.items()
                if key[0] in sessions and lineage.until(key[1]).segments == remembered.segments
            ]
            if not fitting:
                return SessionFold()
            best = max(fitting, key=lambda key: key[1])
            self._folds.move_to_end(best)
            return self._folds[best].fold.copy()

    def keep(self, lineage: Lineage, fold: SessionFold) -> None:
        """Remember a fold of a whole history, if it is long and nobody's words are sealed in it."""
        if fold.length < self._long or fold.session.charter.subject is not None:
            return
        remembered = Remembered(lineage.until(fold.position).segments, fold.copy())
        key = (fold.session_id, fold.position)
        with self._lock:
            if key not in self._folds:
                self._folds[key] = remembered
                self._events += fold.length
            self._folds.move_to_end(key)
            while self._events > MOST_EVENTS:
                _, oldest = self._folds.popitem(last=False)
                self._events -= oldest.fold.length
