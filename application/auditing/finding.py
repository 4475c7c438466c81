"""Finding: which decision or task of which session somebody asks about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from application.errors import BadRequestError, NotFoundError
from application.moments import LONGEST_POSITION
from application.ports import EventLog
from domain.decision import Decision
from domain.event import RecordedEvent
from domain.task import Task

DECISIONS: frozenset[str] = frozenset({Task.Delegated.TOPIC, Task.Unplaced.TOPIC})
"""Types of the events that record a decision on who does a task."""

NEAR = timedelta(hours=1)
"""The clocks of a process and of the database are hardly further apart than this."""

LATEST_MS = 253_370_764_800_000
"""The year 9999, in milliseconds since 1970: an id can say later times than a `datetime`."""

FORMS = "the id of a task, a decision, a delegation or an event, or the position of a decision"
UUID7 = 7


@dataclass(frozen=True, slots=True)
class Target:
    """What somebody asks about.

    Attributes:
        session_id: the session that it is asked about in, unless another one is named.
        recorded_in: the session that `position` belongs to; an ancestor, of what a fork inherited.
        position: where it was recorded: the decision, else the beginning of the task.
        decision_id: the decision; None where all of the task is asked about.
    """

    session_id: UUID
    recorded_in: UUID
    task_id: UUID
    position: int
    decision_id: UUID | None = None


def decision_of(recorded: RecordedEvent) -> Decision | None:
    """Give the decision that an event records; None for any other event."""
    event = recorded.event
    if isinstance(event, Task.Delegated):
        return event.delegation.decision
    return event.decision if isinstance(event, Task.Unplaced) else None


def parse(asked: str | int | UUID) -> int | UUID:
    """Read how somebody names a decision or a task: a position, or an id.

    Raises:
        BadRequestError: it is neither.
    """
    if not isinstance(asked, str):
        return asked
    text = asked.strip()
    if text.isdecimal() and len(text) <= LONGEST_POSITION:
        return int(text)
    try:
        return UUID(text)
    except ValueError as error:
        raise BadRequestError(f"{asked!r} names no decision and no task; give {FORMS}.") from error


def find_target(log: EventLog, asked: str | int | UUID) -> Target:
    """Find out what somebody asks about.

    Args:
        asked: id of a task, a decision, a delegation or an event of a task, or the position of such
            an event.

    Raises:
        BadRequestError: it is neither an id nor a position.
        NotFoundError: there is nothing of this name that a decision or a task stands behind.
    """
    value = parse(asked)
    if isinstance(value, int):
        recorded = next(log.read(after=value - 1, until=value, limit=1), None)
        if recorded is None:
            raise NotFoundError("position", value, f"The log ends at {log.last_position()}.")
        return _of_event(log, recorded, asked)
    began = next(log.read(stream=value, limit=1), None)
    if began is not None:
        return _of_stream(log, began, asked)
    decided = _find_decision(log, value)
    if decided is not None:
        return _of_event(log, decided, asked)
    try:
        position = log.position_of(value)
    except NotFoundError as error:
        raise NotFoundError("task or decision", value, f"Give {FORMS}.") from error
    return _of_event(log, next(log.read(after=position - 1, until=position, limit=1)), asked)


def _of_stream(log: EventLog, began: RecordedEvent, asked: object) -> Target:
    event = began.event
    if isinstance(event, Task.Continued):
        origin = next(log.read(stream=event.origin, limit=1))
        return _target(began, event.origin, origin)
    if isinstance(event, Task.Created):
        return _target(began, event.originator_id, began)
    raise _no_task(began, asked)


def _of_event(log: EventLog, recorded: RecordedEvent, asked: object) -> Target:
    stream = recorded.event.originator_id
    if not recorded.type.startswith("task."):
        raise _no_task(recorded, asked)
    began = next(log.read(stream=stream, limit=1))
    found = _of_stream(log, began, asked)
    decision = decision_of(recorded)
    return Target(
        session_id=found.session_id,
        recorded_in=found.session_id,
        task_id=found.task_id,
        position=recorded.position,
        decision_id=decision.decision_id if decision else None,
    )


def _target(began: RecordedEvent, task_id: UUID, created: RecordedEvent) -> Target:
    if began.session_id is None or created.session_id is None:  # recorded by foreign code
        raise NotFoundError("task", task_id, "It belongs to no session.")
    return Target(began.session_id, created.session_id, task_id, created.position)


def _find_decision(log: EventLog, wanted: UUID) -> RecordedEvent | None:
    """Find the event that records a decision or delegation of this id.

    An id of version 7 says when it was made, and so where in the log to look first.
    """
    made_ms = wanted.int >> 80
    if wanted.version == UUID7 and made_ms < LATEST_MS:
        made = datetime.fromtimestamp(made_ms / 1000, UTC)
        for recorded in log.read(types=DECISIONS, since=made - NEAR, before=made + NEAR):
            if wanted in _ids(recorded.event):
                return recorded
    return next(
        (each for each in log.read(types=DECISIONS) if wanted in _ids(each.event)),
        None,
    )


def _ids(event: Any) -> Iterator[UUID]:
    if isinstance(event, Task.Delegated):
        yield event.delegation.delegation_id
        yield event.delegation.decision.decision_id
    else:
        yield event.decision.decision_id


def _no_task(recorded: RecordedEvent, asked: object) -> NotFoundError:
    return NotFoundError(
        "task or decision",
        str(asked),
        f"What has this name is {recorded.type!r} at position {recorded.position}; give {FORMS}.",
    )
