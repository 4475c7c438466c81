"""Values of a task: what it asks for, how it stands, what it took, and what it gave."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import JsonValue

from domain.artefact import Artefact
from domain.effect import Failure, ModelAnswer, ToolAnswer, ToolCall
from domain.value import PERSONAL, NonEmptyText, NonEmptyWords, Value, Words


class TaskStatus(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    STARTED = "started"
    DECOMPOSED = "decomposed"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


ENDED = frozenset(
    {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED}
)


class Assignment(Value):
    """What a task asks for.

    Attributes:
        key: name within its plan; `request` for the root task.
        department: department that shall do it; None for the root task.
        depends_on: ids of the tasks whose results it needs.
    """

    session_id: UUID
    parent_id: UUID | None
    key: NonEmptyText
    title: NonEmptyWords
    instruction: NonEmptyWords
    department: str | None = None
    skills: tuple[str, ...] = ()
    depends_on: tuple[UUID, ...] = ()


class Result(Value):
    """What a task gave.

    Attributes:
        summary: Markdown; untrusted when a model wrote it.
        data: structured findings for the tasks that depend on it.
    """

    summary: Words
    data: Annotated[dict[str, JsonValue], PERSONAL] = {}
    artefacts: tuple[Artefact, ...] = ()


class Step(Value):
    """One finished exchange of a task with a model or a tool, in the order of their answers.

    Attributes:
        purpose: what the model was called for; empty for a tool.
        agent: on whose behalf.
        call: the tool call; None for a model.
        rejection: why the model's answer was not accepted, if it was not.
    """

    effect_id: UUID
    purpose: str = ""
    agent: str = ""
    call: ToolCall | None = None
    answer: ModelAnswer | ToolAnswer | None = None
    failure: Failure | None = None
    rejection: str | None = None
