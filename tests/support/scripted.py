"""Scripted: a model, tools, a clock, ids and a lease that do what a test says, and nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from application.briefs import (
    SUBMIT_INTENT,
    SUBMIT_PLAN,
    SUBMIT_RESULT,
    ExecuteBrief,
    ToolBrief,
)
from application.errors import ConflictError, EffectError
from application.ports import ModelRequest, ToolRequest
from domain.artefact import Artefact
from domain.effect import Failure, ModelAnswer, ToolAnswer, ToolCall, Usage
from domain.planning import Plan

Reply = ModelAnswer | Failure | Exception
"""What a model gives: an answer, a failure, or an error that nobody foresaw."""

Replies = Sequence[Reply | Sequence[Reply]]
"""One reply for each call, in order; a sequence stands for the attempts of one call."""

TOOLS = (
    "draw_chart",
    "evaluate_expression",
    "list_files",
    "profile_table",
    "query_table",
    "read_file",
    "read_shared_values",
    "search_past_conversations",
    "share_value",
    "write_document",
)
PATIENCE_S = 10.0
"""How long a test waits for what must happen at once before it fails."""


def answer(*calls: ToolCall, text: str = "") -> ModelAnswer:
    """Answer with text and tool calls; 10 tokens in, 2 out, a tenth of a cent."""
    return ModelAnswer(
        model="scripted-1",
        text=text,
        tool_calls=calls,
        stop_reason="tool_use" if calls else "end_turn",
        usage=Usage(input_tokens=10, output_tokens=2),
        cost_usd=Decimal("0.001"),
        duration_ms=1.5,
    )


def call(tool: str, call_id: str = "c1", **arguments: JsonValue) -> ToolCall:
    """Wish to use a tool."""
    return ToolCall(call_id=call_id, tool=tool, arguments=arguments)


def use(tool: str, **arguments: JsonValue) -> ModelAnswer:
    """Answer with the wish to use one tool."""
    return answer(ToolCall(call_id="c1", tool=tool, arguments=arguments))


def intend(goal: str, **more: JsonValue) -> ModelAnswer:
    """Answer with an intent."""
    arguments: dict[str, JsonValue] = {"goal": goal, "language": "en", **more}
    return answer(ToolCall(call_id="c1", tool=SUBMIT_INTENT, arguments=arguments))


def propose(plan: Plan) -> ModelAnswer:
    """Answer with a plan, valid or not."""
    arguments = plan.model_dump(mode="json")
    return answer(ToolCall(call_id="c1", tool=SUBMIT_PLAN, arguments=arguments))


def submit(summary: str, *, done: bool = True, **data: JsonValue) -> ModelAnswer:
    """Answer with a result."""
    return answer(call(SUBMIT_RESULT, done=done, summary=summary, data=data))


class ScriptedModel:
    """Answers by script; the same call always gets the same answer, also after a crash.

    Args:
        script: replies by purpose (`interpret`, `decompose`, `present`) or, for the work on a task
            of the plan, by the task's key; the last one is repeated.
        together: tasks whose first calls wait for each other, which proves that they are in flight
            at the same time.

    Attributes:
        requests: all calls, in order.
        when_asked: what to do when a call for a purpose, or for a task by its key, is in flight.
        pause_s: how long a call for a purpose, or for a task by its key, takes.
    """

    def __init__(self, script: Mapping[str, Replies], together: Collection[str] = ()) -> None:
        self.script = script
        self.when_asked: dict[str, Callable[[], object]] = {}
        self.pause_s: dict[str, float] = {}
        self.requests: list[ModelRequest] = []
        self._attempts: Counter[UUID] = Counter()
        self._together = set(together)
        self._met = asyncio.Barrier(len(together)) if together else None

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call; see the port."""
        self.requests.append(request)
        attempt = self._attempts[request.effect_id]
        self._attempts[request.effect_id] += 1
        key = _key(request)
        number = sum(1 for step in request.brief.steps if step.purpose)
        self.when_asked.get(key, lambda: None)()
        if self._met is not None and key in self._together and number == 0:
            async with asyncio.timeout(PATIENCE_S):
                await self._met.wait()
        await asyncio.sleep(self.pause_s.get(key, 0))
        replies = self.script[key]
        reply = replies[min(number, len(replies) - 1)]
        if isinstance(reply, Sequence):
            reply = reply[min(attempt, len(reply) - 1)]
        if isinstance(reply, Failure):
            raise EffectError(reply)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def asked(self, key: str) -> list[ModelRequest]:
        """List the calls for a purpose, or for a task of the plan by its key."""
        return [request for request in self.requests if _key(request) == key]


def _key(request: ModelRequest) -> str:
    brief = request.brief
    return brief.task.key if isinstance(brief, ExecuteBrief) else brief.purpose


class ScriptedToolbox:
    """Tools that answer with what they were asked; charts and documents leave a file.

    Args:
        replies: what a tool gives instead.

    Attributes:
        requests: all uses, in order.
    """

    def __init__(self, replies: Mapping[str, ToolAnswer | Failure] | None = None) -> None:
        self.requests: list[ToolRequest] = []
        self._replies = replies or {}

    @property
    def names(self) -> frozenset[str]:
        """Names of all tools."""
        return frozenset(TOOLS)

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe tools; see the port."""
        return tuple(
            ToolBrief(name=name, description=f"The tool {name}.", parameters={"type": "object"})
            for name in sorted(names)
        )

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use a tool; see the port."""
        self.requests.append(request)
        await asyncio.sleep(0)
        tool = request.call.tool
        reply = self._replies.get(tool)
        if isinstance(reply, Failure):
            raise EffectError(reply)
        if reply is not None:
            return reply
        return ToolAnswer(content=dict(request.call.arguments), artefacts=_artefacts(tool))


def _artefacts(tool: str) -> tuple[Artefact, ...]:
    files = {"draw_chart": ("chart.svg", "image/svg+xml"), "write_document": ("report.md", "text")}
    if tool not in files:
        return ()
    path, media_type = files[tool]
    return (Artefact(path=path, media_type=media_type, title=tool, sha256="0" * 64, size=7),)


class SteadyClock:
    """A clock that goes on by one millisecond whenever somebody looks."""

    def __init__(self) -> None:
        self._now = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """Tell the time."""
        self._now += timedelta(milliseconds=1)
        return self._now


class CountingIds:
    """Ids that count up, in the shape of UUIDv7."""

    def __init__(self, start: int = 1) -> None:
        self._numbers = count(start)

    def new(self) -> UUID:
        """Make a new id."""
        return UUID(f"01999999-0000-7000-8000-{next(self._numbers):012x}")


class InMemoryLease:
    """Leases within one process."""

    def __init__(self) -> None:
        self._held: dict[UUID, Callable[[str], None] | None] = {}

    @contextmanager
    def hold(
        self, session_id: UUID, on_stop: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Hold a session while the context lasts; see the port."""
        if session_id in self._held:
            raise ConflictError(f"Another process runs session {str(session_id)!r}.")
        self._held[session_id] = on_stop
        try:
            yield
        finally:
            del self._held[session_id]

    @asynccontextmanager
    async def hold_async(
        self, session_id: UUID, on_stop: Callable[[str], None] | None = None
    ) -> AsyncIterator[None]:
        """Hold a session while the context lasts; see the port."""
        with self.hold(session_id, on_stop):
            yield

    def request_stop_of_all(self) -> None:
        """Ask every holder to stop; see the port."""
        for on_stop in [*self._held.values()]:
            if on_stop is not None:
                on_stop("a test")

    def request_stop(self, session_id: UUID, timeout_s: float) -> None:
        """Ask a holder to stop, and wait; see the port."""
        deadline = monotonic() + timeout_s
        while session_id in self._held:
            on_stop = self._held[session_id]
            if on_stop is not None:
                on_stop("a test")
            if monotonic() > deadline:
                raise ConflictError(f"Session {str(session_id)!r} is still held.")
            sleep(0.001)


class Crash(BaseException):
    """The process is gone."""


class CrashingLog:
    """A log whose process dies around one append.

    Args:
        log: the log behind it.
        fuse: number of the append that is the last.
        recorded: whether that append still goes through.
    """

    def __init__(self, log: Any, fuse: int, *, recorded: bool) -> None:
        self._log = log
        self._fuse = fuse
        self._recorded = recorded

    def append(self, entries: Sequence[Any]) -> Any:
        """Append, or die."""
        self._fuse -= 1
        if self._fuse > 0:
            return self._log.append(entries)
        if self._recorded:
            self._log.append(entries)
        raise Crash

    async def append_async(self, entries: Sequence[Any], fence: Any = None) -> Any:
        """Append in another thread, or die there."""
        del fence
        return await asyncio.to_thread(self.append, entries)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
