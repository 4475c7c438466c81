"""Briefs and steps to start from: what models are asked, and what was answered before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid5

from pydantic import JsonValue

from application.briefs import (
    AgentBrief,
    AssembleBrief,
    BidBrief,
    Brief,
    ConsiderBrief,
    DecomposeBrief,
    DepartmentBrief,
    ExecuteBrief,
    FileBrief,
    InterpretBrief,
    JudgeBrief,
    MonitorBrief,
    PresentBrief,
    RecoverBrief,
    ResultBrief,
    RouteBrief,
    ToolBrief,
    ValidateBrief,
)
from application.ports import ModelRequest
from domain.artefact import Artefact
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall
from domain.handoff import Handoff
from domain.planning import PlannedTask
from domain.session import Intent
from domain.task import Result, Step
from domain.value import Value
from domain.workflow import Terms
from infrastructure.tools import schemas

ID = UUID("01890000-0000-7000-8000-000000000000")

NOVA = AgentBrief(handle="NOVA_001", display_name="Nova", description="Speaks with the user.")
MASTERMIND = AgentBrief(handle="MM_001", display_name="MasterMind", description="Plans.")
MIKE = AgentBrief(
    handle="ANA_003",
    display_name="Metric Mike",
    description="Computes figures.",
    skills=("metrics", "tracking"),
    tools=("profile_table", "query_table"),
)
REQUEST = "Generate a Q4 financial report with charts"
INTENT = Intent(goal="Report on the fourth quarter with charts.")
FILES = (FileBrief(name="ledger.csv", size=1234, sha256="0" * 64),)
DEPARTMENTS = (
    DepartmentBrief(key="analytics", label="Analytics", skills=("charts", "metrics")),
    DepartmentBrief(key="finance", label="Finance", skills=("reporting", "statements")),
)
METRICS = PlannedTask(
    key="metrics", title="Compute the metrics", instruction="Add it up.", department="analytics"
)


def tool(name: str, arguments: type[Value]) -> ToolBrief:
    """Describe a tool by the schema of its arguments."""
    description = arguments.__doc__ or name
    return ToolBrief(name=name, description=description, parameters=arguments.model_json_schema())


TOOLS = (
    tool("draw_chart", schemas.DrawChartArguments),
    tool("profile_table", schemas.ProfileTableArguments),
    tool("query_table", schemas.QueryTableArguments),
    tool("write_document", schemas.WriteDocumentArguments),
)


def interpret(steps: Iterable[Step] = ()) -> InterpretBrief:
    """Ask Nova what the user wants."""
    return InterpretBrief(
        agent=NOVA, request=REQUEST, files=FILES, departments=DEPARTMENTS, steps=tuple(steps)
    )


def decompose(steps: Iterable[Step] = ()) -> DecomposeBrief:
    """Ask MasterMind for a plan."""
    return DecomposeBrief(
        agent=MASTERMIND,
        request=REQUEST,
        intent=INTENT,
        files=FILES,
        departments=DEPARTMENTS,
        steps=tuple(steps),
    )


def execute(
    steps: Iterable[Step] = (),
    *,
    last: bool = False,
    task: PlannedTask = METRICS,
    dependencies: Iterable[ResultBrief] = (),
) -> ExecuteBrief:
    """Ask a specialist to do a task."""
    return ExecuteBrief(
        agent=MIKE,
        request=REQUEST,
        intent=INTENT,
        task=task,
        task_id=ID,
        files=FILES,
        dependencies=tuple(dependencies),
        tools=TOOLS,
        steps=tuple(steps),
        last=last,
    )


def present(results: Iterable[ResultBrief] = ()) -> PresentBrief:
    """Ask Nova to tell the user."""
    artefact = Artefact(
        path="report.md", media_type="text/markdown", title="Report", sha256="0" * 64, size=10
    )
    return PresentBrief(
        agent=NOVA, request=REQUEST, intent=INTENT, results=tuple(results), artefacts=(artefact,)
    )


def outcome(
    key: str, summary: str = "Done.", data: dict[str, JsonValue] | None = None
) -> ResultBrief:
    """Tell how a task ended well."""
    result = Result(summary=summary, data=data or {})
    return ResultBrief(key=key, title=f"Task {key}", agent="FIN_007", result=result)


def call(call_id: str = "toolu_1", name: str = "query_table", **arguments: JsonValue) -> ToolCall:
    """Wish for a tool."""
    return ToolCall(call_id=call_id, tool=name, arguments=arguments)


def said(
    *calls: ToolCall, text: str = "", rejection: str | None = None, purpose: str = "execute"
) -> Step:
    """Answer as a model."""
    answer = ModelAnswer(model="claude-sonnet-5-5", text=text, tool_calls=calls, stop_reason="-")
    return Step(effect_id=uuid5(ID, text), purpose=purpose, answer=answer, rejection=rejection)


def gave(of: ToolCall, content: JsonValue = None) -> Step:
    """Answer as a tool."""
    return Step(effect_id=uuid5(ID, of.call_id), call=of, answer=ToolAnswer(content=content))


def broke(of: ToolCall, message: str = "There is no such column.") -> Step:
    """Fail as a tool."""
    failure = Failure(kind=FailureKind.BAD_INPUT, message=message)
    return Step(effect_id=uuid5(ID, of.call_id), call=of, failure=failure)


def asking(
    brief: Brief,
    model: str = "claude-sonnet-5-5",
    *,
    compression: int = 0,
    timeout_s: float = 20.0,
) -> ModelRequest:
    """Make a call of a brief."""
    return ModelRequest(
        effect_id=ID, model=model, brief=brief, compression=compression, timeout_s=timeout_s
    )


ANNA = AgentBrief(
    handle="ANA_006",
    display_name="Query Quinn",
    description="Writes queries on tables.",
    skills=("sql", "data_extraction"),
    tools=("query_table",),
)
HANDOFF = Handoff(
    handoff_id=ID,
    effect_id=ID,
    from_agent="ANA_003",
    to_agent="ANA_006",
    request="Write the queries.",
    context="The table is called ledger.",
)


def planned(title: str, instruction: str, *skills: str, key: str = "task") -> PlannedTask:
    """Make a task without a department."""
    return PlannedTask(key=key, title=title, instruction=instruction, skills=skills)


def failed(key: str, message: str, agent: str = "ANA_003") -> ResultBrief:
    """Tell how a task failed."""
    return ResultBrief(key=key, title=f"Task {key}", agent=agent, failure=message)


def route(task: PlannedTask = METRICS) -> RouteBrief:
    """Ask MasterMind who shall do a task."""
    return RouteBrief(agent=MASTERMIND, task=task, candidates=(ANNA, MIKE))


def bid(task: PlannedTask = METRICS, agent: AgentBrief = MIKE) -> BidBrief:
    """Ask an agent what it offers."""
    return BidBrief(agent=agent, task=task)


def consider(task: PlannedTask = METRICS, handoff: Handoff = HANDOFF) -> ConsiderBrief:
    """Ask an agent whether it takes a task over."""
    return ConsiderBrief(agent=ANNA, task=task, handoff=handoff)


def validate(result: Result, task: PlannedTask = METRICS) -> ValidateBrief:
    """Ask whether a result is what was asked for."""
    return ValidateBrief(agent=MASTERMIND, task=task, result=result)


def judge(*results: ResultBrief, task: PlannedTask = METRICS) -> JudgeBrief:
    """Ask which result is the best."""
    return JudgeBrief(agent=MASTERMIND, task=task, results=results)


def assemble(*results: ResultBrief, task: PlannedTask = METRICS) -> AssembleBrief:
    """Ask for one answer from several results."""
    return AssembleBrief(agent=MASTERMIND, task=task, results=results)


def monitor(*results: ResultBrief, rounds_left: int = 1) -> MonitorBrief:
    """Ask how supervised work stands."""
    return MonitorBrief(agent=MASTERMIND, task=METRICS, results=results, rounds_left=rounds_left)


def recover(*results: ResultBrief, team: tuple[AgentBrief, ...] = ()) -> RecoverBrief:
    """Ask for tasks that mend what failed."""
    return RecoverBrief(
        agent=MASTERMIND,
        task=METRICS,
        results=results,
        assessment="One task failed.",
        departments=DEPARTMENTS,
        team=team,
    )


def with_terms(terms: Terms, **more: Any) -> ExecuteBrief:
    """Ask a specialist to do a task under terms."""
    return execute().model_copy(update={"terms": terms, **more})
