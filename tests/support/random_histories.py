"""Random histories: what sessions and agents may go through, side by side, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from application.ports import Entry, EventLog
from domain.agent import Agent, AgentCapabilities, AgentIdentity, Level, Post
from domain.conversation import USER
from domain.effect import Failure, FailureKind, ToolCall
from domain.errors import DomainError
from domain.event import SYSTEM, Envelope
from domain.planning import Plan, PlannedTask
from domain.session import Intent
from domain.task import Task
from tests.support.histories import (
    DIRECTOR,
    MASTERMIND,
    NOVA,
    SPECIALIST,
    Ids,
    SessionTeller,
    SteppingClock,
)

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

TEXTS = ("Report on Q4", "", "nul \x00 byte", 'tab\tline\nquote"back\\slash', "🐙" * 50, "x" * 9000)
HANDLES = (SPECIALIST, DIRECTOR, MASTERMIND, "ANA_001")
DEPARTMENTS = ("finance", "analytics", "legal")


class Move(NamedTuple):
    """Something that may happen next; where it cannot, nothing does.

    Attributes:
        session: which of the sessions it happens in.
        choice: whatever there is to choose.
    """

    what: str
    session: int
    choice: int


class Sessions:
    """Sessions and agents to which moves happen; every move is appended at once."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._ids, self._clock = Ids(), SteppingClock()
        self._tellers: dict[int, SessionTeller] = {}
        self._tasks: dict[int, list[Task]] = {}
        self._effects: dict[UUID, list[tuple[UUID, str]]] = {}
        self._agents: dict[str, Agent] = {}

    def make(self, move: Move) -> None:
        """Let something happen, if it can; a session that is not there yet is opened first."""
        self._open(move)
        try:
            getattr(self, f"_{move.what}")(move)
        except (DomainError, LookupError):
            return  # nobody would have been let do it

    def _open(self, move: Move) -> None:
        if move.session not in self._tellers:
            request = TEXTS[move.choice % len(TEXTS)] or "Report"
            teller = SessionTeller(self._log, self._ids, self._clock, request)
            self._tellers[move.session] = teller
            self._tasks[move.session] = [teller.root]

    def _agent(self, move: Move) -> None:
        """Register an agent, or change, pause and return it."""
        handle = HANDLES[move.choice % len(HANDLES)]
        post = Post(
            level=Level.SPECIALIST,
            department=DEPARTMENTS[move.choice // 4 % len(DEPARTMENTS)],
            supervisor=MASTERMIND,
        )
        agent, now = self._agents.get(handle), self._clock.now()
        if agent is None:
            identity = AgentIdentity(
                agent_id=self._ids.new(), handle=handle, display_name="Somebody", created_at=now
            )
            agent = self._agents[handle] = Agent.register(identity, post, AgentCapabilities())
        elif move.choice // 12 % 2:
            agent.change("Somebody", post, AgentCapabilities(), now)
        elif agent.active:
            agent.deactivate("on holiday", now)
        else:
            agent.activate(now)
        self._record_agent(agent)

    def _say(self, move: Move) -> None:
        speaker = (USER, NOVA)[move.choice % 2]
        self._tellers[move.session].say(speaker, TEXTS[move.choice // 2 % len(TEXTS)])

    def _interpret(self, move: Move) -> None:
        teller = self._tellers[move.session]
        teller.session.interpret(Intent(goal="a report"), self._clock.now())
        teller.record(teller.session)

    def _resume(self, move: Move) -> None:
        teller = self._tellers[move.session]
        teller.session.resume((), self._clock.now())
        teller.record(teller.session)

    def _create(self, move: Move) -> None:
        department = DEPARTMENTS[move.choice % len(DEPARTMENTS)]
        key = f"part_{len(self._tasks[move.session])}"
        task = self._tellers[move.session].create_task(key, department)
        self._tasks[move.session].append(task)

    def _decompose(self, move: Move) -> None:
        teller, task = self._tellers[move.session], self._task(move)
        part = PlannedTask(key="part", title="A part", instruction="Do it.", department="finance")
        plan = Plan(tasks=(part,), complexity=0.2, reason="It is simple.")
        task.decompose(plan, {"part": self._ids.new()}, self._clock.now())
        teller.record(task)

    def _delegate(self, move: Move) -> None:
        self._tellers[move.session].delegate(
            self._task(move), HANDLES[move.choice // 8 % len(HANDLES)]
        )

    def _unplaced(self, move: Move) -> None:
        self._tellers[move.session].leave_unplaced(self._task(move))

    def _start(self, move: Move) -> None:
        self._tellers[move.session].start(self._task(move))

    def _call(self, move: Move) -> None:
        """Ask a model or use a tool."""
        teller, task = self._tellers[move.session], self._task(move)
        kind = ("model", "tool")[move.choice // 8 % 2]
        effect_id = teller.call_model(task) if kind == "model" else self._call_tool(teller, task)
        self._effects.setdefault(task.id, []).append((effect_id, kind))

    def _call_tool(self, teller: SessionTeller, task: Task) -> UUID:
        effect_id = self._ids.new()
        call = ToolCall(call_id="1", tool="query_table", arguments={"sql": "SELECT '\x00'"})
        task.call_tool(effect_id, call, task.holder, self._clock.now())
        teller.record(task)
        return effect_id

    def _answer(self, move: Move) -> None:
        if not self._effects.get(self._task(move).id):
            self._call(move)
        teller, task = self._tellers[move.session], self._task(move)
        effect_id, kind = self._effect(task, move)
        if kind == "tool":
            teller.answer_tool(task, effect_id)
        else:
            teller.answer_model(task, effect_id)

    def _fail_effect(self, move: Move) -> None:
        """Let a call fail; a model's for good or not, and then it is asked again."""
        teller, task = self._tellers[move.session], self._task(move)
        effect_id, kind = self._effect(task, move)
        if kind == "tool":
            failure = Failure(kind=FailureKind.BAD_INPUT, message="no such table")
            task.fail_tool(effect_id, failure, self._clock.now())
            teller.record(task)
        elif move.choice // 32 % 2:
            teller.fail_model(task, effect_id)
        else:
            failure = Failure(kind=FailureKind.RATE_LIMITED, message="too fast")
            task.fail_model(effect_id, failure, self._clock.now(), final=False)
            teller.record(task)
            teller.call_model(task, effect_id)

    def _reject(self, move: Move) -> None:
        teller, task = self._tellers[move.session], self._task(move)
        effect_id, _ = self._effect(task, move)
        task.reject_answer(effect_id, "breaks its schema", self._clock.now())
        teller.record(task)

    def _end_task(self, move: Move) -> None:
        teller, task = self._tellers[move.session], self._task(move)
        end: tuple[Callable[[Task], None], ...] = (teller.complete, teller.fail, teller.cancel)
        end[move.choice // 8 % len(end)](task)

    def _end(self, move: Move) -> None:
        how = ("complete", "decline", "fail", "cancel")[move.choice % 4]
        self._tellers[move.session].end(how, TEXTS[move.choice // 4 % len(TEXTS)])

    def _task(self, move: Move) -> Task:
        tasks = self._tasks[move.session]
        return tasks[move.choice % 8 % len(tasks)]

    def _effect(self, task: Task, move: Move) -> tuple[UUID, str]:
        effects = self._effects[task.id]
        return effects[-1 - move.choice // 16 % 2 % len(effects)]

    def _record_agent(self, aggregate: Aggregate) -> None:
        correlation_id = self._ids.new()
        self._log.append(
            [
                Entry(
                    event,
                    Envelope(event_id=self._ids.new(), actor=SYSTEM, correlation_id=correlation_id),
                )
                for event in aggregate.collect_events()
            ]
        )


MOVES = (
    *("say", "create", "delegate", "delegate", "start", "call", "call", "answer", "answer"),
    *("fail_effect", "reject", "end_task", "end_task", "end", "agent", "interpret", "resume"),
    *("decompose", "unplaced"),
)


def moves(*, least: int = 20, most: int = 60) -> st.SearchStrategy[list[Move]]:
    """Draw moves of three sessions side by side."""
    move = st.builds(Move, st.sampled_from(MOVES), st.integers(0, 2), st.integers(0, 255))
    return st.lists(move, min_size=least, max_size=most)


def tell(log: EventLog, story: list[Move]) -> int:
    """Let moves happen in an empty log, and tell the position of the last event."""
    sessions = Sessions(log)
    for move in story:
        sessions.make(move)
    return log.last_position()
