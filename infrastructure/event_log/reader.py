"""Reader: every way in which events are read from the log, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.types.string import ByteaBinaryLoader
from typing_extensions import TypedDict, Unpack

from application.errors import PositionNotReachedError
from application.moments import in_utc
from infrastructure.archive.events import ArchivedEvents
from infrastructure.archive.file import Wanted
from infrastructure.database.errors import translated
from infrastructure.event_log import sql
from infrastructure.event_log.logged_event import BEGINNING, LoggedEvent, Row
from infrastructure.event_log.subscription import E, LogFollower
from infrastructure.event_log.wakeup import POLL_S, Wakeup

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

END = 9_223_372_036_854_775_807
"""Higher than any position."""

MAX_VERSION = 2**31 - 1

FIRST_PAGE_EVENTS = 500
PAGE_EVENTS = 1_000
PAGE_BYTES = 8_000_000
"""Payloads that a page brings at once; a single event may be larger."""

FOLLOWER_PATIENCE_S = 1.0
"""Seconds that a follower waits for a connection before it looks whether it was stopped."""

UUID_TYPE, TIME_TYPE = 2950, 1184
"""Object ids of the types uuid and timestamptz; fixed in every PostgreSQL."""

POSITION, STREAM_VERSION, PAYLOAD = 0, 2, 15
"""Places of columns in a row."""

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are to be read, `after < position <= until` and `above < version <= up_to`."""

    after: int = 0
    until: int = END
    stream: UUID | str | None = None
    above: int = -1
    up_to: int = MAX_VERSION
    session_id: UUID | None = None
    types: tuple[str, ...] = ()
    backwards: bool = False

    @property
    def statement(self) -> str:
        """The statement for a page of these events."""
        return sql.page(
            of_stream=self.stream is not None,
            of_session=self.session_id is not None,
            of_types=bool(self.types),
            backwards=self.backwards,
        )

    def parameters(self, limit: int) -> dict[str, Any]:
        """Parameters of the statement for a page of at most `limit` events."""
        return {
            "log": sql.LOG,
            "after": self.after,
            "until": self.until,
            "stream": self.stream,
            "above": self.above,
            "up_to": self.up_to,
            "session_id": self.session_id,
            "types": list(self.types),
            "limit": limit,
            "small": PAGE_BYTES // limit,
        }

    def wanted(self) -> Wanted:
        """Say it as archives are asked."""
        return Wanted(
            self.after,
            self.until,
            self.stream,
            self.above,
            self.up_to,
            self.session_id,
            self.types,
        )

    def beyond(self, row: Row) -> Selection:
        """What is left to read when `row` was the last."""
        position, version = row[POSITION], row[STREAM_VERSION]
        if self.stream is None:
            version = self.up_to + 1 if self.backwards else self.above
        if self.backwards:
            return replace(self, until=position - 1, up_to=version - 1)
        return replace(self, after=position, above=version)


class Choices(TypedDict, total=False):
    """Which events of the log are wanted, where not all of them are.

    Attributes:
        after: only higher positions.
        until: only positions up to this one.
        since: only events recorded at or after this moment, which has a zone.
        before: only events recorded before this moment, which has a zone.
        stream: only events of this stream.
        session_id: only events of this session.
        types: only events of these types.
        limit: how many at most.
        backwards: newest first.
    """

    after: int
    until: int | None
    since: datetime | None
    before: datetime | None
    stream: UUID | None
    session_id: UUID | None
    types: Collection[str]
    limit: int | None
    backwards: bool


class PostgresEventReader:
    """Reads through a pool; holds no connection between two pages.

    Args:
        pool: connections as `open_pool` makes them: in autocommit mode, with times in UTC.
        archived: reads what was moved to archives; by default that is unavailable.
        wakeup: tells of appends; without it who follows looks 20 times a second.
        patience_s: seconds to wait for a connection; None for as long as the pool says.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        archived: ArchivedEvents | None = None,
        wakeup: Wakeup | None = None,
        patience_s: float | None = None,
    ) -> None:
        self._pool = pool
        self._archived = archived or ArchivedEvents(pool, None)
        self._wakeup = wakeup or Wakeup()
        self._patience_s = patience_s

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LoggedEvent]:
        """Read a stream by version."""
        selection = Selection(
            stream=originator_id,
            above=-1 if gt is None else gt,
            up_to=MAX_VERSION if lte is None else lte,
            backwards=desc,
        )
        return [e for rows in self._select(selection, limit) for e in LoggedEvent.of_rows(rows)]

    def select_log(self, **choices: Unpack[Choices]) -> Iterator[LoggedEvent]:
        """Read the log by position, page by page, so that memory stays constant.

        What is appended while it is read forward is read too, up to `until`.
        """
        return chain.from_iterable(map(LoggedEvent.of_rows, self.pages(**choices)))

    def pages(self, **choices: Unpack[Choices]) -> Iterator[list[Row]]:
        """Read the log as `select_log` does, as pages of plain rows."""
        after, until = choices.get("after", 0), choices.get("until")
        since, before = choices.get("since"), choices.get("before")
        until = END if until is None else until
        if since is not None:
            after = max(after, self._position_before(since))
        if before is not None:
            until = min(until, self._position_before(before))
        selection = Selection(
            after=after,
            until=until,
            stream=choices.get("stream"),
            session_id=choices.get("session_id"),
            types=tuple(set(choices.get("types", ()))),
            backwards=choices.get("backwards", False),
        )
        return self._select(selection, choices.get("limit"))

    def select_positions(self, positions: Sequence[int]) -> list[LoggedEvent]:
        """Read the events at some positions, in no particular order."""
        rows = self._fetch(sql.SELECT_POSITIONS, {"log": sql.LOG, "positions": [*positions]})
        missing = set(positions).difference(row[POSITION] for row in rows)
        return LoggedEvent.of_rows([*rows, *self._archived.at([*missing])])

    def max_notification_id(self) -> int | None:
        """Tell the highest position; None for an empty log."""
        return self._find_position(sql.LAST_POSITION, {"log": sql.LOG})

    def position_of(self, event_id: UUID) -> int | None:
        """Tell where an event stands; None when there is no such event."""
        return self._find_position(sql.POSITION_OF, {"log": sql.LOG, "id": event_id})

    def position_at(self, moment: datetime) -> int:
        """Tell the highest position recorded at or before a moment, which has a zone; 0 for none.

        The answer stays right, because no append under way can still come before a moment that has
        passed: where one might, it is waited for. Of a moment to come it is told as of now.
        """
        parameters = {"log": sql.LOG, "moment": moment}
        [(position, is_final)] = self._fetch(sql.POSITION_AT, parameters)
        if not is_final:
            self._fetch(sql.AWAIT_APPENDS, {"key": sql.LOCK_KEY})
            [(position, _)] = self._fetch(sql.POSITION_AT, parameters)
        return position or self._archived.position_at(moment)

    def wait_for(self, position: int, timeout_s: float) -> None:
        """Wait until the log has reached a position.

        Raises:
            PositionNotReachedError: it has not within `timeout_s` seconds.
        """
        deadline = monotonic() + timeout_s
        while True:
            seen = self._wakeup.count
            reached = self.max_notification_id() or 0
            if reached >= position:
                return
            left_s = deadline - monotonic()
            if left_s <= 0:
                raise PositionNotReachedError(position, reached, timeout_s)
            self._wakeup.listen()
            self._wakeup.wait(seen, min(left_s, POLL_S))

    def follow(
        self,
        decode: Callable[[list[Row]], Iterable[E]],
        *,
        after: int = 0,
        session_id: UUID | None = None,
        types: Collection[str] = (),
    ) -> LogFollower[E]:
        """Follow the log from behind a position on; `decode` makes events of the rows of a page."""
        reader = PostgresEventReader(self._pool, self._archived, patience_s=FOLLOWER_PATIENCE_S)

        def read(after: int) -> Iterator[E]:
            pages = reader.pages(after=after, session_id=session_id, types=types)
            return chain.from_iterable(map(decode, pages))

        return LogFollower(read, self._wakeup, after)

    def _position_before(self, moment: datetime) -> int:
        return self.position_at(max(in_utc(moment), BEGINNING + TICK) - TICK)

    def _select(self, selection: Selection, limit: int | None) -> Iterator[list[Row]]:
        """Read pages of the table, and of archives for what is no longer in the table."""
        left = END if limit is None else limit
        while left > 0 and selection.after < selection.until:
            rows: list[Row] = []
            for rows in self._pages(selection, left):
                if rows:
                    left -= len(rows)
                    selection = selection.beyond(rows[-1])
                    yield rows
            if left <= 0 or (rows and not selection.backwards):
                return  # the last page was short, and would have been empty before an archive
            wanted = selection.wanted()
            archives = self._archived.holding(wanted) if wanted.after < wanted.until else []
            if not archives:
                return
            for rows in self._archived.pages(archives, wanted, backwards=selection.backwards):
                yield rows[:left]
                left -= len(rows)
                if left <= 0:
                    return
                selection = selection.beyond(rows[-1])
            if selection.backwards:
                return
            selection = replace(selection, after=archives[-1].last)

    def _pages(self, selection: Selection, limit: int | None) -> Iterator[list[Row]]:
        left, size = END if limit is None else limit, FIRST_PAGE_EVENTS
        while left > 0:
            size = min(size, left)
            rows = self._page(selection, size)
            large = [row[POSITION] for row in rows if row[PAYLOAD] is None]
            yield from self._completed(selection, rows, large) if large else (rows,)
            if len(rows) < size:
                return
            left -= size
            size = PAGE_EVENTS if len(large) < size // 10 else FIRST_PAGE_EVENTS
            selection = selection.beyond(rows[-1])

    def _page(self, selection: Selection, size: int) -> list[Row]:
        """Read the next events, at most `size`; payloads that are too large for a page are None."""
        return self._fetch(selection.statement, selection.parameters(size))

    def _completed(
        self, selection: Selection, rows: list[Row], large: list[int]
    ) -> Iterator[list[Row]]:
        """Put the large payloads in, as many at a time as memory has room for."""
        payloads: dict[int, bytes] = {}
        done: list[Row] = []
        for row in rows:
            if row[PAYLOAD] is not None:
                done.append(row)
                continue
            position = row[POSITION]
            if position not in payloads:
                yield done
                done = []
                left = large[large.index(position) :]
                payloads = self._payloads(selection, left)
            done.append((*row[:PAYLOAD], payloads.pop(position)))
        yield done

    def _payloads(self, selection: Selection, positions: list[int]) -> dict[int, bytes]:
        """Read payloads from the first on, until they are larger than a page; at least one."""
        statement = sql.SELECT_PAYLOADS.format(direction="DESC" if selection.backwards else "ASC")
        parameters = {"log": sql.LOG, "positions": positions, "bytes": PAGE_BYTES}
        found: dict[int, bytes] = dict(self._fetch(statement, parameters))
        if positions[0] in found:
            return found
        return {row[POSITION]: row[PAYLOAD] for row in self._archived.at(positions[:1])}

    def _fetch(self, statement: str, parameters: dict[str, Any]) -> list[Row]:
        with translated(), self._pool.connection(self._patience_s) as connection:
            cursor = connection.cursor(binary=True)
            for kind in (UUID_TYPE, TIME_TYPE):
                cursor.adapters.register_loader(kind, ByteaBinaryLoader)
            rows: list[Row] = cursor.execute(statement, parameters).fetchall()
            return rows

    def _find_position(self, statement: str, parameters: dict[str, Any]) -> int | None:
        rows = self._fetch(statement, parameters)
        return rows[0][0] if rows else None
