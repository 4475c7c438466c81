"""Figures: numbers that a history adds up to, kept up event by event without any aggregate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.task import ENDED, TaskStatus

STEERING = frozenset({"session.forked", "session.rewound"})
"""Events that lead a history to another place; the time before them was spent elsewhere."""

TASK_CHANGES = {
    "task.started": TaskStatus.STARTED,
    "task.decomposed": TaskStatus.DECOMPOSED,
    "task.completed": TaskStatus.COMPLETED,
    "task.reopened": TaskStatus.OPEN,
    "task.failed": TaskStatus.FAILED,
    "task.skipped": TaskStatus.SKIPPED,
    "task.cancelled": TaskStatus.CANCELLED,
}
"""Where each of these events leaves a task."""

SESSION_ENDS = {
    "session.completed": SessionStatus.COMPLETED,
    "session.declined": SessionStatus.DECLINED,
    "session.failed": SessionStatus.FAILED,
    "session.cancelled": SessionStatus.CANCELLED,
}
"""Where each of these events leaves a session."""


class Account:
    """What work took.

    Attributes:
        cost_usd: US dollars; answers without a known price count as none.
        input_tokens: all tokens that went in, cached ones included.
        model_calls: attempts, repeated ones included.
        model_failures: failed attempts.
        tool_calls: attempts, repeated ones included.
        delegations: tasks that were passed on; of an agent, that were passed to it.
    """

    __slots__ = (
        "cost_usd",
        "delegations",
        "input_tokens",
        "model_calls",
        "model_failures",
        "output_tokens",
        "tool_calls",
        "tool_failures",
    )

    def __init__(self) -> None:
        self.cost_usd = Decimal(0)
        self.input_tokens = 0
        self.output_tokens = 0
        self.model_calls = 0
        self.model_failures = 0
        self.tool_calls = 0
        self.tool_failures = 0
        self.delegations = 0

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.input_tokens + self.output_tokens


class Books:
    """What happened, added up; what was taken back by a rewind has happened too.

    Attributes:
        agents: what each agent took, by handle.
        workers: handles of agents in whose name a model or a tool was called.
        artefacts: files that tools wrote; a file that a session wrote again counts once.
    """

    def __init__(self) -> None:
        self.total = Account()
        self.agents: dict[str, Account] = {}
        self.workers: set[str] = set()
        self.turns = 0
        self.decisions = 0
        self.rejected_answers = 0
        self.resumptions = 0
        self.artefacts = 0

    def of_agent(self, handle: str) -> Account:
        """Give what an agent took, to be added to."""
        spent = self.agents.get(handle)
        if spent is None:
            spent = self.agents[handle] = Account()
        return spent


class SessionFigures:
    """The figures of one history.

    Events of other types than those that are asked about may be left out.

    Args:
        session_id: the session whose history it is; its ancestors' events come first.
        books: where what happened is added up; books of its own by default.

    Attributes:
        events: how many were taken in.
        standing: status of each task, by its id.
        tasks: how many tasks have each status.
        spent: what each task took, by its id.
        own: ids of the tasks that this very session created or went on with.
        passed: time between its events, without that before it was rewound or forked.
        began: how much time had passed when each task was created, by its id.
        ended: the same for when it ended.
    """

    def __init__(self, session_id: UUID, books: Books | None = None) -> None:
        self.session_id = session_id
        self.books = books or Books()
        self.events = 0
        self.status = SessionStatus.RUNNING
        self.answer = ""
        self.standing: dict[UUID, TaskStatus] = {}
        self.tasks: Counter[TaskStatus] = Counter()
        self.spent: dict[UUID, Account] = {}
        self.own: set[UUID] = set()
        self.passed = timedelta()
        self.began: dict[UUID, timedelta] = {}
        self.ended: dict[UUID, timedelta] = {}
        self._latest: datetime | None = None
        self._origins: dict[UUID, UUID] = {}
        self._callers: dict[UUID, str] = {}
        self._paths: set[str] = set()

    def take(self, recorded: RecordedEvent) -> None:
        """Take in the next event of the history."""
        self.events += 1
        kind = recorded.type
        if self._latest is not None and kind not in STEERING:
            self.passed += recorded.recorded_at - self._latest
        self._latest = recorded.recorded_at
        handle = _HANDLERS.get(kind)
        if handle is not None:
            handle(self, recorded)

    def task_of(self, recorded: RecordedEvent) -> UUID:
        """Name the task that an event of a task's stream is about."""
        stream = recorded.event.originator_id
        return self._origins.get(stream, stream)

    def create_task(self, recorded: RecordedEvent) -> None:
        """Take in that a task was created."""
        task_id = recorded.event.originator_id
        self._own(recorded, task_id)
        self.began[task_id] = self.passed
        self.standing[task_id] = TaskStatus.OPEN
        self.tasks[TaskStatus.OPEN] += 1

    def continue_task(self, recorded: RecordedEvent) -> None:
        """Take in that a fork goes on with a task."""
        event: Any = recorded.event
        self._origins[event.originator_id] = event.origin
        self._own(recorded, event.origin)

    def change_task(self, recorded: RecordedEvent) -> None:
        """Take in that a task has another status."""
        task_id, status = self.task_of(recorded), TASK_CHANGES[recorded.type]
        former = self.standing.get(task_id)
        if former is not None:
            self.tasks[former] -= 1
        self.standing[task_id] = status
        self.tasks[status] += 1
        if status in ENDED:
            self.ended[task_id] = self.passed

    def end(self, recorded: RecordedEvent) -> None:
        """Take in that the session ended."""
        event: Any = recorded.event
        self.status = SESSION_ENDS[recorded.type]
        self.answer = event.answer if hasattr(event, "answer") else event.reason

    def steer(self, recorded: RecordedEvent) -> None:
        """Take in that the history goes on from another place."""
        event: Any = recorded.event
        self.status = event.status

    def delegate(self, recorded: RecordedEvent) -> None:
        """Take in that a task was passed on."""
        event: Any = recorded.event
        self.books.decisions += 1
        for spent in self._accounts(recorded, event.delegation.to_agent):
            spent.delegations += 1

    def call_model(self, recorded: RecordedEvent) -> None:
        """Take in that a model is about to be asked."""
        for spent in self._called(recorded):
            spent.model_calls += 1

    def call_tool(self, recorded: RecordedEvent) -> None:
        """Take in that a tool is about to be used."""
        for spent in self._called(recorded):
            spent.tool_calls += 1

    def answer_model(self, recorded: RecordedEvent) -> None:
        """Take in what a model answered."""
        event: Any = recorded.event
        answer = event.answer
        for spent in self._settled(recorded):
            spent.input_tokens += answer.usage.context_tokens
            spent.output_tokens += answer.usage.output_tokens
            if answer.cost_usd is not None:
                spent.cost_usd += answer.cost_usd

    def fail_model(self, recorded: RecordedEvent) -> None:
        """Take in that an attempt to ask a model failed."""
        for spent in self._settled(recorded):
            spent.model_failures += 1

    def answer_tool(self, recorded: RecordedEvent) -> None:
        """Take in what a tool gave."""
        event: Any = recorded.event
        self._settled(recorded)
        for artefact in event.answer.artefacts:
            if artefact.path not in self._paths:
                self._paths.add(artefact.path)
                self.books.artefacts += 1

    def fail_tool(self, recorded: RecordedEvent) -> None:
        """Take in that a tool could not do what it was asked for."""
        for spent in self._settled(recorded):
            spent.tool_failures += 1

    def count(self, name: str) -> None:
        """Count something that happened, under its name in the books."""
        setattr(self.books, name, getattr(self.books, name) + 1)

    def _own(self, recorded: RecordedEvent, task_id: UUID) -> None:
        if recorded.envelope.session_id == self.session_id:
            self.own.add(task_id)

    def _called(self, recorded: RecordedEvent) -> Iterable[Account]:
        event: Any = recorded.event
        self._callers[event.effect_id] = event.agent
        self.books.workers.add(event.agent)
        return self._accounts(recorded, event.agent)

    def _settled(self, recorded: RecordedEvent) -> Iterable[Account]:
        event: Any = recorded.event
        return self._accounts(recorded, self._callers.pop(event.effect_id, None))

    def _accounts(self, recorded: RecordedEvent, agent: str | None) -> Iterable[Account]:
        """Tell where something that an event took is added up."""
        task_id = self.task_of(recorded)
        task = self.spent.get(task_id)
        if task is None:
            task = self.spent[task_id] = Account()
        if agent is None:
            return self.books.total, task
        return self.books.total, task, self.books.of_agent(agent)


_HANDLERS: dict[str, Callable[[SessionFigures, RecordedEvent], None]] = {
    "session.forked": SessionFigures.steer,
    "session.rewound": SessionFigures.steer,
    "session.resumed": lambda figures, _: figures.count("resumptions"),
    "conversation.turn_taken": lambda figures, _: figures.count("turns"),
    "task.created": SessionFigures.create_task,
    "task.continued": SessionFigures.continue_task,
    "task.delegated": SessionFigures.delegate,
    "task.unplaced": lambda figures, _: figures.count("decisions"),
    "task.model_called": SessionFigures.call_model,
    "task.model_answered": SessionFigures.answer_model,
    "task.model_failed": SessionFigures.fail_model,
    "task.answer_rejected": lambda figures, _: figures.count("rejected_answers"),
    "task.tool_called": SessionFigures.call_tool,
    "task.tool_answered": SessionFigures.answer_tool,
    "task.tool_failed": SessionFigures.fail_tool,
    **dict.fromkeys(TASK_CHANGES, SessionFigures.change_task),
    **dict.fromkeys(SESSION_ENDS, SessionFigures.end),
}


def seconds(passed: timedelta) -> Decimal:
    """Give a length of time in seconds, exact to the microsecond."""
    return Decimal(passed // timedelta(microseconds=1)).scaleb(-6)
