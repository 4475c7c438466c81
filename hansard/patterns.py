"""Patterns: the building blocks of workflows, for programs.

    from hansard import patterns as p

    quarter = p.chain(
        p.task("extract", "Extract the rows of {{input.quarter}}.", agent="ANA_006"),
        p.task("report", "Write on {{extract.data.rows}}.", agent="FIN_007", retries=1,
               on_error="retry"),
    )
    workflow = p.workflow("quarter", quarter, goal="Report on {{input.quarter}}",
                          inputs={"quarter": None})
    with hansard.open() as h:
        view = h.run_workflow(workflow, inputs=["ledger.csv"], values={"quarter": "Q4"})

Every block gives a `Pattern`; `task(..., pattern=...)` lets a pattern do a task of another one.
docs/workflows.md describes each, in Python and in YAML.
"""

from __future__ import annotations

from domain.auction import PaymentRule
from domain.deliberation.negotiation import Issue, Party
from domain.patterns import (
    Conditions,
    Part,
    Pattern,
    auction,
    chain,
    conditions,
    consensus,
    coordinator,
    handoff,
    instances,
    master_worker,
    negotiation,
    parallel,
    role,
    role_team,
    sop,
    supervisor,
    task,
    workflow,
)
from domain.workflow import AssemblyStrategy, OnError, Planning, Workflow

__all__ = [
    "AssemblyStrategy",
    "Conditions",
    "Issue",
    "OnError",
    "Part",
    "Party",
    "Pattern",
    "PaymentRule",
    "Planning",
    "Workflow",
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
