"""Coordinating: prompts of the purposes by which agents choose, check, judge and mend work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import JsonValue

from application.briefs import (
    SUBMIT_ASSESSMENT,
    SUBMIT_BID,
    SUBMIT_CHOICE,
    SUBMIT_PLAN,
    SUBMIT_SCORES,
    SUBMIT_VERDICT,
    AgentBrief,
    AssembleBrief,
    Assessment,
    Bid,
    BidBrief,
    Choice,
    ConsiderBrief,
    JudgeBrief,
    MonitorBrief,
    RecoverBrief,
    RouteBrief,
    Scores,
    ValidateBrief,
    Verdict,
)
from application.prompts import parts, wording
from application.prompts.parts import Measure
from application.prompts.transcript import transcript
from application.prompts.values import Prompt
from domain.planning import Plan
from domain.task import Step
from domain.value import Value


def _route(brief: RouteBrief, measure: Measure) -> Prompt:
    candidates = parts.agents("Candidates:", brief.candidates, measure)
    opening = parts.lines(parts.task(brief.task), candidates)
    return _structured(brief, wording.ROUTE, opening, measure, (SUBMIT_CHOICE, Choice))


def _bid(brief: BidBrief, measure: Measure) -> Prompt:
    opening = parts.lines(parts.task(brief.task), _tools(brief.agent))
    return _structured(brief, wording.BID, opening, measure, (SUBMIT_BID, Bid))


def _consider(brief: ConsiderBrief, measure: Measure) -> Prompt:
    opening = parts.lines(
        parts.task(brief.task),
        parts.handed(brief.handoff, measure),
        _tools(brief.agent),
    )
    return _structured(brief, wording.CONSIDER, opening, measure, (SUBMIT_VERDICT, Verdict))


def _validate(brief: ValidateBrief, measure: Measure) -> Prompt:
    result = brief.result
    told: dict[str, JsonValue] = {
        "summary": result.summary,
        "files": [
            {"path": artefact.path, "size_bytes": artefact.size} for artefact in result.artefacts
        ],
    }
    if measure.details:
        told["data"] = result.data
    opening = parts.lines(parts.task(brief.task), parts.within("result", told, measure))
    return _structured(brief, wording.VALIDATE, opening, measure, (SUBMIT_VERDICT, Verdict))


def _judge(brief: JudgeBrief, measure: Measure) -> Prompt:
    opening = parts.lines(
        parts.task(brief.task),
        *(parts.result(result, measure, with_findings=True) for result in brief.results),
    )
    return _structured(brief, wording.JUDGE, opening, measure, (SUBMIT_SCORES, Scores))


def _assemble(brief: AssembleBrief, measure: Measure) -> Prompt:
    opening = parts.lines(
        parts.task(brief.task),
        *(parts.result(result, measure, with_findings=True) for result in brief.results),
    )
    return Prompt(
        system=parts.system(wording.ASSEMBLE, brief.agent),
        messages=transcript(opening, brief.steps, measure.exchange),
        tools=(),
        required_tool=None,
    )


def _monitor(brief: MonitorBrief, measure: Measure) -> Prompt:
    opening = parts.lines(
        parts.task(brief.task),
        *(parts.result(result, measure, with_findings=False) for result in brief.results),
        f"Rounds of mending left: {brief.rounds_left}",
    )
    return _structured(brief, wording.MONITOR, opening, measure, (SUBMIT_ASSESSMENT, Assessment))


def _recover(brief: RecoverBrief, measure: Measure) -> Prompt:
    doers = (
        parts.agents("Team:", brief.team, measure)
        if brief.team
        else parts.departments(brief.departments, measure)
    )
    opening = parts.lines(
        parts.task(brief.task),
        *(parts.result(result, measure, with_findings=False) for result in brief.results),
        parts.within("assessment", brief.assessment, measure),
        doers,
    )
    return _structured(brief, wording.RECOVER, opening, measure, (SUBMIT_PLAN, Plan))


def _structured(
    brief: Any, instruction: str, opening: str, measure: Measure, answer: tuple[str, type[Value]]
) -> Prompt:
    """Ask for one value by the tool that submits it."""
    steps: tuple[Step, ...] = brief.steps
    return Prompt(
        system=parts.system(instruction, brief.agent),
        messages=transcript(opening, steps, measure.exchange),
        tools=(parts.submit(*answer),),
        required_tool=answer[0],
    )


def _tools(agent: AgentBrief) -> str:
    return f"Your tools: {', '.join(agent.tools)}." if agent.tools else "You have no tools."


COMPOSERS: dict[str, Callable[[Any, Measure], Prompt]] = {
    "route": _route,
    "bid": _bid,
    "consider": _consider,
    "validate": _validate,
    "judge": _judge,
    "assemble": _assemble,
    "monitor": _monitor,
    "recover": _recover,
}
"""By purpose."""
