"""Patterns: the building blocks that workflows are put together from.

Each takes parts (a task with its terms) and gives a pattern: a procedure with those that are nested
in it, for a part may itself be done by a pattern. `workflow` gives the outermost one a name.
"""

from __future__ import annotations

from domain.patterns.deliberating import ANSWER, auction, consensus, negotiation
from domain.patterns.parts import (
    PLANNED,
    Conditions,
    Part,
    Pattern,
    TeamOptions,
    TermsOptions,
    conditions,
    instances,
    role,
    task,
    workflow,
)
from domain.patterns.working import (
    chain,
    coordinator,
    handoff,
    master_worker,
    parallel,
    role_team,
    sop,
    supervisor,
)

__all__ = [
    "ANSWER",
    "PLANNED",
    "Conditions",
    "Part",
    "Pattern",
    "TeamOptions",
    "TermsOptions",
    "auction",
    "chain",
    "conditions",
    "consensus",
    "coordinator",
    "handoff",
    "instances",
    "master_worker",
    "negotiation",
    "parallel",
    "role",
    "role_team",
    "sop",
    "supervisor",
    "task",
    "workflow",
]
