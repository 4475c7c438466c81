"""Folding: what a range of the log adds to read models, read and decoded once for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from time import monotonic
from typing import Protocol

from application.ports import EventLog
from domain.event import RecordedEvent
from infrastructure.projecting.status import Member
from infrastructure.projecting.storing import Folded
from projections.contexts import Contexts, context_types
from projections.protocol import Batch, Handler


class ScannedLog(EventLog, Protocol):
    """A log that can be read from end to end at speed."""

    def scan(
        self,
        after: int,
        until: int,
        types: Collection[str],
        unreadable: Collection[int] = (),
    ) -> Iterator[RecordedEvent]:
        """Read events at `after < position <= until`, without decoding other types.

        Args:
            unreadable: positions of events that are left out if they cannot be decoded.
        """
        ...


def fold(
    log: ScannedLog, contexts: Contexts, members: Sequence[Member], after: int, until: int
) -> Folded:
    """Let the handlers of some read models handle the events at `after < position <= until`.

    Args:
        contexts: of all kinds that the read models use; they are taken from `after` to `until`.
    """
    begun = monotonic()
    batches = [(member, Batch(contexts)) for member in members]
    handlers = _handlers(batches)
    noted = context_types(contexts.kinds)
    aside = frozenset.intersection(*(member.aside for member in members))
    for recorded in log.scan(after, until, handlers.keys() | noted, aside):
        contexts.position = recorded.position - 1
        for member, batch, handle in handlers.get(recorded.type, ()):
            if recorded.position not in member.aside:
                handle(batch, recorded)
        if recorded.type in noted:
            contexts.note(recorded)
    contexts.position = until
    return Folded(after, until, batches, begun)


def _handlers(
    batches: Sequence[tuple[Member, Batch]],
) -> dict[str, list[tuple[Member, Batch, Handler]]]:
    handlers: dict[str, list[tuple[Member, Batch, Handler]]] = {}
    for member, batch in batches:
        for kind, handle in member.projection.handlers.items():
            handlers.setdefault(kind, []).append((member, batch, handle))
    return handlers
