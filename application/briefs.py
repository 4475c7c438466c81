"""Brief: what a model is asked, as structured data; prompts and rules both start from it."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import JsonValue

from domain.artefact import Artefact
from domain.planning import PlannedTask
from domain.session import Intent
from domain.task import Result, Step
from domain.value import Value


class FileBrief(Value):
    """An input file as agents know it: by name, never by path.

    Attributes:
        size: bytes.
        sha256: hash of its content, in hex, for citing it.
    """

    name: str
    size: int
    sha256: str


class DepartmentBrief(Value):
    """A department and the skills its active specialists have together."""

    key: str
    label: str
    skills: tuple[str, ...]


class AgentBrief(Value):
    """The agent that is asked to think."""

    handle: str
    display_name: str
    description: str
    skills: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


class ToolBrief(Value):
    """A tool as a model sees it; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: dict[str, JsonValue]


class ResultBrief(Value):
    """How a task that was depended on, or is reported, ended."""

    key: str
    title: str
    agent: str
    result: Result | None = None
    failure: str | None = None


class InterpretBrief(Value):
    """Nova: what does the user want? Answered by the tool `submit_intent` (`Intent`)."""

    purpose: Literal["interpret"] = "interpret"
    agent: AgentBrief
    request: str
    files: tuple[FileBrief, ...]
    departments: tuple[DepartmentBrief, ...]
    steps: tuple[Step, ...] = ()


class DecomposeBrief(Value):
    """MasterMind: which tasks? Answered by the tool `submit_plan` (`Plan`)."""

    purpose: Literal["decompose"] = "decompose"
    agent: AgentBrief
    request: str
    intent: Intent
    files: tuple[FileBrief, ...]
    departments: tuple[DepartmentBrief, ...]
    steps: tuple[Step, ...] = ()


class ExecuteBrief(Value):
    """Specialist: do the task with tools. Ended by the tool `submit_result` (`Submission`).

    Attributes:
        dependencies: results of the tasks this one depends on.
        steps: this task's finished exchanges so far, oldest first.
        last: whether this is the last call the policy allows; only a submission counts then.
    """

    purpose: Literal["execute"] = "execute"
    agent: AgentBrief
    request: str
    intent: Intent
    task: PlannedTask
    task_id: UUID
    files: tuple[FileBrief, ...]
    dependencies: tuple[ResultBrief, ...]
    tools: tuple[ToolBrief, ...]
    steps: tuple[Step, ...] = ()
    last: bool = False


class PresentBrief(Value):
    """Nova: tell the user. Answered in plain Markdown text.

    Attributes:
        results: every task of the plan, in plan order.
        artefacts: the files the user gets.
    """

    purpose: Literal["present"] = "present"
    agent: AgentBrief
    request: str
    intent: Intent
    results: tuple[ResultBrief, ...]
    artefacts: tuple[Artefact, ...]
    steps: tuple[Step, ...] = ()


Brief = InterpretBrief | DecomposeBrief | ExecuteBrief | PresentBrief


class Submission(Value):
    """What a specialist hands in.

    Attributes:
        done: False when the task cannot be done; `summary` then says why.
        summary: Markdown.
        data: structured findings for the tasks that depend on this one.
    """

    done: bool
    summary: str
    data: dict[str, JsonValue] = {}


SUBMIT_INTENT = "submit_intent"
SUBMIT_PLAN = "submit_plan"
SUBMIT_RESULT = "submit_result"
