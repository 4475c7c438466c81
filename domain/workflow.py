"""Workflow: a procedure that a user defines, and the terms under which its tasks are done."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue

from domain.auction import Auction
from domain.deliberation.negotiation import Negotiation
from domain.guardrail import Guardrail
from domain.planning import PlannedTask
from domain.priority import Priority
from domain.routing import Routing
from domain.value import PERSONAL, NonEmptyText, NonEmptyWords, Value, Words, later

INPUT = "input"
"""What references to the inputs of a workflow begin with."""

REQUEST = "request"
"""What stands for the words of the user in a reference."""

ANY = "*"
"""Key of the terms of every task that has none of its own."""


class OnError(StrEnum):
    """What becomes of a procedure when one of its tasks fails."""

    FAIL = "fail"
    RETRY = "retry"
    SKIP = "skip"


class Planning(StrEnum):
    """Who cuts a task into tasks."""

    GIVEN = "given"
    RULES = "rules"
    MODEL = "model"


class AssemblyStrategy(StrEnum):
    """How results become one.

    `merge` joins the data of all results; `concatenate` their texts; `synthesise` lets an agent
    write one from all; `best_of` lets a judge choose; `majority` and `quorum` count equal answers,
    the latter so that liars are outvoted.
    """

    MERGE = "merge"
    CONCATENATE = "concatenate"
    SYNTHESISE = "synthesise"
    BEST_OF = "best_of"
    MAJORITY = "majority"
    QUORUM = "quorum"


class Assembly(Value):
    """How the results of a procedure become its own.

    Attributes:
        by: handle of the agent that writes or judges; by default the coordinator.
        of: keys of the tasks whose results count; by default those that no other task builds on.
        faults: liars that a quorum tolerates: at least 3 * faults + 1 voters are needed.
    """

    strategy: AssemblyStrategy = AssemblyStrategy.CONCATENATE
    by: NonEmptyText | None = None
    of: tuple[NonEmptyText, ...] = ()
    faults: Annotated[int, Field(ge=0)] = 0


class Supervision(Value):
    """Who watches over a procedure, and how often it may be mended.

    Attributes:
        monitor: handle of the agent that assesses what was done.
        recovery: handle of the agent that plans what mends it.
        max_rounds: times it may be mended before it fails.
    """

    monitor: NonEmptyText
    recovery: NonEmptyText
    max_rounds: Annotated[int, Field(ge=0)] = 2


class Terms(Value):
    """Under which terms a task is done; what is empty is left to the rules of the house.

    Attributes:
        agent: handle of the agent that does it; without one it is chosen.
        instructions: how the agent shall go about its role, whatever the task.
        tool: the tool that does it alone, without a model.
        arguments: parameters; `{{key.data.name}}`, `{{key.summary}}` and `{{input.name}}` in their
            texts stand for results of tasks it depends on, and for the inputs of the workflow.
        tools: the only tools it may be done with, of those its agent may use.
        input_schema: JSON Schema that the filled-in arguments must fit.
        output_schema: JSON Schema that the data of the result must fit.
        outputs: names of the files that the result must hold.
        on_error: what becomes of the procedure when the task fails.
        retries: times the work begins anew, where it is retried.
        default: data of the result, where it is skipped.
        handoffs: handles of the only agents that it may be handed to.
        guardrails: rules around the agent and its tools, in their order.
        approval: whether a human must agree before it begins.
        model: model that thinks for its agent.
        context_from: handles of agents whose work it is told of.
        procedure: name of the procedure, among those of the workflow, by which several do it.
    """

    agent: NonEmptyText | None = later()
    instructions: Words = later("")
    tool: NonEmptyText | None = later()
    arguments: Annotated[dict[str, JsonValue], PERSONAL] = {}
    tools: tuple[NonEmptyText, ...] | None = None  # none at all is not the same as no limit
    input_schema: dict[str, JsonValue] | None = later()
    output_schema: dict[str, JsonValue] | None = later()
    outputs: tuple[NonEmptyText, ...] = later(())
    on_error: OnError = OnError.FAIL
    retries: Annotated[int, Field(ge=0)] = 0
    default: Annotated[dict[str, JsonValue], PERSONAL] | None = None
    handoffs: tuple[NonEmptyText, ...] = later(())
    guardrails: tuple[Guardrail, ...] = later(())
    approval: bool = later(default=False)
    model: NonEmptyText | None = later()
    context_from: tuple[NonEmptyText, ...] = later(())
    priority: Priority = Priority.NORMAL
    procedure: NonEmptyText | None = later()


class Procedure(Value):
    """How several agents do one task: who plans, who does what, how results become one.

    Attributes:
        pattern: name of the pattern it was made by, for example `chain` or `master_worker`.
        planning: who cuts the task up; `given` is what `tasks` and `terms` say.
        coordinator: handle of the agent that plans and assembles; by default the orchestrator.
        tasks: of a given plan, in order.
        terms: of tasks by their key; of planned ones those under `*`.
        team: handles of the agents among whom each task's is chosen; without them tasks go down the
            hierarchy.
        routing: strategy that chooses, or several with the weight of each; by default the policy's.
        validator: handle of the agent that must accept each result; without one the rules do.
        negotiation: what is negotiated instead of done; its turns are the tasks.
        auction: who bids for the one task that is given; its winner does it.
        max_parallel: tasks under way at once; None for what the policy allows.
    """

    pattern: NonEmptyText
    planning: Planning = Planning.GIVEN
    coordinator: NonEmptyText | None = None
    tasks: tuple[PlannedTask, ...] = ()
    terms: dict[str, Terms] = {}
    team: tuple[NonEmptyText, ...] = ()
    routing: Routing | None = None
    assembly: Assembly = Assembly()
    validator: NonEmptyText | None = None
    supervision: Supervision | None = None
    negotiation: Negotiation | None = None
    auction: Auction | None = None
    max_parallel: Annotated[int, Field(ge=1)] | None = None

    def terms_of(self, key: str) -> Terms | None:
        """Give the terms of a task by its key in the plan."""
        return self.terms.get(key) or self.terms.get(ANY)


class Workflow(Value):
    """A procedure under a name.

    Attributes:
        procedures: those that the terms of tasks name, whether they stand in this one or in others.
        inputs: values that `{{input.name}}` stands for.
    """

    name: NonEmptyText
    version: NonEmptyText = "1"
    description: Words = ""
    procedure: Procedure
    procedures: dict[str, Procedure] = later({})
    inputs: Annotated[dict[str, JsonValue], PERSONAL] = {}
    goal: NonEmptyWords | None = None
