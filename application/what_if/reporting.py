"""Reporting: compare a what-if with its parent, from the log alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from application.fold import SessionFold
from application.views import session_view
from application.what_if.calls import Call, CallReader
from application.what_if.course import Bend, Parting, course_of, first_parting
from application.what_if.recording import Fork, later
from application.what_if.requests import differences
from application.what_if.serving import Tape
from application.what_if.views import (
    CallsView,
    DifferenceView,
    DivergenceView,
    SideView,
)
from domain.effect import ModelAnswer, ToolAnswer
from domain.event import RecordedEvent
from domain.task import Task

MOST_DIFFERENCES = 10


@dataclass(frozen=True, slots=True)
class Told:
    """A session's history with the calls in it."""

    history: Sequence[RecordedEvent]
    reader: CallReader

    @property
    def fold(self) -> SessionFold:
        """The history folded to its end."""
        return self.reader.fold


@dataclass(frozen=True, slots=True)
class Sorted:
    """The calls that a what-if made itself, by where their outcomes came from.

    Attributes:
        unknown: those that the parent had not made, with those that wait for their outcome.
    """

    served: list[Call]
    given: list[Call]
    repeated: list[Call]
    unknown: list[Call]

    @property
    def new(self) -> list[Call]:
        """Those that were made and had been unknown."""
        return [call for call in self.unknown if call.outcome is not None]


def sort_calls(parent: Sequence[Call], fork: Fork, own: CallReader) -> Sorted:
    """Tell which calls of a what-if recorded answers served."""
    tape = Tape(later(list(parent), fork.origin.position))
    sorted_calls = Sorted([], [], [], [])
    mine = [call for call in own.all if call.position > fork.position or call.given]
    answered = [call for call in own.calls if (call.answered or 0) > fork.position]
    for call in answered:
        if call.given:
            sorted_calls.given.append(call)
        elif call.allowed:
            recorded = tape.take(call.key)
            if recorded is None or not recorded.fits(call.timeout_s):
                sorted_calls.unknown.append(call)
            elif recorded.outcome == call.outcome:
                sorted_calls.served.append(call)
            else:
                sorted_calls.repeated.append(call)
    for call in mine:
        if call.outcome is None and tape.take(call.key) is None:
            sorted_calls.unknown.append(call)
    return sorted_calls


def spent(calls: Iterable[Call]) -> CallsView:
    """Add up what calls took."""
    made = [call for call in calls if call.allowed and call.outcome is not None]
    answers = [call.outcome for call in made if isinstance(call.outcome, ModelAnswer)]
    timed = [call.outcome for call in made if isinstance(call.outcome, ModelAnswer | ToolAnswer)]
    return CallsView(
        model_calls=sum(call.kind == "model" for call in made),
        tool_calls=sum(call.kind == "tool" for call in made),
        input_tokens=sum(answer.usage.context_tokens for answer in answers),
        output_tokens=sum(answer.usage.output_tokens for answer in answers),
        cost_usd=sum((answer.cost_usd or Decimal(0) for answer in answers), Decimal(0)),
        duration_ms=round(sum(answer.duration_ms for answer in timed), 3),
    )


def side_view(told: Told, session_id: UUID | None, since: int) -> SideView:
    """View one of the two sessions.

    Args:
        since: position from which its wall time counts.
    """
    view = session_view(told.fold)
    times = [_time(recorded) for recorded in told.history if recorded.position >= since]
    return SideView(
        session_id=session_id,
        status=view.status,
        answer=view.answer,
        failure=view.failure,
        artefacts=view.artefacts,
        calls=spent(told.reader.calls),
        wall_ms=(max(times) - min(times)).total_seconds() * 1000 if times else 0.0,
    )


def divergence(
    parent: Told, fork: Told, calls: Sorted, *, rehearsed: bool
) -> DivergenceView | None:
    """Find where a what-if first went another way than its parent.

    Args:
        rehearsed: whether the positions of the what-if are nobody's.
    """
    places = {call.place: call for call in parent.reader.all}
    parting = first_parting(course_of(parent.history), course_of(fork.history))
    barred = [call for call in fork.reader.all if _is_barred(call, places)]
    asked = [*calls.unknown, *barred]
    first = min(asked, key=lambda call: call.position, default=None)
    found: list[DivergenceView] = [_given(call, places) for call in calls.given]
    if first is not None:
        found.append(_request(first, places.get(first.place)))
    if parting is not None:
        found.append(_decision(parting))
    earliest = min(found, key=lambda view: view.fork_position or 0, default=None)
    if earliest is not None and rehearsed:
        return earliest.model_copy(update={"fork_position": None})
    return earliest


def _given(call: Call, places: dict[Any, Call]) -> DivergenceView:
    recorded = places[call.place]
    return DivergenceView(
        kind="answer",
        position=recorded.answered,
        fork_position=call.answered,
        task_key=call.task_key,
        agent=call.agent,
        what=f"Another answer was given to {call.agent} for {call.task_key}: {call.name}.",
    )


def _request(call: Call, recorded: Call | None) -> DivergenceView:
    asked = f"{call.agent} {'asks a model to' if call.kind == 'model' else 'uses'} {call.name}"
    where = f"for {call.task_key}, which is the parent's"
    differing: tuple[DifferenceView, ...] = ()
    if not call.allowed:
        what = f"{call.agent} may not use {call.name} for {call.task_key}."
    elif recorded is None:
        what = f"{asked} for {call.task_key}; the parent did not."
    elif not recorded.allowed:
        what = f"{asked} for {call.task_key}; in the parent it was not allowed to."
    else:
        differing = tuple(
            DifferenceView(field=path, parent=one, fork=other)
            for path, one, other in differences(recorded.write(), call.write())
        )[:MOST_DIFFERENCES]
        names = ", ".join(dict.fromkeys(each.field for each in differing))
        what = f"{asked} {where} request but for {names}."
        if not differing:
            left = "do not fit" if recorded.outcome is not None else "never came"
            what = f"{asked} {where} request, whose recorded outcomes {left} or are used up."
    return DivergenceView(
        kind="request",
        position=recorded.position if recorded else None,
        fork_position=call.position,
        task_key=call.task_key,
        agent=call.agent,
        what=what,
        differences=differing,
    )


def _decision(parting: Parting) -> DivergenceView:
    bend, other = parting.fork, parting.parent
    return DivergenceView(
        kind="decision",
        position=other.position if other else None,
        fork_position=bend.position,
        task_key=bend.key,
        agent=bend.actor,
        what=f"{_said(bend)}; {'the parent decided no more' if other is None else _there(other)}.",
    )


def _said(bend: Bend) -> str:
    if bend.type == Task.Delegated.TOPIC:
        return f"{bend.actor} passes {bend.key} to {bend.said}"
    if bend.type == Task.Unplaced.TOPIC:
        return f"{bend.actor} passes {bend.key} to nobody"
    told = f" ({bend.said})" if isinstance(bend.said, str) else ""
    return f"{bend.key} has {bend.type}{told}"


def _there(bend: Bend) -> str:
    return f"in the parent, {_said(bend)}"


def _is_barred(call: Call, places: dict[Any, Call]) -> bool:
    recorded = places.get(call.place)
    return not call.allowed and (recorded is None or recorded.allowed)


def _time(recorded: RecordedEvent) -> datetime:
    event: Any = recorded.event
    moment: datetime = event.timestamp
    return moment
