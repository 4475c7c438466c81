"""Rules of workflows: everything that is wrong with one, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from domain.guardrail import GuardrailError
from domain.planning import MAX_TASKS, PlannedTask
from domain.workflow import (
    ANY,
    INPUT,
    REQUEST,
    AssemblyStrategy,
    OnError,
    Planning,
    Procedure,
    Terms,
    Workflow,
)
from domain.workflow_faults import (
    Fault,
    Place,
    Scope,
    Surroundings,
    WorkflowError,
    advice,
    reference_faults,
    repeated,
    said_place,
    unknown,
)

__all__ = [
    "MAX_ALL_TASKS",
    "MAX_NESTING",
    "Fault",
    "Place",
    "Surroundings",
    "WorkflowError",
    "check_workflow",
    "faults_of",
    "said_place",
]

MAX_NESTING = 4
"""Procedures within one another, the outermost included."""

MAX_ALL_TASKS = 200
"""Tasks of a workflow, those of nested procedures included."""

RESERVED = ("confirm_ballot_", "sealed_bid_", "turn_")
"""What the keys of tasks begin with that are added round by round."""


def check_workflow(workflow: Workflow, around: Surroundings) -> None:
    """Hold a workflow against the rules.

    Raises:
        WorkflowError: it breaks some; all are told.
    """
    faults = faults_of(workflow, around)
    if faults:
        raise WorkflowError(workflow.name, faults)


def faults_of(workflow: Workflow, around: Surroundings) -> tuple[Fault, ...]:
    """List everything that is wrong with a workflow, in the order in which it is written."""
    scope = Scope(around, workflow.procedures, frozenset(workflow.inputs))
    found = list(_goal_faults(workflow, scope))
    if _count(workflow.procedure, workflow, ()) > MAX_ALL_TASKS:
        message = f"the workflow comes to more than {MAX_ALL_TASKS} tasks in all; cut it in two"
        return (*found, Fault(("procedure",), message))
    found.extend(_procedure_faults(workflow.procedure, ("procedure",), scope))
    return tuple(dict.fromkeys(found))


def _count(procedure: Procedure, workflow: Workflow, names: tuple[str, ...]) -> int:
    """Count the tasks that a procedure comes to, and stop when there are too many."""
    count = len(procedure.tasks)
    for task in procedure.tasks:
        terms = procedure.terms_of(task.key)
        name = None if terms is None else terms.procedure
        if name in workflow.procedures and name not in names and count <= MAX_ALL_TASKS:
            count += _count(workflow.procedures[name], workflow, (*names, name))
    return count


def _goal_faults(workflow: Workflow, scope: Scope) -> Iterator[Fault]:
    for message in reference_faults(workflow.goal or "", (), scope, request=False):
        yield Fault(("goal",), message)


def _procedure_faults(procedure: Procedure, place: Place, scope: Scope) -> Iterator[Fault]:
    yield from _people_faults(procedure, place, scope)
    yield from _plan_faults(procedure, place)
    yield from _assembly_faults(procedure, place)
    tasks = {task.key: task for task in procedure.tasks}
    for index, task in enumerate(procedure.tasks):
        yield from _task_faults(task, procedure, (*place, "tasks", index), scope)
    for key, terms in procedure.terms.items():
        here = (*place, "terms", key)
        own = tasks.get(key)
        if own is None and key != ANY and procedure.planning is Planning.GIVEN:
            yield Fault(here, f"there is no task {key!r}{advice(key, tasks)}")
            continue
        yield from _terms_faults(terms, own, here, scope)


def _people_faults(procedure: Procedure, place: Place, scope: Scope) -> Iterator[Fault]:
    agents = scope.around.agents
    named: list[tuple[Place, str | None]] = [
        (("coordinator",), procedure.coordinator),
        (("validator",), procedure.validator),
        (("assembly", "by"), procedure.assembly.by),
        *((("team", index), handle) for index, handle in enumerate(procedure.team)),
    ]
    if procedure.supervision is not None:
        named.append((("supervision", "monitor"), procedure.supervision.monitor))
        named.append((("supervision", "recovery"), procedure.supervision.recovery))
    if procedure.negotiation is not None:
        for index, party in enumerate(procedure.negotiation.parties):
            named.append((("negotiation", "parties", index, "agent"), party.agent))
    if procedure.auction is not None:
        for index, bidder in enumerate(procedure.auction.bidders):
            named.append((("auction", "bidders", index), bidder))
    for where, handle in named:
        yield from unknown(handle, "agent", agents, (*place, *where))
    for handle in repeated(procedure.team):
        yield Fault((*place, "team"), f"the team names {handle} twice; name each agent once")


def _plan_faults(procedure: Procedure, place: Place) -> Iterator[Fault]:
    if procedure.planning is not Planning.GIVEN:
        if procedure.tasks:
            how = "an agent plans" if procedure.planning is Planning.MODEL else "rules plan"
            yield Fault((*place, "tasks"), f"{how} the tasks, so name none, or plan nothing")
        return
    if procedure.negotiation is not None:
        if procedure.tasks:
            message = "the turns of a negotiation are its tasks; name no others"
            yield Fault((*place, "tasks"), message)
        return
    if procedure.auction is not None and len(procedure.tasks) != 1:
        message = f"an auction is for one task, and {len(procedure.tasks)} stand here; name one"
        yield Fault((*place, "tasks"), message)
    if not procedure.tasks:
        yield Fault(place, "the procedure has no tasks; name at least one")
    if len(procedure.tasks) > MAX_TASKS:
        message = f"{len(procedure.tasks)} tasks stand here; at most {MAX_TASKS} are allowed"
        yield Fault((*place, "tasks"), f"{message}, so nest some in a procedure of their own")
    graph = {task.key: task.depends_on for task in procedure.tasks}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        message = f"the tasks depend on each other in a circle: {circle}"
        yield Fault((*place, "tasks"), f"{message}; take one dependency away")


def _assembly_faults(procedure: Procedure, place: Place) -> Iterator[Fault]:
    assembly, here = procedure.assembly, (*place, "assembly")
    keys = [task.key for task in procedure.tasks]
    for index, key in enumerate(assembly.of):
        if procedure.planning is Planning.GIVEN and key not in keys:
            yield Fault((*here, "of", index), f"there is no task {key!r}{advice(key, keys)}")
    counting = assembly.of or tuple(_ends(procedure.tasks))
    if assembly.strategy is AssemblyStrategy.QUORUM:
        needed = 3 * assembly.faults + 1
        if procedure.planning is Planning.GIVEN and len(counting) < needed:
            yield Fault(
                (*here, "faults"),
                f"{assembly.faults} liars among {len(counting)} voters cannot be outvoted;"
                f" it takes at least {needed} voters (3 * faults + 1)",
            )
    elif assembly.faults:
        yield Fault((*here, "faults"), "only a quorum tolerates liars; use it, or leave faults out")


def _ends(tasks: Sequence[PlannedTask]) -> list[str]:
    needed = {key for task in tasks for key in task.depends_on}
    return [task.key for task in tasks if task.key not in needed]


def _task_faults(
    task: PlannedTask, procedure: Procedure, place: Place, scope: Scope
) -> Iterator[Fault]:
    keys = [other.key for other in procedure.tasks]
    if task.key in (INPUT, REQUEST):
        yield Fault((*place, "key"), f"{task.key!r} stands for something else; use another key")
    if keys.count(task.key) > 1 and keys.index(task.key) != place[-1]:
        yield Fault((*place, "key"), f"the key {task.key!r} is taken; give each task its own")
    if task.key.startswith(RESERVED):
        yield Fault((*place, "key"), f"the key {task.key!r} is one of rounds; use another key")
    if task.key in scope.keys:
        message = f"the key {task.key!r} hides a task outside; give this one another key"
        yield Fault((*place, "key"), message)
    for index, key in enumerate(task.depends_on):
        if key == task.key:
            yield Fault((*place, "depends_on", index), f"task {key!r} depends on itself")
        elif key not in keys:
            message = f"there is no task {key!r} to depend on{advice(key, keys)}"
            yield Fault((*place, "depends_on", index), message)
    departments = scope.around.departments
    yield from unknown(task.department, "department", departments, (*place, "department"))
    terms = procedure.terms_of(task.key) or Terms()
    doers = (terms.agent, terms.procedure, procedure.team, procedure.auction, task.department)
    if not (any(doers) or task.skills):
        message = f"nobody is named who does task {task.key!r}; name an agent, a department,"
        yield Fault(place, f"{message} skills or a team")
    keyed = scope.keys.union(task.depends_on)
    for message in reference_faults(task.instruction, keyed, scope):
        yield Fault((*place, "instruction"), message)


def _terms_faults(
    terms: Terms, task: PlannedTask | None, place: Place, scope: Scope
) -> Iterator[Fault]:
    yield from _named_faults(terms, place, scope)
    yield from _kept_faults(terms, place, scope)
    yield from _error_faults(terms, place)
    yield from _schema_faults(terms, place, scope)
    keyed = scope.keys.union(task.depends_on if task else ())
    for name in ("instructions", "arguments"):
        for message in reference_faults(getattr(terms, name), keyed, scope):
            yield Fault((*place, name), message)
    if terms.procedure is not None:
        yield from _nested_faults(terms, terms.procedure, task, place, scope)


def _nested_faults(
    terms: Terms, name: str, task: PlannedTask | None, place: Place, scope: Scope
) -> Iterator[Fault]:
    for field in ("agent", "tool"):
        if getattr(terms, field):
            yield Fault((*place, field), f"the procedure says who does it; leave {field!r} out")
    here = (*place, "procedure")
    if name not in scope.procedures:
        yield Fault(here, f"unknown procedure {name!r}{advice(name, scope.procedures)}")
    elif name in scope.names:
        circle = " -> ".join((*scope.names[scope.names.index(name) :], name))
        yield Fault(here, f"procedures contain each other in a circle: {circle}; take one out")
    elif len(scope.names) + 2 > MAX_NESTING:
        yield Fault(here, f"procedures are nested more than {MAX_NESTING} deep; flatten them")
    else:
        yield from _procedure_faults(
            scope.procedures[name], ("procedures", name), scope.within(task, name)
        )


def _named_faults(terms: Terms, place: Place, scope: Scope) -> Iterator[Fault]:
    agents, tools = scope.around.agents, scope.around.tools
    yield from unknown(terms.agent, "agent", agents, (*place, "agent"))
    for name in ("handoffs", "context_from"):
        for index, handle in enumerate(getattr(terms, name)):
            yield from unknown(handle, "agent", agents, (*place, name, index))
    if terms.handoffs == (terms.agent,):  # among others it stands for taking the task back
        yield Fault((*place, "handoffs"), f"{terms.agent} cannot hand a task off to itself")
    yield from unknown(terms.tool, "tool", tools, (*place, "tool"))
    for index, tool in enumerate(terms.tools or ()):
        yield from unknown(tool, "tool", tools, (*place, "tools", index))
    if terms.tool and terms.tools:
        yield Fault((*place, "tools"), f"{terms.tool} does the task alone; leave 'tools' out")
    if terms.agent is not None and terms.agent in agents:
        for tool in (*((terms.tool,) if terms.tool else ()), *(terms.tools or ())):
            if tool in tools and tool not in agents[terms.agent]:
                message = f"{terms.agent} may not use the tool {tool!r}; name an agent that may"
                yield Fault((*place, "tool" if tool == terms.tool else "tools"), message)


def _kept_faults(terms: Terms, place: Place, scope: Scope) -> Iterator[Fault]:
    for index, guardrail in enumerate(terms.guardrails):
        try:
            scope.around.check_guardrail(guardrail)
        except GuardrailError as error:
            yield Fault((*place, "guardrails", index), str(error).rstrip("."))
    for output in repeated(terms.outputs):
        yield Fault((*place, "outputs"), f"the file {output!r} is named twice; name it once")


def _error_faults(terms: Terms, place: Place) -> Iterator[Fault]:
    if terms.on_error is OnError.RETRY and not terms.retries:
        yield Fault((*place, "on_error"), "it is retried no time; say how often by 'retries'")
    if terms.on_error is not OnError.RETRY and terms.retries:
        message = "retries count only where the error policy is retry; add 'on_error: retry'"
        yield Fault((*place, "retries"), message)
    if terms.on_error is OnError.SKIP and terms.default is None:
        message = "a task that is skipped needs a default; say by 'default' what others go on with"
        yield Fault((*place, "on_error"), message)
    if terms.on_error is not OnError.SKIP and terms.default is not None:
        message = "a default counts only where the error policy is skip; add 'on_error: skip'"
        yield Fault((*place, "default"), message)


def _schema_faults(terms: Terms, place: Place, scope: Scope) -> Iterator[Fault]:
    broken = set()
    for name in ("input_schema", "output_schema"):
        schema = getattr(terms, name)
        problem = None if schema is None else scope.around.schema_problem(schema)
        if problem is not None:
            broken.add(name)
            yield Fault((*place, name), f"this is no usable JSON Schema: {problem}")
    if terms.default is not None and terms.output_schema and "output_schema" not in broken:
        for problem in scope.around.misfits(terms.output_schema, terms.default):
            yield Fault(
                (*place, "default"), f"the default does not fit the output schema: {problem}"
            )
