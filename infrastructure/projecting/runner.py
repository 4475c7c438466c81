"""Projection runner: keeps read models up to date, each event exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING
from uuid import UUID

from application.errors import BadRequestError, ConflictError, NotFoundError
from infrastructure.database.errors import translated
from infrastructure.projecting import erasing, rebuilding, sql
from infrastructure.projecting.advancing import Advance
from infrastructure.projecting.folding import ScannedLog
from infrastructure.projecting.history import LogHistory
from infrastructure.projecting.metrics import Meter, render
from infrastructure.projecting.status import LIVE, ProjectionStatus, read_members, read_status
from projections.catalogue import PROJECTIONS
from projections.protocol import Projection

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infrastructure.database import Connection

BATCH_SIZE = 2_000
"""Positions of the log that one transaction takes in at most."""

POLL_S = 0.005
"""Seconds between two looks at what another thread or process does."""

POLL_REBUILD_S = 0.1
"""The same while a read model is built anew, which takes longer."""

CLOSING_S = 5.0
"""Seconds that the batch at hand is waited for when a runner is closed."""

Tell = Callable[[int, int], None]
"""Is told the position that was reached, and the one that is to be reached."""


class ProjectionRunner:
    """Reads the log once for all read models at the same position, and stores batch by batch.

    A batch's rows and the new positions are kept in one transaction. Any number of processes may
    run it: each read model is led by one of them at a time, and another one takes over when that
    one ends. An event that cannot be taken in stops its read model, and no other; it is never
    skipped, unless somebody sets it aside. May be used from several threads.

    Args:
        pool: connections in autocommit mode.
        connect: opens a connection in autocommit mode, for the one that leads.
    """

    def __init__(
        self,
        log: ScannedLog,
        pool: ConnectionPool[Connection],
        connect: Callable[[], Connection],
        projections: Sequence[Projection] = PROJECTIONS,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._log = log
        self._pool = pool
        self._projections = {projection.name: projection for projection in projections}
        self._history = LogHistory(log)
        self._meter = Meter()
        self._advance = Advance(
            log, self._history, connect, self._projections, batch_size, self._meter
        )
        self._lock = Lock()
        self._leads_on = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all read models."""
        return tuple(self._projections)

    def catch_up(
        self, until: int | None = None, patience_s: float | None = None
    ) -> tuple[ProjectionStatus, ...]:
        """Take in all events up to a position (None or one to come: all there are now).

        What another process leads is waited for; what is built anew is not, unless it is to take
        the place of an older version.

        Args:
            patience_s: seconds after which it is left at what was reached; None for no limit.

        Returns:
            How every read model stands; a stopped one says why.

        Raises:
            UnavailableError: the database cannot be used, or is newer than the code.
        """
        last = self._log.last_position()
        target = last if until is None else min(until, last)
        deadline = float("inf") if patience_s is None else monotonic() + patience_s
        while True:
            with self._turn() as is_ours:
                while is_ours and self._advance.take_in_next(target):
                    if self._has_come_to(target) or monotonic() >= deadline:
                        break
            statuses = self.status()
            if self._has_come_to(target, statuses) or monotonic() >= deadline:
                return statuses
            sleep(POLL_S)

    def follow(self, stopped: Event) -> frozenset[str]:
        """Take in all there is, also what is appended meanwhile, and lead on until `close`.

        Args:
            stopped: no batch begins once it is set.

        Returns:
            Names of the read models that this process leads.

        Raises:
            UnavailableError: the database cannot be used, or is newer than the code.
        """
        with self._lock:
            self._leads_on = True
            while not stopped.is_set() and self._advance.take_in_next(None):
                pass
            return self._advance.led

    def cancel(self, timeout_s: float) -> None:
        """Break off what the database is doing for the batch at hand; from any thread."""
        self._advance.cancel(timeout_s)

    def close(self) -> None:
        """Give up what this process leads; a thread that hangs keeps it until the process ends."""
        if self._lock.acquire(timeout=CLOSING_S):
            try:
                self._leads_on = False
                self._advance.give_up()
            finally:
                self._lock.release()

    def status(self) -> tuple[ProjectionStatus, ...]:
        """Tell how every read model stands.

        Raises:
            UnavailableError: the database cannot be used.
        """
        last = self._log.last_position()
        with translated(), self._pool.connection() as connection:
            return read_status(connection, list(self._projections.values()), last)

    @property
    def led(self) -> frozenset[str]:
        """Names of the read models that this process leads just now."""
        return self._advance.led

    def metrics(self) -> str:
        """Tell how the read models stand and what this process did, in Prometheus' text format.

        Raises:
            UnavailableError: the database cannot be used.
        """
        return "".join(
            f"{line}\n" for line in render(self.status(), self._meter.counts(), self.led)
        )

    def pause(self, name: str) -> None:
        """Let a read model stand where it is until it is resumed.

        Raises:
            NotFoundError: there is no such read model.
            UnavailableError: the database cannot be used.
        """
        self._change(name, sql.PAUSE)

    def resume(self, name: str) -> None:
        """Let a paused or stopped read model go on; it tries the event that failed again.

        Raises:
            NotFoundError: there is no such read model.
            UnavailableError: the database cannot be used.
        """
        self._change(name, sql.RESUME)

    def set_aside(self, name: str, reason: str) -> int:
        """Let a stopped read model do without the event it stopped at.

        The event is listed and counted from then on, until the read model is built anew.

        Returns:
            Its position.

        Raises:
            NotFoundError: there is no such read model.
            ConflictError: it has not stopped.
            BadRequestError: no reason is given.
            UnavailableError: the database cannot be used.
        """
        projection = self._projection(name)
        if not reason.strip():
            raise BadRequestError("Say why the event is set aside; the reason is kept with it.")
        values = {"name": name, "reason": reason}
        with translated(), self._pool.connection() as connection, connection.transaction():
            read_members(connection, [projection], lock=True)
            row = connection.execute(sql.SET_ASIDE, values).fetchone()
            if row is None:
                raise ConflictError(
                    f"The read model {name!r} has not stopped, so there is nothing to set aside."
                )
            connection.execute(sql.RESUME, values)
        return int(row[0])

    def rebuild(self, name: str, tell: Tell | None = None) -> ProjectionStatus:
        """Build one read model anew; see `rebuild_together`."""
        [status] = self.rebuild_together([name], tell)
        return status

    def rebuild_together(
        self, names: Sequence[str], tell: Tell | None = None
    ) -> tuple[ProjectionStatus, ...]:
        """Build read models anew from the whole log, beside the ones that go on answering.

        The log is read once for all of them. Events that were set aside are tried again. A new one
        takes the place of the old one when it has come as far. Whoever leads a read model does the
        work, also after an interruption.

        Raises:
            NotFoundError: there is no such read model.
            ConflictError: one is paused, or a new one stopped at an event: the old one stays.
            UnavailableError: the database cannot be used, or is newer than the code.
        """
        projections = [self._projection(name) for name in dict.fromkeys(names)]
        with translated(), self._pool.connection() as connection:
            rebuilding.check_runs(connection, projections)
            former = {each: rebuilding.begin(connection, each) for each in projections}
        target = self._log.last_position()
        done: dict[str, ProjectionStatus] = {}
        while True:
            reached = [self._rebuilt_to(each, former, done) for each in projections]
            if tell is not None:
                tell(min([target, *reached]), target)
            if len(done) == len(projections):
                return tuple(done[each.name] for each in projections)
            with self._turn() as is_ours:
                advanced = is_ours and self._advance.take_in_next(None)
            if not advanced:
                sleep(POLL_REBUILD_S)

    def count_rows(self, positions: Sequence[int]) -> dict[str, int]:
        """Count the rows that hold words of the events at some positions, by read model."""
        with translated(), self._pool.connection() as connection:
            return erasing.count_rows(connection, self._with_words(), positions)

    def take_in_again(self, session_id: UUID) -> dict[str, int]:
        """Make the rows of a session anew from its events: what was erased there goes here too.

        A stopped read model may try again, because what it said of its failure may quote an event.

        Returns:
            How many rows were replaced, by read model.

        Raises:
            UnavailableError: the database cannot be used, or is newer than the code.
        """
        replaced = {
            name: self._take_in_again(projection, session_id)
            for name, projection in self._projections.items()
        }
        return {each.name: replaced[each.name] for each in self._with_words()}

    def _take_in_again(self, projection: Projection, session_id: UUID) -> int:
        with translated(), self._pool.connection() as connection:
            return erasing.take_in_again(
                connection, self._log, self._history, projection, session_id
            )

    def _has_come_to(self, target: int, statuses: Sequence[ProjectionStatus] | None = None) -> bool:
        return all(
            not each.runs
            or (each.position >= target and each.version >= self._projections[each.name].version)
            for each in (self.status() if statuses is None else statuses)
        )

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Wait a little for the turn to advance, and lead no longer than needed."""
        is_ours = self._lock.acquire(timeout=POLL_S)
        try:
            yield is_ours
        finally:
            if is_ours:
                if not self._leads_on:
                    self._advance.release()
                self._lock.release()

    def _rebuilt_to(
        self,
        projection: Projection,
        former: Mapping[Projection, int],
        done: dict[str, ProjectionStatus],
    ) -> int:
        """Tell how far a successor has come; note the live one when it has taken its place."""
        name = projection.name
        if name in done:
            return done[name].position
        last = self._log.last_position()
        with translated(), self._pool.connection() as connection:
            [status] = read_status(connection, [projection], last)
            if status.rebuilt_to is None:
                if not rebuilding.is_replaced(connection, projection, former[projection]):
                    raise ConflictError(
                        f"The read model {name!r} was not built anew, because somebody gave that"
                        " up: see `hansard projections status`, and try again."
                    )
                done[name] = status
                return status.position
            if status.rebuild_error is not None:
                rebuilding.abandon_if_stopped(connection, name)
        if status.paused_at is not None:
            raise ConflictError(
                f"The read model {name!r} was paused; building it anew goes on when it is resumed."
            )
        return status.rebuilt_to

    def _with_words(self) -> list[Projection]:
        return [each for each in self._projections.values() if each.holds_words]

    def _change(self, name: str, statement: str) -> None:
        projection = self._projection(name)
        with translated(), self._pool.connection() as connection, connection.transaction():
            values = {"name": name, "slot": LIVE, "version": projection.version}
            connection.execute(sql.ADD_ROW, values)
            read_members(connection, [projection], lock=True)  # in the order of everybody else
            connection.execute(statement, values)

    def _projection(self, name: str) -> Projection:
        if name not in self._projections:
            known = ", ".join(self._projections)
            raise NotFoundError("read model", name, f"The read models are {known}.")
        return self._projections[name]
