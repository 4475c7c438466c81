"""Supervision: the states a supervised piece of work goes through, and why."""

from __future__ import annotations

from enum import StrEnum

from domain.value import Value, Words


class SupervisionState(StrEnum):
    """Where supervised work stands."""

    INITIALISING = "initialising"
    PLANNING = "planning"
    EXECUTING = "executing"
    MONITORING = "monitoring"
    RECOVERING = "recovering"
    COMPLETED = "completed"
    FAILED = "failed"


NEXT: dict[SupervisionState, frozenset[SupervisionState]] = {
    SupervisionState.INITIALISING: frozenset({SupervisionState.PLANNING, SupervisionState.FAILED}),
    SupervisionState.PLANNING: frozenset({SupervisionState.EXECUTING, SupervisionState.FAILED}),
    SupervisionState.EXECUTING: frozenset({SupervisionState.MONITORING, SupervisionState.FAILED}),
    SupervisionState.MONITORING: frozenset(
        {SupervisionState.COMPLETED, SupervisionState.RECOVERING, SupervisionState.FAILED}
    ),
    SupervisionState.RECOVERING: frozenset({SupervisionState.EXECUTING, SupervisionState.FAILED}),
    SupervisionState.COMPLETED: frozenset(),
    SupervisionState.FAILED: frozenset(),
}
"""Which states may follow each."""


class Transition(Value):
    """A step of the state machine.

    Attributes:
        assessment: why, in the words of the agent or rule that decided.
        metrics: figures at that moment, such as tasks completed and failed, attempts and tokens.
    """

    from_state: SupervisionState
    to_state: SupervisionState
    assessment: Words = ""
    metrics: dict[str, float] = {}
