"""Changes: the one thing that a what-if does otherwise, as it is asked for."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import JsonValue

from domain.value import Value


class PolicyChange(Value):
    """Another number in the policy.

    Attributes:
        field: a field of `domain.policy.Policy`, all but its version.
        value: the number, or its text.
    """

    kind: Literal["policy"] = "policy"
    field: str
    value: float | int | str


class ModelChange(Value):
    """Another model for a role: `personal`, `orchestrator` or `specialist`."""

    kind: Literal["model"] = "model"
    role: str
    model: str


class CapabilitiesChange(Value):
    """Other capabilities of an agent.

    Attributes:
        agent: its handle.
        skills: all it has then; None keeps those it has.
        tools: all it may use then; None keeps those it may use.
        max_reasoning_turns: model calls that it may spend on one task; None keeps the number.
    """

    kind: Literal["capabilities"] = "capabilities"
    agent: str
    skills: tuple[str, ...] | None = None
    add_skills: tuple[str, ...] = ()
    remove_skills: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    add_tools: tuple[str, ...] = ()
    remove_tools: tuple[str, ...] = ()
    max_reasoning_turns: int | None = None


class PromptChange(Value):
    """Another description of an agent, of which its system prompt is made."""

    kind: Literal["prompt"] = "prompt"
    agent: str
    description: str


class AnswerChange(Value):
    """Another answer of a model or a tool.

    Attributes:
        at: position or event id of the recorded answer, or of the recorded failure.
        answer: a JSON Merge Patch (RFC 7396) of the `domain.effect.ModelAnswer` or `ToolAnswer`, or
            one field `failure` that holds a `domain.effect.Failure`.
    """

    kind: Literal["answer"] = "answer"
    at: int | str | UUID
    answer: dict[str, JsonValue]


Change = PolicyChange | ModelChange | CapabilitiesChange | PromptChange | AnswerChange


class ChangeView(Value):
    """What a what-if does otherwise.

    Attributes:
        name: what was changed, such as `policy confidence_threshold`.
        before: what it was in the parent.
        after: what it is in the what-if.
    """

    kind: Literal["policy", "model", "capabilities", "prompt", "answer"]
    name: str
    before: JsonValue
    after: JsonValue
