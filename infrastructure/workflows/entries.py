"""Entries: the shape of a workflow file; each pattern has the words of its building block."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.auction import MIN_RELIABILITY, PaymentRule
from domain.deliberation.negotiation import Issue, Party
from domain.guardrail import Guardrail
from domain.planning import TaskKey
from domain.priority import Priority
from domain.routing import Routing
from domain.value import NonEmptyText
from domain.workflow import AssemblyStrategy, OnError, Planning

Handle = Annotated[NonEmptyText, Field(description="Handle of an agent, such as FIN_007.")]
Schema = Annotated[dict[str, JsonValue], Field(description="A JSON Schema.")]
Planner = Annotated[
    Literal[Planning.MODEL, Planning.RULES], Field(description="Who cuts the task up.")
]
Parallel = Annotated[int, Field(ge=1, description="Tasks under way at once.")]
Strategies = Annotated[
    Routing, Field(description="The strategy that chooses agents, or several with their weights.")
]
Team = Annotated[
    tuple[Handle, ...], Field(description="The agents among whom each task's is chosen.")
]
Strategy = Annotated[AssemblyStrategy, Field(description="How results become one.")]


class Entry(BaseModel):
    """Part of a workflow file: unknown keys are refused, numbers may stand for text."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class TermsEntry(Entry):
    """Under which terms a task is done."""

    agent: Handle | None = None
    instructions: Annotated[str, Field(description="How the agent goes about its role.")] = ""
    tool: Annotated[
        NonEmptyText | None, Field(description="The tool that does it alone, without a model.")
    ] = None
    arguments: Annotated[
        dict[str, JsonValue],
        Field(description="Parameters; {{key.data.x}} and {{input.name}} stand for values."),
    ] = {}
    tools: Annotated[
        tuple[NonEmptyText, ...] | None, Field(description="The only tools it may be done with.")
    ] = None
    input_schema: Schema | None = None
    output_schema: Schema | None = None
    outputs: Annotated[
        tuple[NonEmptyText, ...], Field(description="Files that the result must hold.")
    ] = ()
    on_error: Annotated[OnError, Field(description="What follows when it fails.")] = OnError.FAIL
    retries: Annotated[int, Field(ge=0, le=10, description="Times it begins anew.")] = 0
    default: Annotated[
        dict[str, JsonValue] | None, Field(description="Data of its result when it is skipped.")
    ] = None
    handoffs: Annotated[
        tuple[Handle, ...], Field(description="The only agents it may be handed to.")
    ] = ()
    guardrails: tuple[Guardrail, ...] = ()
    approval: Annotated[bool, Field(description="Whether a human must agree first.")] = False
    model: Annotated[NonEmptyText | None, Field(description="The model that thinks.")] = None
    context_from: Annotated[
        tuple[Handle, ...], Field(description="Agents whose work it is told of.")
    ] = ()
    priority: Priority = Priority.NORMAL
    procedure: ProcedureEntry | None = None


class TaskEntry(TermsEntry):
    """A task and its terms."""

    key: Annotated[TaskKey, Field(description="The name by which others refer to its result.")]
    title: NonEmptyText | None = None
    instruction: NonEmptyText
    department: NonEmptyText | None = None
    skills: tuple[NonEmptyText, ...] = ()
    depends_on: Annotated[
        tuple[TaskKey, ...], Field(description="Keys of the tasks whose results it needs.")
    ] = ()


class SpreadTaskEntry(TaskEntry):
    """A task that may be done several times, side by side."""

    instances: Annotated[int, Field(ge=1, le=20, description="How many times it is done.")] = 1


class StageEntry(Entry):
    """A stage of a standard operating procedure: tasks side by side, after all before it."""

    title: NonEmptyText | None = None
    tasks: Annotated[tuple[TaskEntry, ...], Field(min_length=1)]


class RoleEntry(TaskEntry):
    """What one role of a team contributes."""

    agent: Handle


Tasks = Annotated[tuple[TaskEntry, ...], Field(min_length=1)]


class ChainEntry(Entry):
    """Tasks follow each other; each needs the result of the one before."""

    pattern: Literal["chain"]
    tasks: Tasks
    team: Team = ()
    routing: Strategies | None = None


class ParallelEntry(Entry):
    """Tasks run side by side; their results become one."""

    pattern: Literal["parallel"]
    tasks: Annotated[tuple[SpreadTaskEntry, ...], Field(min_length=1)]
    strategy: Strategy = AssemblyStrategy.MERGE
    by: Handle | None = None
    team: Team = ()
    routing: Strategies | None = None
    max_parallel: Parallel | None = None


class MasterWorkerEntry(Entry):
    """A master cuts a task up, workers do the parts, the master puts the results together."""

    pattern: Literal["master_worker"]
    workers: Annotated[tuple[Handle, ...], Field(min_length=1)]
    master: Handle | None = None
    planning: Planner = Planning.MODEL
    tasks: tuple[TaskEntry, ...] = ()
    validator: Handle | None = None
    strategy: Strategy = AssemblyStrategy.SYNTHESISE
    work: TermsEntry | None = None
    routing: Strategies | None = None
    max_parallel: Parallel | None = None


class SupervisorEntry(Entry):
    """Work is planned, carried out, assessed, and mended where it falls short."""

    pattern: Literal["supervisor"]
    monitor: Handle
    recovery: Handle
    planner: Handle | None = None
    planning: Planner = Planning.MODEL
    tasks: tuple[TaskEntry, ...] = ()
    max_rounds: Annotated[int, Field(ge=0, le=10)] = 2
    strategy: Strategy = AssemblyStrategy.SYNTHESISE
    work: TermsEntry | None = None
    team: Team = ()
    routing: Strategies | None = None
    max_parallel: Parallel | None = None


class CoordinatorEntry(Entry):
    """A coordinator cuts a task along its dependencies and synthesises the results."""

    pattern: Literal["coordinator"]
    by: Handle | None = None
    planning: Planner = Planning.MODEL
    tasks: tuple[TaskEntry, ...] = ()
    strategy: Strategy = AssemblyStrategy.SYNTHESISE
    work: TermsEntry | None = None
    team: Team = ()
    routing: Strategies | None = None
    max_parallel: Parallel | None = None


class HandoffEntry(Entry):
    """An agent does a task, or hands it off to one of those named."""

    pattern: Literal["handoff"]
    agent: Handle
    targets: Annotated[tuple[Handle, ...], Field(min_length=1)]
    task: TaskEntry


class SopEntry(Entry):
    """A standard operating procedure: stages in order, each builds on all before it."""

    pattern: Literal["sop"]
    stages: Annotated[tuple[StageEntry, ...], Field(min_length=1)]


class RoleTeamEntry(Entry):
    """Roles take their turns; each builds on what all before it handed in."""

    pattern: Literal["role_team"]
    roles: Annotated[tuple[RoleEntry, ...], Field(min_length=1)]


class ConsensusEntry(Entry):
    """Agents vote on a question; a majority decides, or a quorum that tolerates liars."""

    pattern: Literal["consensus"]
    question: NonEmptyText
    voters: Annotated[tuple[Handle, ...], Field(min_length=1, max_length=20)]
    faults: Annotated[int | None, Field(ge=0, description="Liars that a quorum outvotes.")] = None
    choices: tuple[NonEmptyText, ...] = ()
    arguments: Annotated[
        dict[str, JsonValue], Field(description="What each voter is given to decide on.")
    ] = {}
    coordinator: Handle | None = None
    instructions: str = ""
    tools: tuple[NonEmptyText, ...] | None = None
    max_parallel: Parallel | None = None


class NegotiationEntry(Entry):
    """Agents make each other offers in turn until all accept one."""

    pattern: Literal["negotiation"]
    issues: Annotated[tuple[Issue, ...], Field(min_length=1)]
    parties: Annotated[
        tuple[Party, ...], Field(min_length=2, description="In the order of their turns.")
    ]
    max_rounds: Annotated[int, Field(ge=1, le=50)] = 6
    coordinator: Handle | None = None
    instructions: str = ""


class AuctionEntry(Entry):
    """A task is announced, agents bid for it unseen, and the best bid does it."""

    pattern: Literal["auction"]
    task: TaskEntry
    bidders: Annotated[tuple[Handle, ...], Field(min_length=1, max_length=20)]
    rule: Annotated[PaymentRule, Field(description="What the winner is paid.")] = (
        PaymentRule.SECOND_PRICE
    )
    reserve_usd: Annotated[float | None, Field(ge=0, description="The most the task may cost.")] = (
        None
    )
    min_reliability: Annotated[
        float, Field(ge=0, le=1, description="Bids under it are dismissed.")
    ] = MIN_RELIABILITY
    coordinator: Handle | None = None


ProcedureEntry = Annotated[
    ChainEntry
    | ParallelEntry
    | MasterWorkerEntry
    | SupervisorEntry
    | CoordinatorEntry
    | HandoffEntry
    | SopEntry
    | RoleTeamEntry
    | ConsensusEntry
    | NegotiationEntry
    | AuctionEntry,
    Field(discriminator="pattern"),
]

InputName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,40}$")]


class WorkflowEntry(Entry):
    """A workflow file."""

    name: NonEmptyText
    version: NonEmptyText = "1"
    description: str = ""
    goal: Annotated[
        NonEmptyText | None, Field(description="The request, where the user says nothing else.")
    ] = None
    inputs: Annotated[
        dict[InputName, JsonValue],
        Field(description="Values of {{input.name}}; null for what must be given at each run."),
    ] = {}
    procedure: ProcedureEntry


PATTERNS: dict[str, type[Entry]] = {
    "chain": ChainEntry,
    "parallel": ParallelEntry,
    "master_worker": MasterWorkerEntry,
    "supervisor": SupervisorEntry,
    "coordinator": CoordinatorEntry,
    "handoff": HandoffEntry,
    "sop": SopEntry,
    "role_team": RoleTeamEntry,
    "consensus": ConsensusEntry,
    "negotiation": NegotiationEntry,
    "auction": AuctionEntry,
}
"""Shape of a procedure by the name of its pattern."""

TermsEntry.model_rebuild()
