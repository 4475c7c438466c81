"""Breaker: stands before a model or a tool, and lets nobody through while it keeps failing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event
from pydantic import Field

from domain.effect import EffectKind, FailureKind
from domain.errors import TransitionError
from domain.value import NonEmptyText, Value

STREAMS = UUID("6b1f0a4e-2f0c-5c54-9d3e-8a4c1d7be0b3")
"""Namespace of the streams of breakers."""

COUNTED = frozenset(
    {
        FailureKind.OVERLOADED,
        FailureKind.TIMED_OUT,
        FailureKind.UNREACHABLE,
        FailureKind.INTERNAL,
    }
)
"""Failures that speak against a model or a tool; whatever else comes back shows that it works."""


class BreakerState(StrEnum):
    """Whether calls pass: all of them, none, or one that tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Guarded(Value):
    """What a breaker stands before."""

    kind: EffectKind
    name: NonEmptyText

    @property
    def stream(self) -> UUID:
        """Id of the breaker: the same in every process (UUIDv5)."""
        return uuid5(STREAMS, f"{self.kind.value}:{self.name}")


class BreakerRules(Value):
    """When a breaker opens, and for how long.

    Attributes:
        failures: in a row, after which it opens.
        cooldown_s: seconds after which one call may try again; doubled with each that fails.
        max_cooldown_s: seconds that this is doubled up to.
    """

    failures: Annotated[int, Field(ge=1)] = 5
    cooldown_s: Annotated[float, Field(ge=0)] = 30.0
    max_cooldown_s: Annotated[float, Field(ge=0)] = 300.0


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker went into another state.

    Attributes:
        failures: in a row, when it opened.
        cause: of the latest of them.
        cooldown_s: seconds before a call may try.
    """

    to: BreakerState
    at: datetime
    failures: int = 0
    cause: FailureKind | None = None
    cooldown_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may pass.

    Attributes:
        passes: False while the breaker is open, or while another call tries.
        probe: whether it is the one that tries.
        wait_s: seconds until a call may try; None when that depends on the one that does.
        change: the state that the breaker went into because of it.
    """

    passes: bool
    probe: bool = False
    wait_s: float | None = None
    change: Change | None = None


class Circuit:
    """What one process knows of a model or a tool; time is told by the caller, never looked up."""

    def __init__(self, rules: BreakerRules) -> None:
        self.state = BreakerState.CLOSED
        self._rules = rules
        self._failures = 0
        self._probes = 0
        self._until: datetime | None = None

    def admit(self, at: datetime) -> Admission:
        """Tell whether a call may pass now."""
        if self.state is BreakerState.CLOSED:
            return Admission(passes=True)
        if self.state is BreakerState.HALF_OPEN or self._until is None:
            return Admission(passes=False)
        if at < self._until:
            return Admission(passes=False, wait_s=(self._until - at).total_seconds())
        self.state = BreakerState.HALF_OPEN
        return Admission(passes=True, probe=True, change=Change(BreakerState.HALF_OPEN, at))

    def settle(self, failure: FailureKind | None, at: datetime, *, probe: bool) -> Change | None:
        """Take in how a call ended that passed.

        What comes back from calls that passed before the breaker opened says nothing any more.

        Args:
            failure: None when it was answered.
        """
        if probe:
            return self._open(failure, at) if failure in COUNTED else self._close(at)
        if self.state is not BreakerState.CLOSED:
            return None
        if failure not in COUNTED:
            self._failures = 0
            return None
        self._failures += 1
        return self._open(failure, at) if self._failures >= self._rules.failures else None

    def withdraw(self) -> None:
        """Take in that the call that tried was stopped; the next one may try at once."""
        self.state = BreakerState.OPEN

    def _open(self, cause: FailureKind | None, at: datetime) -> Change:
        cooldown_s = min(self._rules.cooldown_s * 2.0**self._probes, self._rules.max_cooldown_s)
        self.state = BreakerState.OPEN
        self._probes += 1
        self._until = at + timedelta(seconds=cooldown_s)
        failures, self._failures = self._failures, self._rules.failures
        return Change(BreakerState.OPEN, at, max(failures, 1), cause, cooldown_s)

    def _close(self, at: datetime) -> Change:
        self.state = BreakerState.CLOSED
        self._failures = self._probes = 0
        self._until = None
        return Change(BreakerState.CLOSED, at)


class Breaker(Aggregate):
    """Aggregate of the breakers before one model or tool, one of each process that uses it.

    A process knows what it has seen itself; none waits for what another one found out.
    """

    TOPIC = "breaker"

    class Event(Aggregate.Event):
        """An event of a breaker."""

    class Created(Aggregate.Created):
        """A breaker was needed for the first time."""

        TOPIC = "breaker.installed"
        guarded: Guarded

    class Opened(Aggregate.Event):
        """Calls of a process do not pass any more, for `cooldown_s` seconds.

        `failures` came in a row, the latest because of `cause`. What they said stays in their
        sessions: the words may be a person's.
        """

        TOPIC = "breaker.opened"
        process: str
        failures: int
        cause: FailureKind
        cooldown_s: float

    class HalfOpened(Aggregate.Event):
        """One call of a process tries whether it works again."""

        TOPIC = "breaker.half_opened"
        process: str

    class Closed(Aggregate.Event):
        """All calls of a process pass again."""

        TOPIC = "breaker.closed"
        process: str

    @event(Created)
    def __init__(self, guarded: Guarded) -> None:
        self.guarded = guarded
        self.states: dict[str, BreakerState] = {}

    @classmethod
    def install(cls, guarded: Guarded, at: datetime) -> Breaker:
        """Make the breaker of a model or a tool."""
        return cls._create(cls.Created, id=guarded.stream, timestamp=at, guarded=guarded)

    def change(self, process: str, change: Change) -> None:
        """Record that the breaker of a process went into another state.

        Args:
            process: names one run of a process; no other run ever bears the name.

        Raises:
            TransitionError: the state cannot follow from the one the breaker is in.
        """
        state = self.states.get(process, BreakerState.CLOSED)
        if state not in BEFORE[change.to]:
            raise TransitionError(
                f"Breaker of {self.guarded.name!r} in {process}", state.value, f"be {change.to}"
            )
        if change.to is BreakerState.OPEN and change.cause is not None:
            self._opened(
                process=process,
                failures=change.failures,
                cause=change.cause,
                cooldown_s=change.cooldown_s,
                timestamp=change.at,
            )
        elif change.to is BreakerState.HALF_OPEN:
            self._half_opened(process=process, timestamp=change.at)
        else:
            self._closed(process=process, timestamp=change.at)

    @event(Opened)
    def _opened(
        self,
        process: str,
        failures: int,
        cause: FailureKind,
        cooldown_s: float,
        timestamp: datetime,
    ) -> None:
        self.states[process] = BreakerState.OPEN

    @event(HalfOpened)
    def _half_opened(self, process: str, timestamp: datetime) -> None:
        self.states[process] = BreakerState.HALF_OPEN

    @event(Closed)
    def _closed(self, process: str, timestamp: datetime) -> None:
        self.states[process] = BreakerState.CLOSED


BEFORE = {
    BreakerState.OPEN: frozenset({BreakerState.CLOSED, BreakerState.HALF_OPEN}),
    BreakerState.HALF_OPEN: frozenset({BreakerState.OPEN, BreakerState.HALF_OPEN}),
    BreakerState.CLOSED: frozenset({BreakerState.HALF_OPEN}),
}
"""From which states each may follow; after a call that tried was stopped, another one tries."""
