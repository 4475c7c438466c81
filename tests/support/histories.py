"""Histories: what sessions do, in small, told by the real aggregates and appended to a log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from application.ports import Entry, EventLog
from domain.artefact import Artefact
from domain.conversation import USER, Conversation, Turn
from domain.decision import Candidate, Decision, Delegation
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall, Usage
from domain.event import Envelope, RecordedEvent
from domain.policy import Policy
from domain.session import Charter, Session
from domain.task import Assignment, Result, Task

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

NOVA, MASTERMIND, DIRECTOR, SPECIALIST = "NOVA_001", "MM_001", "DIR_FINANCE", "FIN_007"
CHAIN = (NOVA, MASTERMIND, DIRECTOR, SPECIALIST)


class Ids:
    """Counts ids up, so that histories can be compared."""

    def __init__(self, start: int = 0) -> None:
        self._last = start

    def new(self) -> UUID:
        """Make the next id."""
        self._last += 1
        return UUID(int=0x019B0000_0000_7000_8000_000000000000 + self._last)


class SteppingClock:
    """Goes on by 100 milliseconds whenever it is asked."""

    def __init__(self) -> None:
        self._now = datetime(2026, 10, 3, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Tell the time."""
        self._now += timedelta(milliseconds=100)
        return self._now


class SessionTeller:
    """Tells one session step by step; every step is appended at once."""

    def __init__(self, log: EventLog, ids: Ids, clock: SteppingClock, request: str) -> None:
        self._log, self._ids, self._clock = log, ids, clock
        self.session_id = ids.new()
        charter = Charter(
            request=request,
            input_files=(),
            output_folder="out",
            models={"specialist": "offline"},
            policy=Policy(),
        )
        conversation_id, root_id = ids.new(), ids.new()
        now = clock.now()
        self.session = Session.open(self.session_id, charter, root_id, conversation_id, now)
        self.conversation = Conversation.start(
            conversation_id, self.session_id, (USER, NOVA), clock.now()
        )
        self.root = self._create(root_id, None, "request", NOVA, None)
        self.record(self.session, self.conversation, self.root)
        self.say(USER, request)

    def say(self, speaker: str, text: str) -> None:
        """Let somebody say something."""
        turn = Turn(turn_id=self._ids.new(), speaker=speaker, text=text)
        self.conversation.take_turn(turn, self._clock.now())
        self.record(self.conversation)

    def create_task(self, key: str = "report", department: str | None = "finance") -> Task:
        """Create a task that MasterMind holds."""
        task = self._create(self._ids.new(), self.root.id, key, MASTERMIND, department)
        self.record(task)
        return task

    def decision(self, chosen: str | None, reason: str = "fits best") -> Decision:
        """Decide for somebody, against one other candidate."""
        handles = [chosen, "ZZZ_999"] if chosen else ["ZZZ_999"]
        return Decision(
            decision_id=self._ids.new(),
            strategy="rules",
            policy_version="1",
            candidates=tuple(
                Candidate(
                    agent_id=self._ids.new(), handle=handle, score=1 / rank, parts={"skills": 0.5}
                )
                for rank, handle in enumerate(handles, start=1)
            ),
            chosen=chosen,
            confidence=0.75 if chosen else 0.0,
            reason=reason,
            knowledge_position=self._log.last_position(),
        )

    def delegate(self, task: Task, to_agent: str) -> None:
        """Pass a task on."""
        delegation = Delegation(
            delegation_id=self._ids.new(),
            from_agent=task.holder,
            to_agent=to_agent,
            decision=self.decision(to_agent),
        )
        task.delegate(delegation, self._clock.now())
        self.record(task)

    def leave_unplaced(self, task: Task) -> None:
        """Find nobody for a task."""
        task.leave_unplaced(self.decision(None, "nobody fits"), self._clock.now())
        self.record(task)

    def start(self, task: Task) -> None:
        """Let the holder take up a task."""
        task.start(self._clock.now())
        self.record(task)

    def call_model(self, task: Task, effect_id: UUID | None = None) -> UUID:
        """Let the holder ask a model."""
        effect_id = effect_id or self._ids.new()
        task.call_model(effect_id, "execute", "offline", task.holder, self._clock.now())
        self.record(task)
        return effect_id

    def answer_model(
        self, task: Task, effect_id: UUID, cost_usd: Decimal | None = Decimal("0.0125")
    ) -> None:
        """Let the model answer: 100 tokens in, 20 out, 5 read from its cache, 250.5 ms."""
        usage = Usage(input_tokens=100, output_tokens=20, cache_read_tokens=5)
        answer = ModelAnswer(
            model="offline",
            text="...",
            stop_reason="end_turn",
            usage=usage,
            cost_usd=cost_usd,
            duration_ms=250.5,
        )
        task.answer_model(effect_id, answer, self._clock.now())
        self.record(task)

    def fail_model(self, task: Task, effect_id: UUID) -> None:
        """Let an attempt fail for good."""
        failure = Failure(kind=FailureKind.OVERLOADED, message="too busy")
        task.fail_model(effect_id, failure, self._clock.now(), final=True)
        self.record(task)

    def call_tool(self, task: Task) -> UUID:
        """Let the holder use a tool."""
        effect_id = self._ids.new()
        call = ToolCall(call_id="1", tool="query_table", arguments={"sql": "SELECT 1"})
        task.call_tool(effect_id, call, task.holder, self._clock.now())
        self.record(task)
        return effect_id

    def answer_tool(self, task: Task, effect_id: UUID) -> None:
        """Let the tool answer, in 40 ms."""
        answer = ToolAnswer(content={"rows": []}, duration_ms=40)
        task.answer_tool(effect_id, answer, self._clock.now())
        self.record(task)

    def complete(self, task: Task, summary: str = "Done.") -> None:
        """Complete a task."""
        task.complete(Result(summary=summary), self._clock.now())
        self.record(task)

    def fail(self, task: Task, message: str = "cannot be done") -> None:
        """Fail a task."""
        task.fail(Failure(kind=FailureKind.UNABLE, message=message), self._clock.now())
        self.record(task)

    def cancel(self, task: Task) -> None:
        """Stop a task."""
        task.cancel("the user said so", self._clock.now())
        self.record(task)

    def end(self, how: str = "complete", answer: str = "# Report\n\nAll is well.") -> None:
        """End the session: `complete`, `decline`, `fail` or `cancel`."""
        now = self._clock.now()
        artefacts: tuple[Artefact, ...] = ()
        match how:
            case "complete":
                self.session.complete(answer, artefacts, now)
            case "decline":
                self.session.decline(answer, now)
            case "fail":
                failure = Failure(kind=FailureKind.UNABLE, message="no luck")
                self.session.fail(failure, answer, artefacts, now)
            case _:
                self.session.cancel(answer, now)
        self.record(self.session)

    def record(self, *aggregates: Aggregate) -> Sequence[RecordedEvent]:
        """Append what is pending."""
        return self._log.append(
            [
                Entry(
                    event,
                    Envelope(
                        event_id=self._ids.new(),
                        actor=NOVA,
                        correlation_id=self.session_id,
                        session_id=self.session_id,
                    ),
                )
                for aggregate in aggregates
                for event in aggregate.collect_events()
            ]
        )

    def _create(
        self, task_id: UUID, parent_id: UUID | None, key: str, holder: str, department: str | None
    ) -> Task:
        assignment = Assignment(
            session_id=self.session_id,
            parent_id=parent_id,
            key=key,
            title=f"The {key}",
            instruction=f"Do the {key}.",
            department=department,
        )
        return Task.create(task_id, assignment, holder, self._clock.now())


def tell_plain_session(
    log: EventLog, ids: Ids, clock: SteppingClock, request: str = "Report on Q4"
) -> SessionTeller:
    """Tell a session with one task that FIN_007 completes with a model and a tool."""
    teller = SessionTeller(log, ids, clock, request)
    teller.delegate(teller.root, MASTERMIND)
    task = teller.create_task()
    for agent in (DIRECTOR, SPECIALIST):
        teller.delegate(task, agent)
    teller.start(task)
    teller.answer_model(task, teller.call_model(task))
    teller.answer_tool(task, teller.call_tool(task))
    teller.complete(task)
    teller.say(NOVA, "All is well with the quarter.")
    teller.complete(teller.root)
    teller.end()
    return teller
