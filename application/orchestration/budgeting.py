"""Budgeting: what agents have spent along the routing path, what they may still, and where it ends.

What a model writes is debited to the agent it thinks for, to everyone who passed the task on to
that agent, and to the conversation. docs/budgets.md tells which account is debited by what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from application.fold import SessionFold
from application.orchestration.commands import Command, RecordOverrun, StartTask
from domain.budget import SCOPES, Account, Budgets, Overrun, Scope, spent_on_tools, tightest
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.level import Level
from domain.task import Step, Task, TaskStatus

if TYPE_CHECKING:
    from application.orchestration.deciding.setting import Setting

HANDING_IN = "submit_"
"""Start of the names of the tools by which answers are handed in."""

CLOSING = frozenset({"execute"})
"""Purposes for which one more call is granted, so that the agent can hand in what it has."""


def accounts(
    task: Task, agent: str, purpose: str, fold: SessionFold, setting: Setting
) -> tuple[Account, ...]:
    """List the accounts that a call to an agent's model is debited to; none without budgets."""
    books = _Books.of(fold, setting)
    if books is None:
        return ()
    own, led = books.own(task, agent, purpose, task.steps), books.led(task, agent, task.steps)
    turn = (books.turn(),) if books.level(agent) is Level.PERSONAL else ()
    return (*own, *led, *turn, books.conversation())


def accounts_above(task: Task, fold: SessionFold, setting: Setting) -> tuple[Account, ...]:
    """List the accounts of all who passed a task on, and that of the conversation."""
    books = _Books.of(fold, setting)
    if books is None:
        return ()
    return (*books.led(task, task.holder, task.steps), books.conversation())


def accounts_of(task: Task, fold: SessionFold, setting: Setting) -> tuple[Account, ...]:
    """Tell what the agents of a task's routing path have spent on it, and may still spend.

    For the request, the accounts of the session are among them.
    """
    books = _Books.of(fold, setting)
    if books is None:
        return ()
    context = (books.context(task),) if task.assignment.parent_id is None else ()
    return (*books.all_of(task), *context)


def overruns(
    task: Task, agent: str, purpose: str, fold: SessionFold, setting: Setting
) -> tuple[Overrun, ...]:
    """Tell which budgets forbid another call to an agent's model; without any it may be made.

    Where a budget of the task is used up, the agent gets one more call to hand in what it has. So
    at most one call begins once a limit is reached, and none once the conversation's is.
    """
    books = _Books.of(fold, setting)
    if books is None or books.is_hardly_used:
        return ()
    full = [each for each in accounts(task, agent, purpose, fold, setting) if each.is_full]
    if purpose in CLOSING and not any(each.scope is Scope.CONVERSATION for each in full):
        full = full if _has_closed(task, agent, purpose, books) else []
    return tuple(each.overrun(stopped=True) for each in full)


def closed_by(task: Task, agent: str, fold: SessionFold, setting: Setting) -> tuple[Overrun, ...]:
    """Tell which budgets forbid an agent to use a tool: its latest call was its last one."""
    books = _Books.of(fold, setting)
    if books is None or books.is_hardly_used or not _has_closed(task, agent, "execute", books):
        return ()
    held = accounts(task, agent, "execute", fold, setting)
    return tuple(each.overrun(stopped=True) for each in held if each.is_full)


def is_last(task: Task, agent: str, purpose: str, fold: SessionFold, setting: Setting) -> bool:
    """Tell whether the next call is the one in which an agent must hand in, by its budgets."""
    books = _Books.of(fold, setting)
    if purpose not in CLOSING or books is None or books.is_hardly_used:
        return False
    return any(each.is_full for each in accounts(task, agent, purpose, fold, setting))


def output_limit(
    task: Task, agent: str, purpose: str, fold: SessionFold, setting: Setting
) -> int | None:
    """Tell how many tokens a model may write in its next answer; None for no limit."""
    budgets = fold.session.charter.policy.budgets
    if budgets is None:
        return None
    counted = accounts(task, agent, purpose, fold, setting)
    left = tightest([each for each in counted if each.scope is not Scope.TOOL_CALLS])
    return None if left is None else max(left, budgets.closing)


def budget_of(agent: str, fold: SessionFold, setting: Setting) -> int | None:
    """Tell how many tokens an agent may spend on one task in all; None for no limit."""
    books = _Books.of(fold, setting)
    if books is None or books.level(agent) is Level.PERSONAL:
        return None
    limits = {
        Level.ORCHESTRATOR: books.budgets.orchestrator_task,
        Level.DIRECTOR: books.budgets.director_task,
        Level.SPECIALIST: books.budgets.specialist_task,
    }
    return limits[books.level(agent)]


def context_limit(agent: str, fold: SessionFold, setting: Setting) -> int | None:
    """Tell how many tokens one call to an agent's model may hold; None for no limit."""
    budgets = fold.session.charter.policy.budgets
    is_personal = setting.levels.get(agent) is Level.PERSONAL
    return budgets.context if budgets is not None and is_personal else None


def due_overruns(fold: SessionFold, setting: Setting) -> Iterator[RecordOverrun]:
    """Record every budget that was overspent by an answer, once for each task."""
    books = _Books.of(fold, setting)
    if books is None:
        return
    for task in (fold.root,) if books.is_hardly_used else fold.tasks:
        if task.ended:
            continue
        held = [] if books.is_hardly_used else list(books.all_of(task))
        if task.assignment.parent_id is None:
            held.append(books.context(task))
        for account in held:
            if account.is_overspent and not _is_told(account, task):
                yield RecordOverrun(task.id, account.overrun(stopped=False))


def _is_told(account: Account, task: Task) -> bool:
    return any((each.agent, each.scope) == (account.agent, account.scope) for each in task.overruns)


def stopped_by(found: Sequence[Overrun]) -> Failure:
    """Say that work stopped because of budgets."""
    first = found[0]
    what = first.scope.replace("_", " ")
    message = (
        f"{first.agent} has spent {first.spent_tokens} of the {first.limit_tokens} tokens of its"
        f" budget for {what}; raise the budget in the policy, or ask for less."
    )
    return Failure(kind=FailureKind.UNABLE, message=message)


def within_limits(
    commands: Iterable[Command], fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Leave out the tasks that must wait because enough of them are under way."""
    budgets = fold.session.charter.policy.budgets
    if budgets is None:
        yield from commands
        return
    busy: Counter[str] | None = None
    for command in commands:
        if isinstance(command, StartTask):
            if busy is None:
                under_way = (task for task in fold.tasks if task.status is TaskStatus.STARTED)
                busy = Counter(each for task in under_way for each in _led_by(task, setting))
            leaders = _led_by(fold.task(command.task_id), setting)
            if any(busy[leader] >= _parallel(leader, budgets, setting) for leader in leaders):
                continue
            busy.update(leaders)
        yield command


def _led_by(task: Task, setting: Setting) -> set[str]:
    """Name whose limit of tasks at once a task counts for: the orchestrator's and its director's.

    The request itself counts for nobody's.
    """
    if task.assignment.parent_id is None:
        return set()
    directors = [
        each.from_agent
        for each in task.delegations
        if setting.levels.get(each.from_agent) is Level.DIRECTOR
    ]
    return {setting.orchestrator, *directors[-1:]}


def _parallel(leader: str, budgets: Budgets, setting: Setting) -> int:
    if leader == setting.orchestrator:
        return budgets.orchestrator_parallel
    return budgets.director_parallel


def _has_closed(task: Task, agent: str, purpose: str, books: _Books) -> bool:
    """Tell whether the latest call was made although a budget of the task was used up already."""
    for number in range(len(task.steps) - 1, task.begun_at_step - 1, -1):
        step = task.steps[number]
        if step.purpose == purpose and step.agent == agent:
            before = task.steps[:number]
            held = (*books.own(task, agent, purpose, before), *books.led(task, agent, before))
            return any(each.is_full for each in held)
    return False


@dataclass(frozen=True)
class _Books:
    """The accounts of a session; `steps` are always those of one task, all or the first ones.

    Attributes:
        reached: to whom tasks came, as far as it was looked up.
    """

    budgets: Budgets
    setting: Setting
    fold: SessionFold
    reached: dict[UUID, dict[str, set[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, fold: SessionFold, setting: Setting) -> _Books | None:
        """Open the books of a session; None where its policy has no budgets."""
        budgets = fold.session.charter.policy.budgets
        return None if budgets is None else cls(budgets, setting, fold)

    @cached_property
    def is_hardly_used(self) -> bool:
        """Whether all agents together wrote less than the smallest budget: so none is used up."""
        left = self.budgets.smallest
        for task in self.fold.tasks:
            for step in task.steps:
                if step.purpose and isinstance(step.answer, ModelAnswer):
                    left -= step.answer.usage.output_tokens
        return left > 0

    def level(self, agent: str) -> Level:
        """Tell the level of an agent; who has left counts as a specialist."""
        return self.setting.levels.get(agent, Level.SPECIALIST)

    def own(
        self, task: Task, agent: str, purpose: str, steps: Sequence[Step]
    ) -> tuple[Account, ...]:
        """List an agent's own accounts for a task."""
        budgets, level = self.budgets, self.level(agent)
        mine = [step for step in steps if step.agent == agent]
        if level is Level.PERSONAL:
            return ()
        if level is Level.SPECIALIST:
            counted = self._account(agent, Scope.TASK, budgets.specialist_task, _written(mine))
            if purpose != "execute":
                return (counted,)
            on_tools = spent_on_tools(_answers(mine), HANDING_IN)
            return (counted, self._account(agent, Scope.TOOL_CALLS, budgets.tool_calls, on_tools))
        for_task = self.for_task(task, agent, steps)
        if level is Level.DIRECTOR:
            spent, limit = _written(mine), budgets.coordination
            return (self._account(agent, Scope.COORDINATION, limit, spent), *for_task)
        scope = SCOPES.get(purpose)
        if scope is None:
            return for_task
        spent = _written(step for step in mine if SCOPES.get(step.purpose) is scope)
        return (self._account(agent, scope, self._limit(scope), spent), *for_task)

    def led(self, task: Task, agent: str, steps: Sequence[Step]) -> tuple[Account, ...]:
        """List the accounts for a task of those who passed it on to an agent, the highest first."""
        rank, below = self.level(agent).rank, self.below(task)
        leaders = [each for each in below if self.level(each).rank < rank]
        if any(agent in found for found in below.values()):
            leaders = [each for each in leaders if agent in below[each]]
        return tuple(account for each in leaders for account in self.for_task(task, each, steps))

    def for_task(self, task: Task, leader: str, steps: Sequence[Step]) -> tuple[Account, ...]:
        """Give the account of a director or the orchestrator for a task, with all below it.

        Who was only consulted, such as for a bid, lies below all who passed the task on.
        """
        level = self.level(leader)
        limits = {
            Level.ORCHESTRATOR: self.budgets.orchestrator_task,
            Level.DIRECTOR: self.budgets.director_task,
        }
        if level not in limits:
            return ()
        reached = self.below(task)
        others = set(reached).union(*reached.values()) - reached.get(leader, set()) - {leader}
        spent = _written(
            step
            for step in steps
            if step.agent not in others
            and (step.agent == leader or self.level(step.agent).rank > level.rank)
        )
        return (self._account(leader, Scope.TASK, limits[level], spent),)

    def below(self, task: Task) -> dict[str, set[str]]:
        """Tell to whom a task came from each agent that passed it on."""
        if task.id not in self.reached:
            self.reached[task.id] = _below(task)
        return self.reached[task.id]

    def turn(self) -> Account:
        """What the personal agent wrote."""
        personal = self.setting.personal
        steps = (step for task in self.fold.tasks for step in task.steps)
        spent = _written(step for step in steps if step.agent == personal)
        return self._account(personal, Scope.TURN, self.budgets.turn, spent)

    def context(self, task: Task) -> Account:
        """The most that one call of the personal agent held."""
        personal = self.setting.personal
        answers = _answers(step for step in task.steps if step.agent == personal)
        held = max((answer.usage.context_tokens for answer in answers), default=0)
        return self._account(personal, Scope.CONTEXT, self.budgets.context, held)

    def conversation(self) -> Account:
        """What all agents wrote."""
        spent = sum(_written(task.steps) for task in self.fold.tasks)
        limit = self.budgets.conversation
        return self._account(self.setting.personal, Scope.CONVERSATION, limit, spent)

    def all_of(self, task: Task) -> Iterator[Account]:
        """Give every account that anything on a task was debited to."""
        asked = dict.fromkeys((step.agent, step.purpose) for step in task.steps if step.purpose)
        found: dict[tuple[str, Scope], Account] = {}
        for agent, purpose in asked:
            own = self.own(task, agent, purpose, task.steps)
            for each in (*own, *self.led(task, agent, task.steps)):
                found[each.agent, each.scope] = each
        yield from found.values()
        if task.assignment.parent_id is None:
            yield self.turn()
            yield self.conversation()

    def _account(self, agent: str, scope: Scope, limit: int, spent: int) -> Account:
        level = self.level(agent)
        return Account(agent=agent, level=level, scope=scope, limit=limit, spent=spent)

    def _limit(self, scope: Scope) -> int:
        budgets = self.budgets
        limits = {
            Scope.ROUTING: budgets.routing,
            Scope.DECOMPOSITION: budgets.decomposition,
            Scope.ASSEMBLY: budgets.assembly,
        }
        return limits[scope]


def _below(task: Task) -> dict[str, set[str]]:
    """Tell to whom a task came from each agent that passed it on, at once or by way of others."""
    passed: dict[str, set[str]] = {}
    for delegation in task.delegations:
        passed.setdefault(delegation.from_agent, set()).add(delegation.to_agent)
    for handoff in task.handoffs:
        passed.setdefault(handoff.from_agent, set()).add(handoff.to_agent)
    for found in passed.values():
        waiting = list(found)
        while waiting:
            new = passed.get(waiting.pop(), set()) - found
            found.update(new)
            waiting += new
    return passed


def _answers(steps: Iterable[Step]) -> Iterator[ModelAnswer]:
    return (step.answer for step in steps if isinstance(step.answer, ModelAnswer))


def _written(steps: Iterable[Step]) -> int:
    total = 0
    for step in steps:
        if step.purpose and isinstance(step.answer, ModelAnswer):
            total += step.answer.usage.output_tokens
    return total
