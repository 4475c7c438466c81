"""Busy histories: several sessions side by side over some days, with all that may go wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from application.ports import Entry
from domain.agent import Agent, AgentCapabilities, AgentIdentity, Level, Post
from domain.conversation import USER
from domain.effect import (
    EffectKind,
    Failure,
    FailureKind,
    ModelAnswer,
    ToolAnswer,
    ToolCall,
    Usage,
)
from domain.event import SYSTEM, Envelope, RecordedEvent
from domain.planning import Plan, PlannedTask
from domain.task import Assignment, Task
from domain.task.values import TaskStatus
from tests.support.histories import (
    DIRECTOR,
    MASTERMIND,
    NOVA,
    SPECIALIST,
    Ids,
    SessionTeller,
    SteppingClock,
)
from tests.support.in_memory_log import BEGINNING, InMemoryEventLog

WORKERS = (MASTERMIND, DIRECTOR, SPECIALIST, "FIN_008", "ANA_003", "ANA_007")
DEPARTMENTS = ("finance", "analytics", None)
MODELS = ("small-1", "large-2")
TOOLS = ("query_table", "draw_chart")
FAILURES = (FailureKind.OVERLOADED, FailureKind.TIMED_OUT, FailureKind.BAD_ANSWER)


class DatedLog(InMemoryEventLog):
    """A log in memory whose events were recorded some time apart.

    Args:
        apart: time from one event to the next.
    """

    def __init__(self, apart: timedelta) -> None:
        super().__init__()
        self._apart = apart

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append without looking whether it may be."""
        recorded = [
            RecordedEvent(position, BEGINNING + self._apart * position, entry.envelope, entry.event)
            for position, entry in enumerate(entries, start=len(self.events) + 1)
        ]
        self.events.extend(recorded)
        return recorded

    def scan(
        self, after: int, until: int, types: Collection[str], unreadable: Collection[int] = ()
    ) -> Iterator[RecordedEvent]:
        """Read events of some types between two positions; all of them can be read."""
        del unreadable
        return self.read(after=after, until=until, types=types)


class UnevenClock(SteppingClock):
    """Goes on by a random time whenever it is asked, mostly by little."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def now(self) -> datetime:
        """Tell the time."""
        self._now += timedelta(milliseconds=self._random.expovariate(1 / 700))
        return self._now


class BusyHistory:
    """Lets sessions and agents do whatever they may, step by step.

    Args:
        seed: the same one gives the same history.
    """

    def __init__(self, log: InMemoryEventLog, seed: int) -> None:
        self._log, self._random, self._ids = log, Random(seed), Ids()  # noqa: S311 - a story
        self._clock = UnevenClock(self._random)
        self._sessions: list[SessionTeller] = []
        self._tasks: dict[UUID, list[Task]] = {}
        self._agents: dict[str, Agent] = {}

    def tell(self, events: int) -> None:
        """Let things happen until the log holds so many events."""
        for handle in (NOVA, *WORKERS):
            self._register(handle)
        while len(self._log.events) < events:
            if self._random.random() < 0.05:
                self._change_organisation()
            elif len(self._sessions) < 3 or self._random.random() < 0.01:
                self._open_session()
            else:
                self._step(self._random.choice(self._sessions))

    def _register(self, handle: str) -> None:
        identity = AgentIdentity(
            agent_id=self._ids.new(),
            handle=handle,
            display_name=handle.title(),
            created_at=self._clock.now(),
        )
        self._agents[handle] = Agent.register(identity, self._post(), AgentCapabilities())
        self._record(self._agents[handle])

    def _post(self) -> Post:
        department = self._random.choice(DEPARTMENTS)
        return Post(level=Level.SPECIALIST, department=department, supervisor=NOVA)

    def _change_organisation(self) -> None:
        handle = self._random.choice(WORKERS)
        agent, now = self._agents[handle], self._clock.now()
        match self._random.randrange(4):
            case _ if agent.removed:
                self._register(handle)
                return
            case 0:
                agent.change(agent.identity.display_name, self._post(), AgentCapabilities(), now)
            case 1:
                agent.remove("gone", now)
            case _ if agent.active:
                agent.deactivate("on leave", now)
            case _:
                agent.activate(now)
        self._record(agent)

    def _record(self, agent: Agent) -> None:
        def envelope() -> Envelope:
            return Envelope(self._ids.new(), SYSTEM, correlation_id=agent.id)

        self._log.append([Entry(event, envelope()) for event in agent.collect_events()])

    def _open_session(self) -> None:
        number = len(self._tasks) + 1
        request = f"Report number{number} on {self._random.choice(('apples', 'pears'))}"
        told = SessionTeller(self._log, self._ids, self._clock, request)
        self._sessions.append(told)
        self._tasks[told.session_id] = [told.root]

    def _step(self, told: SessionTeller) -> None:
        live = [task for task in self._tasks[told.session_id] if not task.ended]
        match self._random.randrange(40):
            case 0:
                how = self._random.choice(("complete", "decline", "fail", "cancel"))
                told.end(how, f"# About {self._random.choice(('apples', 'plums'))}\n\nAll is told.")
                self._sessions.remove(told)
            case 1 | 2 | 3:
                told.say(self._random.choice((USER, NOVA)), "words")
            case 4:
                told.session.resume((), self._clock.now())
                told.record(told.session)
            case 5 | 6 | 7:
                self._create_task(told)
            case _ if live:
                self._advance(told, self._random.choice(live))

    def _create_task(self, told: SessionTeller) -> None:
        tasks = self._tasks[told.session_id]
        assignment = Assignment(
            session_id=told.session_id,
            parent_id=self._random.choice(tasks).id,
            key=f"task_{len(tasks)}",
            title="A task",
            instruction="Do it.",
            department=self._random.choice(DEPARTMENTS),
            depends_on=(tasks[-1].id,) if self._random.random() < 0.3 else (),
        )
        task = Task.create(self._ids.new(), assignment, MASTERMIND, self._clock.now())
        tasks.append(task)
        told.record(task)

    def _advance(self, told: SessionTeller, task: Task) -> None:
        """Take a step with a live task; every other one settles what is pending."""
        pending = [effect for effect in task.pending.values() if not effect.failed]
        repeatable = [effect for effect in task.pending.values() if effect.failed]
        if repeatable and self._random.random() < 0.5:
            told.call_model(task, repeatable[0].effect_id)
        elif pending and self._random.random() < 0.6:
            effect = self._random.choice(pending)
            settle = self._settle_model if effect.kind is EffectKind.MODEL else self._settle_tool
            settle(task, effect.effect_id)
            told.record(task)
        elif task.status is TaskStatus.OPEN and self._random.random() < 0.8:
            self._place(told, task)
        else:
            self._work(told, task)

    def _place(self, told: SessionTeller, task: Task) -> None:
        match self._random.randrange(8):
            case 0:
                told.leave_unplaced(task)
            case 1 | 2 | 3:
                told.start(task)
            case 4:
                part = PlannedTask(key="p", title="Part", instruction="Do.", department="finance")
                plan = Plan(tasks=(part,), complexity=0.2, reason="It is simple.")
                task.decompose(plan, {"p": self._ids.new()}, self._clock.now())
                told.record(task)
            case _:
                told.delegate(task, self._random.choice(WORKERS))

    def _work(self, told: SessionTeller, task: Task) -> None:
        match self._random.randrange(12):
            case 0 | 1:
                told.complete(task)
            case 2:
                told.fail(task)
            case 3:
                told.cancel(task)
            case 4 | 5 | 6:
                call = ToolCall(call_id="1", tool=self._random.choice(TOOLS), arguments={})
                task.call_tool(self._ids.new(), call, task.holder, self._clock.now())
                told.record(task)
            case _:
                model = self._random.choice(MODELS)
                now = self._clock.now()
                task.call_model(self._ids.new(), "execute", model, task.holder, now)
                told.record(task)

    def _settle_model(self, task: Task, effect_id: UUID) -> None:
        random, now = self._random, self._clock.now()
        if random.random() < 0.25:
            failure = Failure(kind=random.choice(FAILURES), message="not now")
            task.fail_model(effect_id, failure, now, final=random.random() < 0.5)
            return
        usage = Usage(
            input_tokens=random.randrange(2_000),
            output_tokens=random.randrange(500),
            cache_read_tokens=random.choice((0, random.randrange(900))),
            cache_write_tokens=random.choice((0, random.randrange(300))),
        )
        answer = ModelAnswer(
            model=random.choice((*MODELS, "large-2-dated")),
            text="...",
            stop_reason="end_turn",
            usage=usage,
            cost_usd=random.choice((None, Decimal(random.randrange(9_999)) / 1_000_000)),
            duration_ms=random.expovariate(1 / 900),
        )
        task.answer_model(effect_id, answer, now)
        if random.random() < 0.2:
            task.reject_answer(effect_id, "breaks its schema", self._clock.now())

    def _settle_tool(self, task: Task, effect_id: UUID) -> None:
        now = self._clock.now()
        if self._random.random() < 0.3:
            failure = Failure(kind=FailureKind.BAD_INPUT, message="no such table")
            task.fail_tool(effect_id, failure, now)
        else:
            took = self._random.choice((0.0, self._random.expovariate(1 / 40)))
            task.answer_tool(effect_id, ToolAnswer(content={}, duration_ms=took), now)
