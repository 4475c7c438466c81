"""Aligning: where two histories part, and the first event in which they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from pydantic import JsonValue

from application.comparing.naming import CONVERSATION, SESSION, event_view
from application.comparing.structure import difference
from application.comparing.views import DivergenceView, EventView
from domain.event import RecordedEvent

UNCOMPARED = frozenset(
    {"session.forked", "session.rewound", "task.continued", "conversation.continued"}
)
"""Events that say how a history came to be told so; what was done is told by the others."""


@dataclass(frozen=True, slots=True)
class ComparedEvent:
    """An event of one history, ready to be compared with one of another.

    Attributes:
        ordinal: place among the events of its history that both do not share.
        subject: what it is about, as both histories would name it.
        effect: name of the effect that it is about; empty when it is about none.
        document: what happened, ids replaced by what they stand for.
    """

    ordinal: int
    subject: str
    effect: str
    recorded: RecordedEvent
    document: JsonValue

    def view(self) -> EventView:
        """View the event."""
        is_task = self.subject not in {SESSION, CONVERSATION}
        return event_view(self.recorded, self.subject if is_task else None)


def first_divergence(
    left: Iterable[ComparedEvent], right: Iterable[ComparedEvent]
) -> DivergenceView | None:
    """Find the first event that differs.

    Events are aligned for each subject on its own, and those of effects for each effect, since
    what is done at the same time comes in any order; of all first differences the earliest counts.
    """
    by_subject: dict[tuple[str, str], tuple[list[ComparedEvent], list[ComparedEvent]]] = {}
    for side, compared in enumerate((left, right)):
        for each in compared:
            by_subject.setdefault((each.subject, each.effect), ([], []))[side].append(each)
    parted = [
        pair
        for lefts, rights in by_subject.values()
        if (pair := _first_unequal(lefts, rights)) is not None
    ]
    if not parted:
        return None
    return _divergence(*min(parted, key=_earliest))


Pair = tuple[ComparedEvent | None, ComparedEvent | None]


def _first_unequal(lefts: list[ComparedEvent], rights: list[ComparedEvent]) -> Pair | None:
    for left, right in zip_longest(lefts, rights):
        if (
            left is None
            or right is None
            or left.recorded.type != right.recorded.type
            or left.document != right.document
        ):
            return left, right
    return None


def _earliest(pair: Pair) -> tuple[int, str]:
    present = [each for each in pair if each is not None]
    return min(each.ordinal for each in present), present[0].subject


def _divergence(left: ComparedEvent | None, right: ComparedEvent | None) -> DivergenceView:
    field = ""
    before: JsonValue = None
    after: JsonValue = None
    if left is not None and right is not None:
        if left.recorded.type != right.recorded.type:
            field, before, after = "type", left.recorded.type, right.recorded.type
        else:
            change = difference(left.document, right.document)[0]
            field, before, after = change.path, change.before, change.after
    present = left or right
    assert present is not None  # noqa: S101 - one side has an event
    return DivergenceView(
        subject=present.subject,
        left=left and left.view(),
        right=right and right.view(),
        field=field,
        before=before,
        after=after,
    )
