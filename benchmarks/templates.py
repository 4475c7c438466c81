"""Templates: sessions told once by the real aggregates, with slots for what differs each time."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from domain.effect import Usage
from infrastructure.event_log.mapper import EventMapper

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

BEGINNING = datetime(2026, 10, 3, 6, tzinfo=UTC)
MAPPER = EventMapper()

ID_SLOT, NUMBER_SLOT = 0x7E3A11CE_0000_7000_8000_000000000000, 7_700_000_000_000
SLOT = re.compile(rb"7e3a11ce-0000-7000-8000-([0-9a-f]{12})|77(\d{11})(?:\.0)?|zz(\d{11})zz")
"""Ids, numbers and texts that stand for others; nothing else in a payload looks like them."""


class Slot(NamedTuple):
    """What a place in a template is filled with.

    Attributes:
        kind: `id`, `duration`, `text`, or one of `COUNTS`.
        of: the model that counts, the milliseconds it took, or the number of sentences.
    """

    kind: str
    of: Any = None


COUNTS = ("input", "output", "cache_read", "cache_write", "cost")


class Step(NamedTuple):
    """One event of a template.

    Attributes:
        offset_us: microseconds since the session was opened.
        stream: the slot of its stream's id.
        payload: with `%b` for each of its slots.
        pick: takes the values of its slots; None for a payload without any.
        cause: which step it follows from; None for the first.
    """

    offset_us: int
    type: str
    schema_version: int
    stream: int
    version: int
    payload: bytes
    pick: itemgetter[Any] | None
    actor: str
    cause: int | None


@dataclass(frozen=True)
class Template:
    """A session, ready to be told again.

    Attributes:
        session: the slot of its id.
    """

    session: int
    steps: tuple[Step, ...]
    slots: tuple[Slot, ...]


class Recording:
    """Records what aggregates do, and hands out slots in place of ids, numbers and texts."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._now = BEGINNING
        self._slots: list[Slot] = []
        self._steps: list[Step] = []
        self._causes: dict[int, int] = {}

    def new(self) -> UUID:
        """Make a slot for an id."""
        return UUID(int=ID_SLOT + self._slot("id"))

    def now(self) -> datetime:
        """Tell the time of the story."""
        return self._now

    def pass_ms(self, mean: float) -> float:
        """Let time go by, most often less than the mean; milliseconds."""
        took_ms = round(min(self.chance.expovariate(1 / mean) + 0.1, mean * 8), 3)
        self._now += timedelta(milliseconds=took_ms)
        return took_ms

    def duration(self, took_ms: float) -> float:
        """Make a slot for what took so long."""
        return float(NUMBER_SLOT + self._slot("duration", took_ms))

    def text(self, sentences: int) -> str:
        """Make a slot for sentences."""
        return f"zz{self._slot('text', sentences):011d}zz"

    def usage(self, model: str) -> tuple[Usage, Decimal]:
        """Make slots for the tokens and the price of a call."""
        first = [NUMBER_SLOT + self._slot(kind, model) for kind in COUNTS]
        names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
        return Usage(**dict(zip(names, first, strict=False))), Decimal(first[-1])

    def record(self, actor: str, *aggregates: Aggregate, cause: int | None = None) -> None:
        """Take over what is pending; each event follows from the last one of its stream."""
        for aggregate in aggregates:
            for event in aggregate.collect_events():
                self._steps.append(self._step(event, actor, cause))

    def finish(self, session_id: UUID) -> Template:
        """Give the template."""
        return Template(session_id.int - ID_SLOT, tuple(self._steps), tuple(self._slots))

    def _slot(self, kind: str, of: Any = None) -> int:
        self._slots.append(Slot(kind, of))
        return len(self._slots) - 1

    def _step(self, event: Any, actor: str, cause: int | None) -> Step:
        stream = event.originator_id.int - ID_SLOT
        previous = self._causes.get(stream, len(self._steps) - 1)
        self._causes[stream] = len(self._steps)
        stored = MAPPER.to_stored_event(event)
        payload, picked = _cut(stored.state)
        return Step(
            offset_us=(event.timestamp - BEGINNING) // timedelta(microseconds=1),
            type=stored.topic,
            schema_version=stored.schema_version,
            stream=stream,
            version=stored.originator_version,
            payload=payload,
            pick=itemgetter(*picked) if picked else None,
            actor=actor,
            cause=cause if cause is not None else (previous if previous >= 0 else None),
        )


def _cut(state: bytes) -> tuple[bytes, list[int]]:
    """Cut the slots out of a payload."""
    picked: list[int] = []

    def place(found: re.Match[bytes]) -> bytes:
        ids, numbers, texts = found.groups()
        picked.append(int(ids, 16) if ids else int(numbers or texts))
        return b"%b"

    payload = SLOT.sub(place, state.replace(b"%", b"%%"))
    return (payload, picked) if picked else (state, [])
