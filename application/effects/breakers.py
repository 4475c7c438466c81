"""Breakers: models and tools that keep failing are left alone for a while, and that is recorded."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from threading import Lock
from typing import TypeVar

from application.errors import ApplicationError, ConflictError, EffectError, NotFoundError
from application.ports import Clock, Entry, EventLog, IdFactory
from domain.breaker import Admission, Breaker, BreakerRules, BreakerState, Change, Circuit, Guarded
from domain.effect import Failure, FailureKind
from domain.event import SYSTEM, Envelope

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRIES = 10
"""How often a change is recorded anew because another process was faster."""


class Breakers:
    """The breakers of one process, one before each model and each tool.

    May be used from several event loops and threads. A change is recorded before the call that
    brought it about ends; where the log cannot take it, the call goes on, and an error is logged.

    Args:
        process: names this run of the process; no other run ever bears the name.
    """

    def __init__(
        self, log: EventLog, clock: Clock, ids: IdFactory, process: str, rules: BreakerRules
    ) -> None:
        self._log = log
        self._clock = clock
        self._ids = ids
        self._process = process
        self._rules = rules
        self._circuits: dict[Guarded, Circuit] = {}
        self._changes: deque[tuple[Guarded, Change]] = deque()
        self._knowing = Lock()
        self._recording = Lock()

    @property
    def states(self) -> dict[Guarded, BreakerState]:
        """State of each breaker that was ever needed."""
        with self._knowing:
            return {guarded: circuit.state for guarded, circuit in self._circuits.items()}

    async def call(self, guarded: Guarded, attempt: Callable[[], Awaitable[T]]) -> T:
        """Let a call pass, unless what it goes to keeps failing.

        Raises:
            EffectError: it may not pass (`overloaded`, with the seconds to wait), or it failed.
        """
        admission = await self._admit(guarded)
        try:
            answer = await attempt()
        except EffectError as error:
            await self._settle(guarded, error.failure.kind, admission)
            raise
        except Exception:
            await self._settle(guarded, FailureKind.INTERNAL, admission)
            raise
        except BaseException:
            self._withdraw(guarded, admission)
            raise
        await self._settle(guarded, None, admission)
        return answer

    async def _admit(self, guarded: Guarded) -> Admission:
        with self._knowing:
            circuit = self._circuits.setdefault(guarded, Circuit(self._rules))
            admission = circuit.admit(self._clock.now())
            self._note(guarded, admission.change)
        if not admission.passes:
            raise EffectError(_refusal(guarded, admission.wait_s))
        if admission.change is not None:
            try:
                await asyncio.to_thread(self._record)
            except asyncio.CancelledError:
                self._withdraw(guarded, admission)
                raise
        return admission

    async def _settle(
        self, guarded: Guarded, failure: FailureKind | None, admission: Admission
    ) -> None:
        with self._knowing:
            circuit = self._circuits[guarded]
            change = circuit.settle(failure, self._clock.now(), probe=admission.probe)
            self._note(guarded, change)
        if change is not None:
            await asyncio.to_thread(self._record)

    def _withdraw(self, guarded: Guarded, admission: Admission) -> None:
        if admission.probe:
            with self._knowing:
                self._circuits[guarded].withdraw()

    def _note(self, guarded: Guarded, change: Change | None) -> None:
        if change is not None:
            self._changes.append((guarded, change))

    def _record(self) -> None:
        """Record the changes that nobody has recorded yet, in their order."""
        with self._recording:
            while self._changes:
                guarded, change = self._changes[0]
                try:
                    self._append(guarded, change)
                except ApplicationError:
                    logger.exception("breaker of %s: %s is not recorded", guarded.name, change.to)
                    return  # it comes first with the next change
                self._changes.popleft()

    def _append(self, guarded: Guarded, change: Change) -> None:
        for left in reversed(range(TRIES)):
            breaker = self._breaker(guarded, change)
            breaker.change(self._process, change)
            entries = [
                Entry(event, Envelope(self._ids.new(), SYSTEM, correlation_id=guarded.stream))
                for event in breaker.collect_events()
            ]
            try:
                self._log.append(entries)
            except ConflictError:
                if not left:
                    raise
            else:
                return

    def _breaker(self, guarded: Guarded, change: Change) -> Breaker:
        try:
            return self._log.load(Breaker, guarded.stream)
        except NotFoundError:
            return Breaker.install(guarded, change.at)


def _refusal(guarded: Guarded, wait_s: float | None) -> Failure:
    then = "another call tries it now" if wait_s is None else f"it may be tried in {wait_s:.0f} s"
    return Failure(
        kind=FailureKind.OVERLOADED,
        message=f"The {guarded.kind.value} {guarded.name!r} kept failing: {then}.",
        retry_after_s=wait_s,
    )
