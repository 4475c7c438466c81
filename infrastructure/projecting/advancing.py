"""Advancing: one batch after the other, for the read models that this process leads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING

import psycopg

from application.errors import UnavailableError
from infrastructure.database.errors import translate, translated
from infrastructure.projecting import rebuilding, sql
from infrastructure.projecting.folding import ScannedLog, fold
from infrastructure.projecting.history import LogHistory
from infrastructure.projecting.leadership import Leadership
from infrastructure.projecting.metrics import Meter
from infrastructure.projecting.status import (
    LIVE,
    FencedError,
    Member,
    NewerProjectionError,
    read_members,
)
from infrastructure.projecting.storing import Folded, store
from projections.contexts import Contexts
from projections.protocol import Projection

if TYPE_CHECKING:
    from infrastructure.database import Connection

STREAK = 8
"""Batches that are taken in before it is looked at again how the read models stand."""

STREAK_OF_SUCCESSORS = 3
"""The same for what is being built anew: what answers questions waits behind it."""

LIVE_IN_A_ROW = 8
"""Streaks of what answers questions after which what is being built anew gets one."""

REPEAT_S = 5.0
"""Seconds between two attempts to begin a rebuild that the database refuses."""

LIMIT_EXCEEDED = "54"
"""Class of the database's errors that a value is too large for it: the fault of an event."""

logger = logging.getLogger(__name__)


class Advance:
    """Takes in batches on the connection that leads.

    Args:
        connect: opens a connection in autocommit mode.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        log: ScannedLog,
        history: LogHistory,
        connect: Callable[[], Connection],
        projections: Mapping[str, Projection],
        batch_size: int,
        meter: Meter,
    ) -> None:
        self._log = log
        self._history = history
        self._projections = projections
        self._most = self._batch_size = batch_size
        self._meter = meter
        self._leadership = Leadership(connect, list(projections))
        self._contexts: Contexts | None = None
        self._exchange = rebuilding.Exchange()
        self._refused: dict[str, float] = {}
        self._live_in_a_row = 0

    @property
    def led(self) -> frozenset[str]:
        """Names of the read models that this process leads."""
        return self._leadership.led

    def release(self) -> None:
        """Let others lead until the next batch; raises nothing, because they can then anyway."""
        try:
            self._leadership.release()
        except psycopg.Error:
            self.give_up()

    def give_up(self) -> None:
        """Give up what this process leads."""
        self._leadership.drop()
        self._contexts = None

    def cancel(self, timeout_s: float) -> None:
        """Break off what the database is doing for the batch at hand; from any thread."""
        self._leadership.cancel(timeout_s)

    def take_in_next(self, target: int | None) -> bool:
        """Take in a few batches for those that are furthest behind; False when nobody is behind.

        What answers questions goes before what is being built anew. What the database breaks off is
        tried again in smaller batches, so that what takes too long at once is taken in at last.

        Args:
            target: position to come to, which the log has reached; None for the end of the log.

        Raises:
            UnavailableError: the database cannot be used, or is newer than the code.
        """
        try:
            with translated():
                self._leadership.seek()
                end = self._log.last_position() if target is None else target
                return self._take_in_next(self._members(), end)
        except BaseException:
            self.give_up()
            self._batch_size = max(self._batch_size // 2, 1)
            raise

    def _take_in_next(self, members: Sequence[Member], end: int) -> bool:
        behind = [member for member in members if member.runs and member.position < end]
        if not behind:
            return False
        behind = self._first(behind)
        after = min(member.position for member in behind)
        group = [member for member in behind if member.position == after]
        ahead = [member.position for member in behind if member.position > after]
        streak = STREAK if group[0].slot == LIVE else STREAK_OF_SUCCESSORS
        until = min([end, after + streak * self._batch_size, *ahead])
        try:
            self._take_in(group, after, until)
        except FencedError:
            return True
        except Exception as error:
            if _is_outage(error):
                raise
            for member in self._standing(group):
                reach = min(member.position + self._batch_size, until)
                self._find_failing(member, member.position, reach)
        return True

    def _first(self, behind: Sequence[Member]) -> list[Member]:
        """Choose the live ones or their successors."""
        live = [member for member in behind if member.slot == LIVE]
        successors = [member for member in behind if member.slot != LIVE]
        if live and (not successors or self._live_in_a_row < LIVE_IN_A_ROW):
            self._live_in_a_row += 1
            return live
        self._live_in_a_row = 0
        return successors

    def _standing(self, group: Sequence[Member]) -> list[Member]:
        """Read how some read models stand now."""
        slots = [(member.name, member.slot) for member in group]
        now = read_members(self._leadership.connection, [member.projection for member in group])
        return [member for member in now if (member.name, member.slot) in slots and member.runs]

    def _find_failing(self, member: Member, after: int, until: int) -> bool:
        """Take in a range for one read model; halve it until the event that fails is left.

        Returns:
            Whether all of it was taken in.
        """
        try:
            self._take_in([member], after, until)
        except FencedError:
            return False
        except Exception as error:
            if _is_outage(error):
                raise
            if until - after == 1:
                self._stop(member, until, error)
                return False
        else:
            return True
        middle = (after + until) // 2
        return self._find_failing(member, after, middle) and self._find_failing(
            member, middle, until
        )

    def _take_in(self, members: Sequence[Member], after: int, until: int) -> None:
        """Take in a range batch by batch: one is stored while the next one is read and folded.

        When it fails, some of its batches may have been stored, and none behind the failing one.
        """
        contexts, self._contexts = self._contexts, None
        kinds = frozenset[str]().union(*(member.projection.contexts for member in members))
        aside = frozenset[int]().union(*(member.aside for member in members))
        history = self._history.without(aside)
        if contexts is None or (contexts.position, contexts.kinds) != (after, kinds):
            contexts = Contexts(history, after, kinds)
        contexts.history = history
        stored: Future[None] | None = None
        with ThreadPoolExecutor(1, "hansard-storing") as thread:
            for begin in range(after, until, self._batch_size):
                end = min(begin + self._batch_size, until)
                try:
                    folded = fold(self._log, contexts, members, begin, end)
                except Exception:
                    if stored is not None:
                        stored.result()  # what fails here comes first in the log
                    raise
                if stored is not None:
                    stored.result()
                if end == until:
                    self._store(folded)
                else:
                    stored = thread.submit(self._store, folded)
        self._contexts = contexts
        self._batch_size = min(2 * self._batch_size, self._most)

    def _store(self, folded: Folded) -> None:
        store(self._leadership.connection, folded)
        self._meter.took_in(folded)

    def _stop(self, member: Member, position: int, error: Exception) -> None:
        said = _say(error)
        values = {"name": member.name, "slot": member.slot, "generation": member.generation}
        values |= {"position": position, "error": said}
        self._leadership.connection.execute(sql.STOP, values)
        logger.error(
            "read model %r stopped at position %d: %s",
            member.name,
            position,
            said,
            exc_info=None if isinstance(error, psycopg.Error) else error,
        )

    def _members(self) -> list[Member]:
        """Read how what is led stands; what is missing, outdated or done is put right first."""
        connection = self._leadership.connection
        led = [self._projections[name] for name in self._projections if name in self.led]
        members = read_members(connection, led)
        if self._put_right(connection, led, members):
            members = read_members(connection, led)
        return [each for each in members if each.version == each.projection.version]

    def _put_right(
        self, connection: Connection, led: Sequence[Projection], members: Sequence[Member]
    ) -> bool:
        """Add what is missing, begin and finish rebuilds; tell whether anything changed."""
        live = {member.name: member for member in members if member.slot == LIVE}
        following = {member.name: member for member in members if member.slot != LIVE}
        changed = False
        for projection in led:
            name, version = projection.name, projection.version
            member, successor = live.get(name), following.get(name)
            newest = max((each.version for each in (member, successor) if each), default=version)
            if newest > version:
                raise NewerProjectionError(name, newest, version)
            if member is None:
                values = {"name": name, "slot": LIVE, "version": version}
                changed |= connection.execute(sql.ADD_ROW, values).rowcount > 0
                continue
            try:
                changed |= self._go_on_rebuilding(connection, member, successor)
            except psycopg.Error as error:
                if _is_outage(error):
                    raise
                # For example a view of somebody's own that hangs on the table.
                self._refused[name] = monotonic() + REPEAT_S
                failing = successor or member
                self._stop(failing, failing.position + 1, error)
                changed = True
        return changed

    def _go_on_rebuilding(
        self, connection: Connection, member: Member, successor: Member | None
    ) -> bool:
        projection, name = member.projection, member.name
        if successor is None:
            self._exchange.forget(name)
        if successor is not None and successor.version == projection.version:
            is_done = successor.runs and successor.position >= member.position
            return is_done and self._exchange.attempt(connection, member, successor)
        is_due = member.paused_at is None and monotonic() >= self._refused.get(name, 0.0)
        if member.version < projection.version and is_due:
            rebuilding.begin(connection, projection)
            return True
        return False


def _say(error: Exception) -> str:
    """Name an error; the database's details are left out where they quote a row."""
    said = str(error)
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        said = error.diag.message_primary
        if isinstance(error, psycopg.errors.DependentObjectsStillExist):
            said = f"{said}: {error.diag.message_detail}"
    return f"{type(error).__name__}: {said}".replace("\x00", "\ufffd")


def _is_outage(error: Exception) -> bool:
    """Tell whether an error says that the database cannot be used, and nothing about an event."""
    if isinstance(error, psycopg.Error):
        of_a_value = (error.sqlstate or "").startswith(LIMIT_EXCEEDED)
        return not of_a_value and translate(error) is not None
    return isinstance(error, UnavailableError)
