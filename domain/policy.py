"""Policy: the numbers and rules in force for a session, recorded when it opens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.approval_rule import ApprovalRule
from domain.budget import Budgets
from domain.decision import Share
from domain.guardrail import Guardrail
from domain.handoff import HandoffVerdicts
from domain.recovery import RecoveryRules
from domain.routing import Routing
from domain.value import NonEmptyText, Value, later


class Policy(Value):
    """Limits and thresholds that decisions depend on.

    Attributes:
        version: changes whenever a number or a rule of deciding changes.
        confidence_threshold: below it a candidate is not chosen.
        max_attempts: tries of one effect before it is given up.
        max_repairs: how often a model may correct an answer that breaks its schema.
        max_iterations: model calls a specialist may spend on one task.
        max_parallel_effects: effects of one session in flight at once.
        model_timeout_s: seconds one model call may take.
        tool_timeout_s: seconds one tool call may take.
        retry_wait_s: seconds before the second try; doubled each time unless the provider says.
        max_wait_s: the longest wait before a retry; a longer one is given up.
        recovery: the recovery ladder; None gives transient failures further tries, and that is all.
        budgets: tokens that agents may spend; None for no limit.
        max_depth: levels of tasks below the request; None for no limit.
        max_fan_out: tasks that one task may be cut into; None for what every plan is held to.
        routing: strategy that chooses agents, or several with the weight of each; None for rules.
        approvals: when a human must agree; of several that fit, the first one asks.
        guardrails: rules around every agent and its tools, before those of a task's own terms.
        max_handoffs: times one task may be handed off; None for no limit.
        handoff_verdicts: who says whether a handoff is accepted; None for the target's model.
    """

    version: NonEmptyText = "1"
    confidence_threshold: Share = 0.3
    max_attempts: Annotated[int, Field(ge=1)] = 4
    max_repairs: Annotated[int, Field(ge=0)] = 2
    max_iterations: Annotated[int, Field(ge=1)] = 8
    max_parallel_effects: Annotated[int, Field(ge=1)] = 10
    model_timeout_s: Annotated[float, Field(gt=0)] = 300.0
    tool_timeout_s: Annotated[float, Field(gt=0)] = 60.0
    retry_wait_s: Annotated[float, Field(ge=0)] = 1.0
    max_wait_s: Annotated[float, Field(ge=0)] = 120.0
    recovery: RecoveryRules | None = later()
    budgets: Budgets | None = later()
    max_depth: Annotated[int, Field(ge=1)] | None = later()
    max_fan_out: Annotated[int, Field(ge=1)] | None = later()
    routing: Routing | None = later()
    approvals: tuple[ApprovalRule, ...] = later(())
    guardrails: tuple[Guardrail, ...] = later(())
    max_handoffs: Annotated[int, Field(ge=1)] | None = later()
    handoff_verdicts: HandoffVerdicts | None = later()


STANDARD = Policy(
    version="2",
    max_iterations=5,
    recovery=RecoveryRules(),
    budgets=Budgets(),
    max_handoffs=3,
    max_depth=4,
    max_fan_out=100,
)
"""What is in force for new sessions, unless they are opened under another policy."""
