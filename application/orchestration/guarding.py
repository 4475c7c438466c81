"""Guarding: what passes an agent or a tool is held against the guardrails of its task."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from pydantic import JsonValue

from application.fold import SessionFold
from application.json_schema import misfits
from application.orchestration.approving import ask_human, refusal
from application.orchestration.commands import Command, TripGuardrail
from application.orchestration.procedures import terms_of
from application.patterns import occurs, replaced
from domain.approval import Approval, ApprovalRequest, ApprovalSubject
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.guardrail import (
    AllowedToolsParameters,
    BudgetParameters,
    FunctionParameters,
    Guardrail,
    GuardrailError,
    GuardrailKind,
    PatternParameters,
    Reaction,
    SchemaParameters,
    Stage,
    Trip,
    misshapen,
    parameters_of,
)
from domain.task import Task

if TYPE_CHECKING:
    from application.orchestration.deciding.setting import Setting

SCHEMA_PARTS = {Stage.BEFORE_AGENT: "arguments", Stage.AFTER_AGENT: "data"}
"""The part of what an agent is given, or hands in, that a schema is about."""


@dataclass(frozen=True, slots=True)
class Passing:
    """What passes a guardrail.

    Attributes:
        content: before an agent its `instruction` and `arguments`, after it `summary` and `data` of
            the result; before a tool the arguments of the call, after it the tool's answer.
        tool: name of the tool, at a tool.
        effect_id: the model's answer in which the agent handed in or wished for the call, or the
            tool's call; None before an agent.
        call_id: of the tool call within that answer.
    """

    stage: Stage
    content: JsonValue
    tool: str | None = None
    effect_id: UUID | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Objection:
    """What a function has against what passes.

    Attributes:
        amended: what may pass instead, for a guardrail that amends.
    """

    reason: str
    amended: JsonValue = None


GuardrailFunction = Callable[[Passing, Mapping[str, JsonValue]], "Objection | str | None"]
"""Is told what passes and the options of the guardrail; gives the reason not to let it, or None."""

Consult = Callable[[Task, Guardrail, Passing], "Trip | None"]
"""Tells whether a guardrail tripped that a function of the embedding program decides on."""

Passed = Generator[Command, None, "Passing | Failure | None"]


def guardrails_of(task: Task, fold: SessionFold) -> tuple[Guardrail, ...]:
    """List the guardrails of a task: those of the policy, then those of its terms."""
    return (*fold.session.charter.policy.guardrails, *terms_of(task, fold).guardrails)


def guarded(task: Task, passing: Passing, fold: SessionFold, setting: Setting) -> Passed:
    """Hold something against the guardrails of a task that stand where it passes, in their order.

    Returns:
        What may pass, perhaps amended; a failure when it is stopped; None while a human is asked,
        and right after a guardrail tripped, which is recorded before anything follows from it.
    """
    for guardrail in guardrails_of(task, fold):
        if not _concerns(guardrail, passing):
            continue
        trip = tripped(task, guardrail, passing)
        if trip is None:
            found = _check(task, guardrail, passing, fold, setting)
            if found is not None:
                yield TripGuardrail(task.id, found)
                return None
            continue
        if trip.reaction is Reaction.STOP:
            return stopped(trip)
        if trip.reaction is Reaction.AMEND:
            passing = replace(passing, content=trip.amended)
            continue
        approval = yield from ask_human(_asked(task, trip, passing), fold)
        if approval is None:
            return None
        if not approval.agreed:
            return refusal(approval)
        if approval.amendment is not None:
            yield TripGuardrail(task.id, _amended_by(approval, trip))
            return None
    return passing


def trips(task: Task, passing: Passing, fold: SessionFold, setting: Setting) -> tuple[Trip, ...]:
    """Tell which guardrails would trip, each on what passes as it stands; records nothing."""
    found = (
        _check(task, guardrail, passing, fold, setting)
        for guardrail in guardrails_of(task, fold)
        if _concerns(guardrail, passing)
    )
    return tuple(trip for trip in found if trip is not None)


def tripped(task: Task, guardrail: Guardrail, passing: Passing) -> Trip | None:
    """Find what a guardrail had against the same thing before."""
    for trip in reversed(task.trips):
        if _is_about(trip, guardrail, passing):
            return trip
    return None


def stopped(trip: Trip) -> Failure:
    """Say why work ends."""
    message = f"Guardrail {trip.guardrail!r} stopped it: {trip.reason}"
    return Failure(kind=FailureKind.REFUSED, message=message)


def amended_start(task: Task) -> Mapping[str, Any]:
    """Give the instruction and the arguments that stand in place of those that were given."""
    found: Mapping[str, Any] = {}
    for trip in task.trips:
        if trip.stage is Stage.BEFORE_AGENT and trip.reaction is Reaction.AMEND:
            found = cast("Mapping[str, Any]", trip.amended)
    return found


def consult_function(functions: Mapping[str, GuardrailFunction]) -> Consult:
    """Make what asks the functions that are registered under names."""

    def consult(task: Task, guardrail: Guardrail, passing: Passing) -> Trip | None:
        del task
        parameters: FunctionParameters = parameters_of(guardrail)
        function = functions.get(parameters.function)
        if function is None:
            known = ", ".join(sorted(functions)) or "none"
            reason = f"No function {parameters.function!r} is registered; known: {known}."
            return _trip(guardrail, passing, reason, Reaction.STOP, outside=True)
        try:
            said = function(passing, parameters.options)
        except Exception as error:  # noqa: BLE001 - it is not ours, and its failure stops the work
            reason = f"Function {parameters.function!r} failed: {type(error).__name__}: {error}"
            return _trip(guardrail, passing, reason, Reaction.STOP, outside=True)
        if said is None:
            return None
        objection = Objection(said) if isinstance(said, str) else said
        reaction = guardrail.reaction
        reason = objection.reason or f"Function {parameters.function!r} objects."
        if reaction is Reaction.AMEND:
            wrong = misshapen(passing.stage, objection.amended)
            if objection.amended is None or wrong is not None:
                reaction = Reaction.STOP
                reason = f"{reason} ({wrong})" if wrong else reason
        amended = objection.amended if reaction is Reaction.AMEND else None
        return _trip(guardrail, passing, reason, reaction, amended, outside=True)

    return consult


def recorded_answer(trip: Trip, guardrail: Guardrail, passing: Passing) -> bool:
    """Tell whether a recorded trip is what a function answered to the same question."""
    return trip.outside and _is_about(trip, guardrail, passing)


def _concerns(guardrail: Guardrail, passing: Passing) -> bool:
    if guardrail.stage is not passing.stage:
        return False
    if guardrail.kind == GuardrailKind.ALLOWED_TOOLS or passing.tool is None:
        return True
    tools = guardrail.parameters.get("tools")
    return not tools or (isinstance(tools, list) and passing.tool in tools)


def _is_about(trip: Trip, guardrail: Guardrail, passing: Passing) -> bool:
    return (trip.guardrail, trip.stage, trip.effect_id, trip.call_id) == (
        guardrail.name,
        passing.stage,
        passing.effect_id,
        passing.call_id,
    )


def _check(
    task: Task, guardrail: Guardrail, passing: Passing, fold: SessionFold, setting: Setting
) -> Trip | None:
    if guardrail.kind == GuardrailKind.FUNCTION:
        return setting.consult(task, guardrail, passing)
    try:
        objection = _objection(task, guardrail, passing, fold)
    except (GuardrailError, ValueError) as error:
        return _trip(guardrail, passing, f"It cannot be used: {error}", Reaction.STOP)
    if objection is None:
        return None
    reaction = guardrail.reaction
    if reaction is Reaction.AMEND and objection.amended is None:
        reaction = Reaction.STOP
    amended = objection.amended if reaction is Reaction.AMEND else None
    return _trip(guardrail, passing, objection.reason, reaction, amended)


def _objection(
    task: Task, guardrail: Guardrail, passing: Passing, fold: SessionFold
) -> Objection | None:
    match parameters := parameters_of(guardrail):
        case SchemaParameters():
            return _by_schema(parameters, passing, fill=guardrail.reaction is Reaction.AMEND)
        case AllowedToolsParameters(tools=tools):
            if passing.tool is None or passing.tool in tools:
                return None
            return Objection(f"{passing.tool} is none of the allowed tools: {', '.join(tools)}.")
        case PatternParameters():
            return _by_pattern(parameters, passing.content)
        case BudgetParameters():
            return _by_budget(task, parameters, fold)
    return None


def _by_schema(parameters: SchemaParameters, passing: Passing, *, fill: bool) -> Objection | None:
    part = SCHEMA_PARTS.get(passing.stage)
    whole = passing.content
    held = whole.get(part) if part and isinstance(whole, dict) else whole
    filled = _filled(parameters.schema_, held) if fill else held
    wrong = misfits(parameters.schema_, filled)
    if wrong:
        return Objection(f"It does not fit the schema: {'; '.join(wrong)}.")
    if filled == held:
        return None
    put = {**whole, part: filled} if part and isinstance(whole, dict) else filled
    return Objection("Defaults of the schema were missing.", put)


def _filled(schema: Mapping[str, JsonValue], value: JsonValue) -> JsonValue:
    """Fill in the defaults of properties that are missing, also of objects within objects."""
    properties = schema.get("properties")
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return value
    filled = dict(value)
    for name, own in properties.items():
        if not isinstance(own, dict):
            continue
        if name in filled:
            filled[name] = _filled(own, filled[name])
        elif "default" in own:
            filled[name] = own["default"]
    return filled


def _by_pattern(parameters: PatternParameters, content: JsonValue) -> Objection | None:
    for pattern in parameters.must_match:
        if not occurs(pattern, content):
            return Objection(f"The pattern {pattern!r} must occur, and does not.")
    found = [pattern for pattern in parameters.must_not_match if occurs(pattern, content)]
    if not found:
        return None
    amended = content
    for pattern in found:
        amended = replaced(pattern, parameters.replacement, amended)
    left = any(occurs(pattern, amended) for pattern in found)  # in a key, which is not replaced
    named = ", ".join(map(repr, found))
    return Objection(f"What must not occur does: {named}.", None if left else amended)


def _by_budget(task: Task, parameters: BudgetParameters, fold: SessionFold) -> Objection | None:
    tasks = fold.tasks if parameters.scope == "session" else [task]
    answers = [
        step.answer for each in tasks for step in each.steps if isinstance(step.answer, ModelAnswer)
    ]
    tokens = sum(each.usage.context_tokens + each.usage.output_tokens for each in answers)
    usd = sum((each.cost_usd or Decimal(0) for each in answers), Decimal(0))
    if parameters.tokens is not None and tokens > parameters.tokens:
        return Objection(f"{tokens} tokens are spent, {parameters.tokens} may be.")
    if parameters.usd is not None and usd > Decimal(str(parameters.usd)):
        return Objection(f"{usd:.4f} USD are spent, {parameters.usd:g} may be.")
    return None


def _trip(  # noqa: PLR0913 - what a trip is made of
    guardrail: Guardrail,
    passing: Passing,
    reason: str,
    reaction: Reaction,
    amended: JsonValue = None,
    *,
    outside: bool = False,
) -> Trip:
    return Trip(
        guardrail=guardrail.name,
        stage=passing.stage,
        reaction=reaction,
        reason=reason,
        effect_id=passing.effect_id,
        call_id=passing.call_id,
        amended=amended,
        outside=outside,
    )


def _asked(task: Task, trip: Trip, passing: Passing) -> ApprovalRequest:
    where = f"{passing.tool}" if passing.tool else task.holder
    return ApprovalRequest(
        session_id=task.assignment.session_id,
        task_id=task.id,
        subject=ApprovalSubject.GUARDRAIL,
        agent=task.holder,
        rule=trip.guardrail,
        reason=trip.reason,
        proposal=f"What passes {trip.stage.value.replace('_', ' ')} {where} goes on as it is.",
        effect_id=trip.effect_id,
        trip=trip,
    )


def _amended_by(approval: Approval, trip: Trip) -> Trip:
    """Say what a human put in the place of what a guardrail asked about."""
    content = approval.amendment.content if approval.amendment else None
    change = {
        "reaction": Reaction.AMEND,
        "reason": f"{approval.by} put something else in its place.",
        "amended": content,
    }
    return trip.model_copy(update=change)
