"""Policy: the numbers and rules in force for a session, recorded when it opens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.decision import Share
from domain.value import NonEmptyText, Value


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
