"""Directories: the organisation as it stood at any position, read once and then kept in mind."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from application.coalescing import Coalescer
from application.directory import EVENT_TYPES, Directory, load_directory
from application.ports import EventReader

NOW = -1
"""Asks for the organisation as it stands when the question is answered."""


class Directories:
    """Looks at the organisation for many sessions at once.

    An organisation changes rarely, so that what is asked of the log is whether it has. May be used
    from several threads and event loops.
    """

    def __init__(self, log: EventReader) -> None:
        self._log = log
        self._lock = Lock()
        self._newest: Directory | None = None
        self._since = 0
        self._until = -1
        self._asks: Coalescer[int, Directory] = Coalescer(self._answer, "hansard-directories")

    async def now(self) -> Directory:
        """Look at the organisation as it stands.

        Raises:
            UnavailableError: the database cannot be used.
        """
        return await self._asks.ask(NOW)

    async def recent(self) -> Directory:
        """Look at the organisation as it stood a moment ago; most often without asking the log.

        Raises:
            UnavailableError: the database cannot be used.
        """
        newest = self._newest
        return await self.now() if newest is None else newest

    async def at(self, position: int) -> Directory:
        """Look at the organisation as it stood at a position.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with self._lock:
            known = self._known(position)
        return known or await self._asks.ask(position)

    def close(self) -> None:
        """End the thread that asks the log."""
        self._asks.close()

    def _known(self, position: int) -> Directory | None:
        if self._newest is not None and self._since <= position <= self._until:
            return self._newest.standing_at(position)
        return None

    def _answer(self, positions: Sequence[int]) -> list[Directory]:
        if NOW in positions or max(positions) > self._until:
            self._look()
        until = self._until
        return [self._stood_at(until if each == NOW else each) for each in positions]

    def _stood_at(self, position: int) -> Directory:
        with self._lock:
            known = self._known(position)
        return known or load_directory(self._log, position)

    def _look(self) -> None:
        last = self._log.last_position()
        if self._newest is not None:
            changes = self._log.read(after=self._until, until=last, types=EVENT_TYPES)
            since = max((each.position for each in changes), default=self._since)
            newest = load_directory(self._log, last) if since > self._since else self._newest
        else:
            newest = load_directory(self._log, last)
            since = newest.changed_at
        with self._lock:
            self._newest, self._since, self._until = newest, since, last
