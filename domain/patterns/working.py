"""Working: patterns in which several agents share out work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from domain.patterns.parts import Conditions, Part, Pattern, TeamOptions, after, filled, given
from domain.routing import Routing
from domain.workflow import (
    Assembly,
    AssemblyStrategy,
    Planning,
    Procedure,
    Supervision,
)


def chain(*parts: Part, **options: Unpack[TeamOptions]) -> Pattern:
    """Let tasks follow each other: each needs the result of the one before, the last gives it."""
    linked = [
        part if index == 0 else after(part, (parts[index - 1].task.key,))
        for index, part in enumerate(parts)
    ]
    assembly = Assembly(of=(parts[-1].task.key,)) if parts else Assembly()
    return given("chain", linked, assembly, **options)


def parallel(
    *parts: Part,
    strategy: AssemblyStrategy = AssemblyStrategy.MERGE,
    by: str | None = None,
    **options: Unpack[TeamOptions],
) -> Pattern:
    """Let tasks run side by side, and make one of their results once all have ended.

    Args:
        strategy: how results become one.
        by: handle of the agent that writes or judges, where the strategy needs one.
    """
    return given("parallel", parts, Assembly(strategy=strategy, by=by), **options)


def master_worker(
    *parts: Part,
    workers: Sequence[str],
    master: str | None = None,
    planning: Planning = Planning.MODEL,
    validator: str | None = None,
    strategy: AssemblyStrategy = AssemblyStrategy.SYNTHESISE,
    work: Conditions | None = None,
    routing: Routing | None = None,
    max_parallel: int | None = None,
) -> Pattern:
    """Let a master cut a task up, workers do the parts, and the master put the results together.

    Args:
        parts: what the workers do, where that is known beforehand; `planning` is then `given`.
        workers: handles of the agents among whom each task's is chosen.
        master: handle of the agent that plans and assembles; by default the orchestrator.
        planning: who cuts the task up: a model or rules.
        validator: handle of the agent that must accept each result.
        work: terms of the tasks that are planned; see `conditions`.
        routing: name of the strategy that chooses among the workers.
    """
    procedure = Procedure(
        pattern="master_worker",
        planning=Planning.GIVEN if parts else planning,
        coordinator=master,
        team=tuple(workers),
        routing=routing,
        assembly=Assembly(strategy=strategy),
        validator=validator,
        max_parallel=max_parallel,
    )
    return filled(procedure, parts, work)


def supervisor(
    *parts: Part,
    monitor: str,
    recovery: str,
    planner: str | None = None,
    planning: Planning = Planning.MODEL,
    max_rounds: int = 2,
    strategy: AssemblyStrategy = AssemblyStrategy.SYNTHESISE,
    work: Conditions | None = None,
    **options: Unpack[TeamOptions],
) -> Pattern:
    """Let work be planned, carried out, assessed, and mended by further tasks where it falls short.

    Args:
        parts: the first plan, where it is known beforehand; `planning` is then `given`.
        monitor: handle of the agent that assesses what was done.
        recovery: handle of the agent that plans the tasks that mend it.
        planner: handle of the agent that plans and assembles; by default the orchestrator.
        max_rounds: times the work may be mended before it fails.
        work: terms of the tasks that are planned; see `conditions`.
    """
    procedure = Procedure(
        pattern="supervisor",
        planning=Planning.GIVEN if parts else planning,
        coordinator=planner,
        assembly=Assembly(strategy=strategy),
        supervision=Supervision(monitor=monitor, recovery=recovery, max_rounds=max_rounds),
        **options,
    )
    return filled(procedure, parts, work)


def coordinator(
    *parts: Part,
    by: str | None = None,
    planning: Planning = Planning.MODEL,
    strategy: AssemblyStrategy = AssemblyStrategy.SYNTHESISE,
    work: Conditions | None = None,
    **options: Unpack[TeamOptions],
) -> Pattern:
    """Let a coordinator analyse a task, cut it along its dependencies, and synthesise the results.

    Tasks run as soon as what they depend on is there, the most urgent first; each goes to the
    agent of the team, or else of the organisation, that fits best.

    Args:
        parts: the tasks with their `depends_on`, where they are known; `planning` is then `given`.
        by: handle of the coordinator; by default the orchestrator.
        work: terms of the tasks that are planned; see `conditions`.
    """
    procedure = Procedure(
        pattern="coordinator",
        planning=Planning.GIVEN if parts else planning,
        coordinator=by,
        assembly=Assembly(strategy=strategy),
        **options,
    )
    return filled(procedure, parts, work)


def handoff(part: Part, *, agent: str, targets: Sequence[str]) -> Pattern:
    """Let an agent do a task, or hand it off to one of the agents named, which may accept or not.

    Args:
        targets: handles; a target that accepted may hand the task on to another one of them.
    """
    known = part.conditions or Conditions()
    terms = known.terms.model_copy(update={"agent": agent, "handoffs": tuple(targets)})
    open_to = known.model_copy(update={"terms": terms})
    return given("handoff", (part.model_copy(update={"conditions": open_to}),), Assembly())


def sop(*stages: Part | Sequence[Part], pattern: str = "sop") -> Pattern:
    """Follow a standard operating procedure: stages in order, each builds on all before it.

    Args:
        stages: a part, or several that work side by side.
    """
    parts: list[Part] = []
    for stage in stages:
        before = tuple(part.task.key for part in parts)
        side_by_side = (stage,) if isinstance(stage, Part) else tuple(stage)
        parts.extend(after(part, before) for part in side_by_side)
    of = tuple(part.task.key for part in parts)
    return given(pattern, parts, Assembly(strategy=AssemblyStrategy.CONCATENATE, of=of))


def role_team(*roles: Part) -> Pattern:
    """Let roles take their turns: each builds on what all before it handed in."""
    return sop(*roles, pattern="role_team")
