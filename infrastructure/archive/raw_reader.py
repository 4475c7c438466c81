"""Raw reader over archives and table: what integrity reads the whole log with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from uuid import UUID

from infrastructure.archive.catalogue import Archive
from infrastructure.archive.duck import RAW
from infrastructure.archive.events import ArchivedEvents
from infrastructure.archive.file import Wanted
from infrastructure.integrity.leaf import POSITION, RawEvent, number
from infrastructure.integrity.reader import RawReader

END = 9_223_372_036_854_775_807
"""Higher than any position."""


class ArchivedRawReader:
    """Reads archives where there are any, and the table for the rest; see `RawReader`.

    What the table gave counts only when it was not archived meanwhile, which is asked afterwards.

    Args:
        table: reads the events that the table holds.
    """

    def __init__(self, table: RawReader, archived: ArchivedEvents) -> None:
        self._table = table
        self._archived = archived

    def pages(self, after: int, until: int) -> Iterator[list[RawEvent]]:
        """Read events by position; see the protocol."""
        while (end := self._end()) > after:
            wanted = Wanted(after, until)
            yield from self._pages(self._archived.holding(wanted), wanted)
            after = end
        for page in self._table.pages(after, until):
            if self._end() > after:
                yield from self.pages(after, until)
                return
            yield page
            if page:
                after = number(page[-1][POSITION])

    def session(self, session_id: UUID) -> Iterator[RawEvent]:
        """Read the events of a session by position; see the protocol."""
        wanted = Wanted(0, END, session_id=session_id)
        return self._select(wanted, lambda: self._table.session(session_id))

    def of_types(self, types: Collection[str], until: int) -> Iterator[RawEvent]:
        """Read the events of some types by position; see the protocol."""
        wanted = Wanted(0, until, types=types)
        return self._select(wanted, lambda: self._table.of_types(types, until))

    def _select(
        self, wanted: Wanted, read_table: Callable[[], Iterator[RawEvent]]
    ) -> Iterator[RawEvent]:
        held: list[Archive] = []
        while True:
            rest = list(read_table())
            now = self._archived.holding(wanted)
            if now == held:
                break
            held = now
        for page in self._pages(held, wanted):
            yield from page
        last = held[-1].last if held else 0
        yield from (event for event in rest if number(event[POSITION]) > last)

    def last_position(self) -> int:
        """Tell the highest position; it is never archived."""
        return self._table.last_position()

    def _pages(self, archives: list[Archive], wanted: Wanted) -> Iterator[list[RawEvent]]:
        for archive in archives:
            yield from self._archived.file(archive).rows(wanted, RAW)

    def _end(self) -> int:
        archives = self._archived.catalogue.archives()
        return archives[-1].last if archives else 0
