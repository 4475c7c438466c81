"""Building: the entries of a workflow file, through the building blocks, into a workflow."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from domain import patterns
from domain.patterns import Conditions, Part, Pattern
from domain.workflow import Workflow
from infrastructure.workflows import entries as given

OF_TASK = frozenset({"key", "title", "instruction", "department", "skills", "depends_on"})
OF_INSTANCES = frozenset({"instances"})


def build(entry: given.WorkflowEntry) -> Workflow:
    """Build the workflow that a file describes."""
    return patterns.workflow(
        entry.name,
        build_pattern(entry.procedure),
        goal=entry.goal,
        inputs=entry.inputs,
        description=entry.description,
        version=entry.version,
    )


@singledispatch
def build_pattern(entry: given.Entry) -> Pattern:
    """Build a pattern."""
    raise NotImplementedError(f"no pattern is known for {type(entry).__name__}")


@build_pattern.register
def _(entry: given.ChainEntry) -> Pattern:
    return patterns.chain(*map(_part, entry.tasks), team=entry.team, routing=entry.routing)


@build_pattern.register
def _(entry: given.ParallelEntry) -> Pattern:
    parts = [part for task in entry.tasks for part in _spread(task)]
    return patterns.parallel(
        *parts,
        strategy=entry.strategy,
        by=entry.by,
        team=entry.team,
        routing=entry.routing,
        max_parallel=entry.max_parallel,
    )


@build_pattern.register
def _(entry: given.MasterWorkerEntry) -> Pattern:
    return patterns.master_worker(
        *map(_part, entry.tasks),
        workers=entry.workers,
        master=entry.master,
        planning=entry.planning,
        validator=entry.validator,
        strategy=entry.strategy,
        work=_conditions(entry.work),
        routing=entry.routing,
        max_parallel=entry.max_parallel,
    )


@build_pattern.register
def _(entry: given.SupervisorEntry) -> Pattern:
    return patterns.supervisor(
        *map(_part, entry.tasks),
        monitor=entry.monitor,
        recovery=entry.recovery,
        planner=entry.planner,
        planning=entry.planning,
        max_rounds=entry.max_rounds,
        strategy=entry.strategy,
        work=_conditions(entry.work),
        team=entry.team,
        routing=entry.routing,
        max_parallel=entry.max_parallel,
    )


@build_pattern.register
def _(entry: given.CoordinatorEntry) -> Pattern:
    return patterns.coordinator(
        *map(_part, entry.tasks),
        by=entry.by,
        planning=entry.planning,
        strategy=entry.strategy,
        work=_conditions(entry.work),
        team=entry.team,
        routing=entry.routing,
        max_parallel=entry.max_parallel,
    )


@build_pattern.register
def _(entry: given.HandoffEntry) -> Pattern:
    return patterns.handoff(_part(entry.task), agent=entry.agent, targets=entry.targets)


@build_pattern.register
def _(entry: given.SopEntry) -> Pattern:
    return patterns.sop(*([*map(_part, stage.tasks)] for stage in entry.stages))


@build_pattern.register
def _(entry: given.RoleTeamEntry) -> Pattern:
    return patterns.role_team(*map(_part, entry.roles))


@build_pattern.register
def _(entry: given.ConsensusEntry) -> Pattern:
    return patterns.consensus(
        entry.question,
        entry.voters,
        faults=entry.faults,
        choices=entry.choices,
        arguments=entry.arguments,
        coordinator=entry.coordinator,
        instructions=entry.instructions,
        tools=entry.tools,
        max_parallel=entry.max_parallel,
    )


@build_pattern.register
def _(entry: given.NegotiationEntry) -> Pattern:
    return patterns.negotiation(
        entry.issues,
        entry.parties,
        max_rounds=entry.max_rounds,
        coordinator=entry.coordinator,
        instructions=entry.instructions,
    )


@build_pattern.register
def _(entry: given.AuctionEntry) -> Pattern:
    return patterns.auction(
        _part(entry.task),
        entry.bidders,
        rule=entry.rule,
        reserve_usd=entry.reserve_usd,
        min_reliability=entry.min_reliability,
        coordinator=entry.coordinator,
    )


def _spread(entry: given.SpreadTaskEntry) -> tuple[Part, ...]:
    part = _part(entry)
    return (part,) if entry.instances == 1 else patterns.instances(part, entry.instances)


def _part(entry: given.TaskEntry) -> Part:
    part = patterns.task(
        entry.key,
        entry.instruction,
        title=entry.title,
        department=entry.department,
        skills=entry.skills,
        depends_on=entry.depends_on,
    )
    return part.model_copy(update={"conditions": _conditions(entry)})


def _conditions(entry: given.TermsEntry | None) -> Conditions | None:
    """Take the terms out of an entry; None when it says nothing of them."""
    if entry is None:
        return None
    said: dict[str, Any] = {
        name: getattr(entry, name)
        for name in entry.model_fields_set - OF_TASK - OF_INSTANCES - {"procedure"}
    }
    pattern = None if entry.procedure is None else build_pattern(entry.procedure)
    if not said and pattern is None:
        return None
    return patterns.conditions(**said).model_copy(update={"pattern": pattern})
