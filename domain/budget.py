"""Budget: the tokens that agents of each level may spend, and what counts as spent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Annotated

from pydantic import Field

from domain.effect import ModelAnswer, ToolCall
from domain.level import Level
from domain.value import NonEmptyText, Value

Tokens = Annotated[int, Field(ge=1)]
Number = Annotated[int, Field(ge=1)]

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English and for JSON; used only for parts of a call that nobody counts."""


class Scope(StrEnum):
    """What a budget is for."""

    TURN = "turn"
    CONTEXT = "context"
    CONVERSATION = "conversation"
    TASK = "task"
    ROUTING = "routing"
    DECOMPOSITION = "decomposition"
    ASSEMBLY = "assembly"
    COORDINATION = "coordination"
    TOOL_CALLS = "tool_calls"


class Budgets(Value):
    """Tokens that agents may spend, and tasks that they may have under way at once.

    Tokens are those that models write, as the provider counts them: what an agent reads is given to
    it. The exception is `context`, which limits what one call of the personal agent may hold.

    Attributes:
        turn: of the personal agent, on one request of the user.
        context: that one call of the personal agent may hold.
        conversation: of all agents together, in one session.
        orchestrator_task: of the orchestrator and of all below it, on one task.
        routing: of the orchestrator, on choosing who does a task.
        decomposition: of the orchestrator, on cutting a task up.
        assembly: of the orchestrator, on judging results and making one of them.
        director_task: of a director and of its specialists, on one task.
        coordination: of a director itself, on one task.
        specialist_task: of a specialist, on one task.
        tool_calls: of a specialist, on the arguments of its tool calls, on one task.
        closing: that a call may write even where less is left, so that it can come to an end.
        orchestrator_parallel: tasks under way at once in a session.
        director_parallel: tasks under way at once in a department.
    """

    turn: Tokens = 4_000
    context: Tokens = 50_000
    conversation: Tokens = 150_000
    orchestrator_task: Tokens = 8_000
    routing: Tokens = 1_000
    decomposition: Tokens = 2_000
    assembly: Tokens = 2_000
    director_task: Tokens = 4_000
    coordination: Tokens = 1_000
    specialist_task: Tokens = 2_000
    tool_calls: Tokens = 500
    closing: Tokens = 1_000
    orchestrator_parallel: Number = 10
    director_parallel: Number = 3

    @property
    def smallest(self) -> int:
        """The smallest of the limits of what is written: who spent less has spent none of them."""
        return min(
            *(self.turn, self.conversation, self.orchestrator_task, self.routing),
            *(self.decomposition, self.assembly, self.director_task, self.coordination),
            *(self.specialist_task, self.tool_calls),
        )


class Overrun(Value):
    """A budget was exceeded, or would have been.

    Attributes:
        scope: what the budget is for, for example `task`, `routing`, `tool_calls`, `conversation`.
        limit_tokens: tokens the agent may spend on that.
        spent_tokens: tokens it had spent when the overrun was found.
        stopped: whether work stopped because of it.
    """

    agent: NonEmptyText
    level: Level
    scope: NonEmptyText
    limit_tokens: int
    spent_tokens: int
    stopped: bool


@dataclass(frozen=True, slots=True)
class Account:
    """What an agent may spend on something, and what it has spent.

    Attributes:
        agent: handle of the agent whose budget it is; others below it may have spent it.
    """

    agent: str
    level: Level
    scope: Scope
    limit: int
    spent: int

    @property
    def left(self) -> int:
        """Tokens that may still be spent; never below 0."""
        return max(self.limit - self.spent, 0)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be spent."""
        return self.spent >= self.limit

    @property
    def is_overspent(self) -> bool:
        """Whether more was spent than might be."""
        return self.spent > self.limit

    def overrun(self, *, stopped: bool) -> Overrun:
        """Say that the account does not allow what was wanted, or was already overspent."""
        return Overrun(
            agent=self.agent,
            level=self.level,
            scope=self.scope.value,
            limit_tokens=self.limit,
            spent_tokens=self.spent,
            stopped=stopped,
        )


SCOPES: dict[str, Scope] = {
    "route": Scope.ROUTING,
    "bid": Scope.ROUTING,
    "consider": Scope.ROUTING,
    "decompose": Scope.DECOMPOSITION,
    "recover": Scope.DECOMPOSITION,
    "monitor": Scope.DECOMPOSITION,
    "validate": Scope.ASSEMBLY,
    "judge": Scope.ASSEMBLY,
    "assemble": Scope.ASSEMBLY,
}
"""Which budget of the orchestrator a call is for, by its purpose; others count for the task."""


def written(answers: Iterable[ModelAnswer]) -> int:
    """Count the tokens that models wrote, thinking included, as the provider counted them."""
    return sum(answer.usage.output_tokens for answer in answers)


def spent_on_tools(answers: Iterable[ModelAnswer], handing_in: str) -> int:
    """Count the tokens of tool calls: about a quarter of the characters of their arguments.

    Providers count an answer as a whole. The estimate never exceeds what they counted, so an
    answer that cost nothing has no tool calls that did.

    Args:
        handing_in: start of the names of tools by which answers are handed in; they count as none.
    """
    return sum(
        min(
            answer.usage.output_tokens,
            sum(
                tokens_of(call)
                for call in answer.tool_calls
                if not call.tool.startswith(handing_in)
            ),
        )
        for answer in answers
    )


def tokens_of(call: ToolCall) -> int:
    """Estimate the tokens of a tool call by the characters of its arguments."""
    text = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
    return ceil((len(call.tool) + len(text)) / CHARACTERS_PER_TOKEN)


def tightest(accounts: Sequence[Account]) -> int | None:
    """Tell how many tokens may still be spent so that no account is overspent; None without any."""
    return min((account.left for account in accounts), default=None)
