"""Guardrail: a rule around an agent or a tool that stops, asks or amends."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, JsonValue, ValidationError

from domain.errors import DomainError
from domain.value import PERSONAL, NonEmptyText, NonEmptyWords, Value, later


class Stage(StrEnum):
    """Where a guardrail stands."""

    BEFORE_AGENT = "before_agent"
    AFTER_AGENT = "after_agent"
    BEFORE_TOOL = "before_tool"
    AFTER_TOOL = "after_tool"


class Reaction(StrEnum):
    """What a guardrail that trips does."""

    STOP = "stop"
    ASK = "ask"
    AMEND = "amend"


class GuardrailKind(StrEnum):
    """Which checks there are."""

    SCHEMA = "schema"
    ALLOWED_TOOLS = "allowed_tools"
    PATTERN = "pattern"
    BUDGET = "budget"
    FUNCTION = "function"


class Guardrail(Value):
    """A rule in the terms of a task.

    Attributes:
        kind: which check it is, one of `GuardrailKind`.
        parameters: what the check is held against: `SchemaParameters`, `AllowedToolsParameters`,
            `PatternParameters`, `BudgetParameters` or `FunctionParameters`.
    """

    name: NonEmptyText
    stage: Stage
    kind: NonEmptyText
    reaction: Reaction = Reaction.STOP
    parameters: dict[str, JsonValue] = {}


class SchemaParameters(Value):
    """What must fit a JSON Schema: arguments before an agent or a tool, data or content after.

    Amending fills in the defaults that the schema names.

    Attributes:
        tools: the only tools it is about; empty for all.
    """

    schema_: dict[str, JsonValue] = Field(alias="schema")
    tools: tuple[NonEmptyText, ...] = ()


class AllowedToolsParameters(Value):
    """The only tools that may be used.

    Attributes:
        tools: their names.
    """

    tools: tuple[NonEmptyText, ...]


class PatternParameters(Value):
    """Regular expressions (RE2) that must or must not occur in a text.

    Amending replaces what must not occur.

    Attributes:
        must_match: each has to occur in one of the texts.
        must_not_match: none may occur in any text.
        tools: the only tools it is about; empty for all.
    """

    must_match: tuple[NonEmptyText, ...] = ()
    must_not_match: tuple[NonEmptyText, ...] = ()
    replacement: str = "[removed]"
    tools: tuple[NonEmptyText, ...] = ()


class BudgetParameters(Value):
    """What may have been spent by then.

    Attributes:
        scope: `task`, or `session` for all of its tasks.
        tokens: in and out, cached ones included.
        usd: US dollars.
    """

    scope: Annotated[str, Field(pattern="^(task|session)$")] = "task"
    tokens: Annotated[int, Field(ge=0)] | None = None
    usd: Annotated[float, Field(ge=0)] | None = None
    tools: tuple[NonEmptyText, ...] = ()


class FunctionParameters(Value):
    """A function of the program that embeds Hansard.

    Attributes:
        function: the name it is registered under.
        options: what it is told beside what it looks at.
        tools: the only tools it is about; empty for all.
    """

    function: NonEmptyText
    options: dict[str, JsonValue] = {}
    tools: tuple[NonEmptyText, ...] = ()


PARAMETERS: dict[str, type[Value]] = {
    GuardrailKind.SCHEMA: SchemaParameters,
    GuardrailKind.ALLOWED_TOOLS: AllowedToolsParameters,
    GuardrailKind.PATTERN: PatternParameters,
    GuardrailKind.BUDGET: BudgetParameters,
    GuardrailKind.FUNCTION: FunctionParameters,
}
AMENDING = frozenset({GuardrailKind.SCHEMA, GuardrailKind.PATTERN, GuardrailKind.FUNCTION})
"""Kinds that have something to put in the place of what they looked at."""

TOOL_STAGES = frozenset({Stage.BEFORE_TOOL, Stage.AFTER_TOOL})


PARTS = {
    Stage.BEFORE_AGENT: ("instruction", "arguments"),
    Stage.AFTER_AGENT: ("summary", "data"),
}
"""What the content around an agent is made of."""


class GuardrailError(DomainError):
    """The guardrail cannot be used."""


class Trip(Value):
    """A guardrail that tripped.

    Attributes:
        effect_id: the model's answer, or the tool's call or answer, that it looked at; None before
            an agent begins.
        call_id: of the tool call within that answer.
        amended: what stands in place of what it looked at, where it amends.
        outside: whether a function of the embedding program said so, which nobody can ask again.
    """

    guardrail: NonEmptyText
    stage: Stage
    reaction: Reaction
    reason: NonEmptyWords
    effect_id: UUID | None = None
    call_id: NonEmptyText | None = later()
    amended: Annotated[JsonValue, PERSONAL] = None
    outside: bool = later(default=False)


def misshapen(stage: Stage, content: JsonValue) -> str | None:
    """Say why something cannot stand in place of what passes; None when it can."""
    if stage is Stage.AFTER_TOOL:
        return None
    if not isinstance(content, dict):
        return "The content is no JSON object, as what it replaces is."
    parts = PARTS.get(stage)
    if parts is None:
        return None
    if set(content) != set(parts):
        where = stage.value.replace("_", " ")
        return f"What stands {where} has {' and '.join(parts)}, and nothing else."
    text, data = (content[part] for part in parts)
    if not isinstance(text, str) or not isinstance(data, dict):
        return f"The {parts[0]} is a text, and the {parts[1]} a JSON object."
    return None


def parameters_of(guardrail: Guardrail) -> Any:
    """Read the parameters of a guardrail.

    Raises:
        GuardrailError: its kind is unknown, or its parameters are not those of its kind.
    """
    kind = PARAMETERS.get(guardrail.kind)
    if kind is None:
        known = ", ".join(GuardrailKind)
        raise GuardrailError(
            f"Guardrail {guardrail.name!r} is of the unknown kind {guardrail.kind!r};"
            f" the kinds are {known}."
        )
    try:
        return kind.model_validate(guardrail.parameters)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'parameters'}: {detail['msg']}"
            for detail in error.errors()[:5]
        )
        raise GuardrailError(f"Guardrail {guardrail.name!r} is not usable: {wrong}.") from error


def check_guardrail(guardrail: Guardrail) -> None:
    """Make sure that a guardrail says what it is held against, and can do what it shall.

    Schemas and patterns are checked by whoever knows how to use them.

    Raises:
        GuardrailError: it does not, or cannot.
    """
    parameters = parameters_of(guardrail)
    if guardrail.reaction is Reaction.AMEND and guardrail.kind not in AMENDING:
        raise GuardrailError(
            f"Guardrail {guardrail.name!r} has nothing to put in place of what it looks at:"
            " let it stop or ask."
        )
    if guardrail.kind == GuardrailKind.ALLOWED_TOOLS and guardrail.stage is not Stage.BEFORE_TOOL:
        raise GuardrailError(
            f"Guardrail {guardrail.name!r} names allowed tools: it stands {Stage.BEFORE_TOOL}."
        )
    if guardrail.stage not in TOOL_STAGES and parameters.tools:
        raise GuardrailError(
            f"Guardrail {guardrail.name!r} names tools, and stands around the agent."
        )
    if isinstance(parameters, BudgetParameters) and parameters.tokens is parameters.usd is None:
        raise GuardrailError(f"Guardrail {guardrail.name!r} names neither tokens nor usd.")
    if isinstance(parameters, PatternParameters) and not (
        parameters.must_match or parameters.must_not_match
    ):
        raise GuardrailError(
            f"Guardrail {guardrail.name!r} names neither must_match nor must_not_match."
        )
