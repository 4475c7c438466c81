"""Graph: what a workflow looks like, as nested boxes with edges between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from domain.deliberation.negotiation import Negotiation
from domain.planning import PlannedTask
from domain.workflow import (
    ANY,
    AssemblyStrategy,
    OnError,
    Planning,
    Procedure,
    Terms,
    Workflow,
)

PLAN, TASKS, BIDS = "*plan", "*tasks", "*bids"
MONITOR, RECOVERY, ASSEMBLY = "*monitor", "*recovery", "*assembly"
"""Names of boxes that are no tasks; keys of tasks hold no star."""

ORCHESTRATOR = "the orchestrator"
TITLE_LENGTH = 34


class Kind(StrEnum):
    """What a box stands for."""

    TASK = "task"
    PLANNED = "planned"
    AGENT = "agent"
    ASSEMBLY = "assembly"
    PROCEDURE = "procedure"


@dataclass
class Box:
    """A box of the graph.

    Attributes:
        name: unique within its procedure.
        lines: what it says, the first one large.
        inner: what is drawn inside.
    """

    name: str
    kind: Kind
    lines: list[str]
    inner: Graph | None = None


@dataclass
class Graph:
    """A procedure as boxes.

    Attributes:
        title: pattern and who leads it.
        needs: names of the boxes that each one stands below.
        back: edges that lead back, drawn dashed.
        offered: edges to those who may take over, drawn dashed.
    """

    title: str
    boxes: dict[str, Box] = field(default_factory=dict)
    needs: dict[str, list[str]] = field(default_factory=dict)
    back: list[tuple[str, str]] = field(default_factory=list)
    offered: set[tuple[str, str]] = field(default_factory=set)

    def add(self, box: Box, needs: Sequence[str] = ()) -> str:
        """Add a box below others; give its name."""
        self.boxes[box.name] = box
        self.needs[box.name] = list(needs)
        return box.name


def graph_of(workflow: Workflow) -> Graph:
    """Draw up the graph of a workflow whose rules were checked."""
    return _graph(workflow.procedure, workflow)


def _graph(procedure: Procedure, workflow: Workflow) -> Graph:
    graph = Graph(_title(procedure))
    if procedure.planning is Planning.GIVEN:
        if procedure.auction is not None:
            lines = ["bid", *procedure.auction.bidders]
            graph.add(Box(BIDS, Kind.AGENT, lines))
        for task in procedure.tasks:
            _add_task(graph, task, procedure, workflow)
        if procedure.auction is not None:
            graph.needs[procedure.tasks[0].key] = [BIDS]
        if procedure.negotiation is not None:
            _add_parties(graph, procedure.negotiation)
    else:
        _add_planning(graph, procedure, workflow)
    targets = {target for _, target in graph.offered}
    used = {name for box, needs in graph.needs.items() if box not in targets for name in needs}
    ends = [name for name in graph.boxes if name not in used and name not in targets]
    if procedure.supervision is None:
        _add_assembly(graph, procedure, ends)
        return graph
    watch = procedure.supervision
    worked = next(name for name in graph.boxes if name != PLAN)
    monitor = graph.add(Box(MONITOR, Kind.AGENT, ["assess", watch.monitor]), ends)
    _add_assembly(graph, procedure, [monitor])
    rounds = f"at most {watch.max_rounds} rounds"
    graph.add(Box(RECOVERY, Kind.AGENT, ["mend", watch.recovery, rounds]), [monitor])
    graph.back.append((RECOVERY, worked))
    return graph


def _title(procedure: Procedure) -> str:
    pattern = procedure.pattern.replace("_", " ")
    return f"{pattern}, led by {procedure.coordinator or ORCHESTRATOR}"


def _add_task(graph: Graph, task: PlannedTask, procedure: Procedure, workflow: Workflow) -> None:
    terms = procedure.terms_of(task.key) or Terms()
    box = Box(task.key, Kind.TASK, [task.key, *_about(task.title, task, terms, procedure)])
    if terms.procedure is not None:
        box.kind = Kind.PROCEDURE
        box.inner = _graph(workflow.procedures[terms.procedure], workflow)
    graph.add(box, task.depends_on)
    for target in terms.handoffs:
        name = graph.add(Box(f"{task.key}*{target}", Kind.AGENT, [target]), [task.key])
        graph.offered.add((task.key, name))


def _add_planning(graph: Graph, procedure: Procedure, workflow: Workflow) -> None:
    by = "rules" if procedure.planning is Planning.RULES else procedure.coordinator or ORCHESTRATOR
    planner = graph.add(Box(PLAN, Kind.AGENT, ["plan", by]))
    terms = procedure.terms.get(ANY, Terms())
    box = Box(TASKS, Kind.PLANNED, ["tasks as planned", *_about("", None, terms, procedure)])
    if terms.procedure is not None:
        box.kind = Kind.PROCEDURE
        box.inner = _graph(workflow.procedures[terms.procedure], workflow)
    graph.add(box, [planner])


def _add_parties(graph: Graph, negotiation: Negotiation) -> None:
    """Draw who makes offers to whom; after the last party it is the first one's turn again."""
    names: list[str] = []
    for party in negotiation.parties:
        lines = ["offer or accept", party.agent]
        names.append(graph.add(Box(f"*{party.agent}", Kind.AGENT, lines), names[-1:]))
    graph.back.append((names[-1], names[0]))


def _add_assembly(graph: Graph, procedure: Procedure, ends: Sequence[str]) -> None:
    assembly = procedure.assembly
    alone = len(ends) == 1 and procedure.planning is Planning.GIVEN
    if alone and assembly.strategy is AssemblyStrategy.CONCATENATE:
        return
    lines = [assembly.strategy.value.replace("_", " ")]
    if assembly.strategy in (AssemblyStrategy.SYNTHESISE, AssemblyStrategy.BEST_OF):
        lines.append(assembly.by or procedure.coordinator or ORCHESTRATOR)
    if assembly.faults:
        lines.append(f"outvotes {assembly.faults} liars")
    graph.add(Box(ASSEMBLY, Kind.ASSEMBLY, lines), ends)


def _about(
    title: str, task: PlannedTask | None, terms: Terms, procedure: Procedure
) -> Iterator[str]:
    if task is not None and title.casefold() != task.key.replace("_", " "):
        yield _short(title)
    who = _who(task, terms, procedure)
    if who:
        yield _short(who)
    if terms.tool:
        yield f"by the tool {terms.tool}"
    if terms.outputs:
        yield _short(f"gives {', '.join(terms.outputs)}")
    if procedure.validator:
        yield f"accepted by {procedure.validator}"
    if terms.approval:
        yield "after a human agrees"
    if terms.on_error is OnError.RETRY:
        yield f"retried {terms.retries} times"
    if terms.on_error is OnError.SKIP:
        yield "skipped when it fails"


def _who(task: PlannedTask | None, terms: Terms, procedure: Procedure) -> str:
    if terms.procedure is not None:
        return ""
    if terms.agent is not None:
        return terms.agent
    if procedure.team:
        return f"one of {', '.join(procedure.team)}"
    if task is None:
        return ""
    return task.department or ", ".join(task.skills)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1]}\u2026"
