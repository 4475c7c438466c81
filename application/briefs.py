"""Brief: what a model is asked, as structured data; prompts and rules both start from it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from domain.artefact import Artefact
from domain.decision import Share
from domain.handoff import Handoff
from domain.planning import PlannedTask
from domain.priority import Priority
from domain.session import Intent
from domain.task import Result, Step
from domain.value import NonEmptyWords, Value
from domain.workflow import Terms


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
    """How a task that was depended on, or is reported, ended.

    Attributes:
        found: what there was by the time it failed, as Markdown.
    """

    key: str
    title: str
    agent: str
    result: Result | None = None
    failure: str | None = None
    found: str = ""


class InterpretBrief(Value):
    """Nova: what does the user want? Answered by the tool `submit_intent` (`Intent`)."""

    purpose: Literal["interpret"] = "interpret"
    agent: AgentBrief
    request: str
    files: tuple[FileBrief, ...]
    departments: tuple[DepartmentBrief, ...]
    steps: tuple[Step, ...] = ()


class DecomposeBrief(Value):
    """MasterMind, or a coordinator: which tasks? Answered by the tool `submit_plan` (`Plan`).

    Attributes:
        task: what is cut up, where it is not the request as a whole.
        team: agents among whom the tasks are given out; without them, the departments.
        dependencies: results of the tasks this one depends on.
    """

    purpose: Literal["decompose"] = "decompose"
    agent: AgentBrief
    request: str
    intent: Intent | None
    files: tuple[FileBrief, ...]
    departments: tuple[DepartmentBrief, ...]
    steps: tuple[Step, ...] = ()
    task: PlannedTask | None = None
    team: tuple[AgentBrief, ...] = ()
    dependencies: tuple[ResultBrief, ...] = ()


class ExecuteBrief(Value):
    """Specialist: do the task with tools. Ended by the tool `submit_result` (`Submission`).

    Attributes:
        dependencies: results of the tasks this one depends on.
        steps: this task's finished exchanges so far, oldest first.
        terms: under which the task is done, its arguments filled in; None for the house's rules.
        handoff: by which the task came to the agent; None where nobody handed it off.
        handoffs: agents that the task may be handed to, by the tool `hand_off` (`HandoffWish`).
        last: whether this is the last call the policy allows; only a submission counts then.
        budget: tokens that may be written on the task in all; None for no limit.
    """

    purpose: Literal["execute"] = "execute"
    agent: AgentBrief
    request: str
    intent: Intent | None
    task: PlannedTask
    task_id: UUID
    files: tuple[FileBrief, ...]
    dependencies: tuple[ResultBrief, ...]
    tools: tuple[ToolBrief, ...]
    steps: tuple[Step, ...] = ()
    terms: Terms | None = None
    handoff: Handoff | None = None
    handoffs: tuple[AgentBrief, ...] = ()
    last: bool = False
    budget: int | None = None


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


class RouteBrief(Value):
    """Who shall do a task? Answered by the tool `submit_choice` (`Choice`)."""

    purpose: Literal["route"] = "route"
    agent: AgentBrief
    task: PlannedTask
    candidates: tuple[AgentBrief, ...]
    steps: tuple[Step, ...] = ()


class BidBrief(Value):
    """What does the agent offer for a task? Answered by the tool `submit_bid` (`Bid`)."""

    purpose: Literal["bid"] = "bid"
    agent: AgentBrief
    task: PlannedTask
    steps: tuple[Step, ...] = ()


class ConsiderBrief(Value):
    """Does the agent take over a task? Answered by the tool `submit_verdict` (`Verdict`)."""

    purpose: Literal["consider"] = "consider"
    agent: AgentBrief
    task: PlannedTask
    handoff: Handoff
    steps: tuple[Step, ...] = ()


class ValidateBrief(Value):
    """Is a result what was asked for? Answered by the tool `submit_verdict` (`Verdict`)."""

    purpose: Literal["validate"] = "validate"
    agent: AgentBrief
    task: PlannedTask
    result: Result
    steps: tuple[Step, ...] = ()


class JudgeBrief(Value):
    """Which result is the best? Answered by the tool `submit_scores` (`Scores`)."""

    purpose: Literal["judge"] = "judge"
    agent: AgentBrief
    task: PlannedTask
    results: tuple[ResultBrief, ...]
    steps: tuple[Step, ...] = ()


class AssembleBrief(Value):
    """What do the results give together? Answered in plain Markdown text."""

    purpose: Literal["assemble"] = "assemble"
    agent: AgentBrief
    task: PlannedTask
    results: tuple[ResultBrief, ...]
    steps: tuple[Step, ...] = ()


class MonitorBrief(Value):
    """How does supervised work stand? Answered by the tool `submit_assessment` (`Assessment`)."""

    purpose: Literal["monitor"] = "monitor"
    agent: AgentBrief
    task: PlannedTask
    results: tuple[ResultBrief, ...]
    rounds_left: int
    steps: tuple[Step, ...] = ()


class RecoverBrief(Value):
    """Which further tasks mend supervised work? Answered by the tool `submit_plan` (`Plan`)."""

    purpose: Literal["recover"] = "recover"
    agent: AgentBrief
    task: PlannedTask
    results: tuple[ResultBrief, ...]
    assessment: str
    departments: tuple[DepartmentBrief, ...]
    team: tuple[AgentBrief, ...] = ()
    steps: tuple[Step, ...] = ()


Brief = (
    InterpretBrief
    | DecomposeBrief
    | ExecuteBrief
    | PresentBrief
    | RouteBrief
    | BidBrief
    | ConsiderBrief
    | ValidateBrief
    | JudgeBrief
    | AssembleBrief
    | MonitorBrief
    | RecoverBrief
)


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


class Choice(Value):
    """Which agent is chosen.

    Attributes:
        agent: handle of one of the candidates; None when none of them fits.
        confidence: 0 to 1.
    """

    agent: str | None
    confidence: Share
    reason: NonEmptyWords


class Bid(Value):
    """What an agent offers for a task.

    Attributes:
        willing: False when it does not take the task; `reason` then says why.
        confidence: 0 to 1, that it will succeed.
        cost_usd: what it expects to spend, in US dollars.
        duration_s: seconds it expects to take.
    """

    willing: bool
    confidence: Share
    cost_usd: Annotated[float, Field(ge=0)] = 0.0
    duration_s: Annotated[float, Field(ge=0)] = 0.0
    reason: NonEmptyWords


class Verdict(Value):
    """Yes or no, and why."""

    accepted: bool
    reason: NonEmptyWords


class Scores(Value):
    """How good results are.

    Attributes:
        scores: 0 to 1, by key of the task.
    """

    scores: dict[str, Share]
    reason: NonEmptyWords


class Assessment(Value):
    """How supervised work stands.

    Attributes:
        state: `completed`, `recovering` when it can be mended by further tasks, or `failed`.
    """

    state: Literal["completed", "recovering", "failed"]
    assessment: NonEmptyWords


class HandoffWish(Value):
    """What an agent says when it hands a task off.

    Attributes:
        target: handle of the agent that shall go on.
    """

    target: str
    request: NonEmptyWords
    context: str = ""
    priority: Priority = Priority.NORMAL


SUBMIT_INTENT = "submit_intent"
SUBMIT_PLAN = "submit_plan"
SUBMIT_RESULT = "submit_result"
SUBMIT_CHOICE = "submit_choice"
SUBMIT_BID = "submit_bid"
SUBMIT_VERDICT = "submit_verdict"
SUBMIT_SCORES = "submit_scores"
SUBMIT_ASSESSMENT = "submit_assessment"
HAND_OFF = "hand_off"
