"""B23: what keeps failing is left alone for a while, and the log tells of it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from application.effects.breakers import Breakers
from application.effects.guarded import GuardedModel, GuardedToolbox
from application.errors import ConflictError, EffectError, UnavailableError
from application.ports import ModelRequest, ToolRequest
from domain.breaker import Breaker, BreakerRules, BreakerState, Guarded
from domain.effect import EffectKind, Failure, FailureKind, ModelAnswer
from domain.event import SYSTEM
from domain.policy import Policy
from domain.recovery import RecoveryRules
from domain.session import SessionStatus
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import office
from tests.support.replaying import verified
from tests.support.scripted import CountingIds, ScriptedModel, ScriptedToolbox, answer, call

CLAUDE = Guarded(kind=EffectKind.MODEL, name="claude")
BUSY = Failure(kind=FailureKind.OVERLOADED, message="Busy.")
RULES = BreakerRules(failures=2, cooldown_s=10.0)


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 10, 3, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class Line:
    """A model that fails while `failure` is set; `held` makes calls wait."""

    def __init__(self) -> None:
        self.failure: Failure | Exception | None = BUSY
        self.held: asyncio.Event | None = None
        self.calls = 0

    async def answer(self, request: ModelRequest) -> Any:
        del request
        self.calls += 1
        if self.held is not None:
            await self.held.wait()
        if isinstance(self.failure, Failure):
            raise EffectError(self.failure)
        if self.failure is not None:
            raise self.failure
        return answer(text="Yes.")


class Stand:
    """A guarded model with all that belongs to it."""

    def __init__(self, log: Any = None) -> None:
        self.log = log or InMemoryEventLog()
        self.clock, self.line = HandClock(), Line()
        self.breakers = Breakers(self.log, self.clock, CountingIds(), "here:1:a", RULES)
        self.model = GuardedModel(self.line, self.breakers)

    async def ask(self) -> str:
        try:
            return (await self.model.answer(request_to("claude"))).text
        except EffectError as error:
            return f"{error.failure.kind.value} {error.failure.retry_after_s}"

    def told(self) -> list[str]:
        return [recorded.type for recorded in self.log.read()]


def request_to(model: str) -> ModelRequest:
    return cast("ModelRequest", type("Request", (), {"model": model}))


def use_of(tool: str) -> ToolRequest:
    return cast("ToolRequest", type("Request", (), {"call": call(tool)}))


def test_an_open_breaker_answers_for_the_model_until_a_call_that_tries_succeeds() -> None:
    it = Stand()

    async def story() -> list[str]:
        said = [await it.ask() for _ in range(3)]
        it.line.failure = None
        it.clock.time += timedelta(seconds=4)
        said.append(await it.ask())
        it.clock.time += timedelta(seconds=6)
        return [*said, await it.ask(), await it.ask()]

    assert asyncio.run(story()) == [
        *("overloaded None", "overloaded None", "overloaded 10.0", "overloaded 6.0"),
        *("Yes.", "Yes."),
    ]
    assert it.line.calls == 4
    assert it.told() == [
        *("breaker.installed", "breaker.opened", "breaker.half_opened", "breaker.closed"),
    ]
    opened: Any = it.log.events[1]
    assert (opened.event.failures, opened.event.cause) == (2, FailureKind.OVERLOADED)
    assert opened.envelope.actor == SYSTEM
    assert {recorded.event.originator_id for recorded in it.log.events} == {CLAUDE.stream}


def test_each_model_has_a_breaker_of_its_own() -> None:
    it = Stand()

    async def story() -> str:
        await it.ask()
        await it.ask()
        it.line.failure = None
        return (await it.model.answer(request_to("other"))).text

    assert asyncio.run(story()) == "Yes."
    assert it.breakers.states[CLAUDE] is BreakerState.OPEN


def test_a_failure_that_nobody_foresaw_counts_and_goes_through() -> None:
    it = Stand()
    it.line.failure = RuntimeError("broken")

    async def story() -> None:
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await it.model.answer(request_to("claude"))

    asyncio.run(story())
    assert it.breakers.states[CLAUDE] is BreakerState.OPEN


def test_a_call_that_tries_and_is_cancelled_leaves_the_next_one_free() -> None:
    it = Stand()

    async def story() -> str:
        await it.ask()
        await it.ask()
        it.clock.time += timedelta(seconds=10)
        it.line.held = asyncio.Event()
        trying = asyncio.ensure_future(it.ask())
        while it.line.calls < 3:
            await asyncio.sleep(0)
            await asyncio.to_thread(lambda: None)
        assert await it.ask() == "overloaded None"
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)
        it.line.held, it.line.failure = None, None
        return await it.ask()

    assert asyncio.run(story()) == "Yes."


def test_processes_share_the_stream_and_know_only_what_they_saw() -> None:
    it = Stand()
    other = Stand(it.log)
    other.breakers = Breakers(it.log, other.clock, CountingIds(start=10_000), "there:2:b", RULES)
    other.model = GuardedModel(other.line, other.breakers)

    async def story() -> None:
        for each in (it, other, it, other):
            await each.ask()

    asyncio.run(story())
    breaker = it.log.load(Breaker, CLAUDE.stream)
    assert breaker.states == {"here:1:a": BreakerState.OPEN, "there:2:b": BreakerState.OPEN}
    assert it.told() == ["breaker.installed", "breaker.opened", "breaker.opened"]


class FailingLog(InMemoryEventLog):
    """A log that gives an error for some appends."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)
        self.before_append = self._fail

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


def test_a_change_is_recorded_anew_when_another_process_was_faster() -> None:
    it = Stand(FailingLog(ConflictError("Moved on."), ConflictError("Moved on.")))

    asyncio.run(_fail_twice(it))

    assert it.told() == ["breaker.installed", "breaker.opened"]


def test_a_change_that_cannot_be_recorded_is_logged_and_recorded_with_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    it = Stand(FailingLog(UnavailableError("Gone.")))

    async def story() -> None:
        await _fail_twice(it)
        assert it.told() == []
        it.clock.time += timedelta(seconds=10)
        it.line.failure = None
        await it.ask()

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert "breaker of claude" in caplog.text
    assert it.told()[1:] == ["breaker.opened", "breaker.half_opened", "breaker.closed"]


async def _fail_twice(it: Stand) -> None:
    for _ in range(2):
        await it.ask()


def test_a_tool_is_left_alone_too_but_not_one_that_refuses_its_arguments() -> None:
    late = Failure(kind=FailureKind.TIMED_OUT, message="Late.")
    wrong = Failure(kind=FailureKind.BAD_INPUT, message="Wrong.")
    inner = ScriptedToolbox({"query_table": late, "draw_chart": wrong})
    it = Stand()
    toolbox = GuardedToolbox(inner, it.breakers)

    async def story() -> list[FailureKind]:
        said = []
        for tool in ("query_table", "draw_chart", "no_tool") * 3:
            try:
                await toolbox.use(use_of(tool))
            except EffectError as error:
                said.append(error.failure.kind)
        return said

    assert asyncio.run(story()) == [
        *(FailureKind.TIMED_OUT, FailureKind.BAD_INPUT) * 2,
        *(FailureKind.OVERLOADED, FailureKind.BAD_INPUT),
    ]
    assert {each.name for each in it.breakers.states} == {"query_table", "draw_chart"}
    assert toolbox.names == inner.names
    assert [brief.name for brief in toolbox.briefs(["draw_chart"])] == ["draw_chart"]


class Unreachable(ScriptedModel):
    """A scripted provider of which one model cannot be reached."""

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        if request.model == "medium":
            self.requests.append(request)
            raise EffectError(Failure(kind=FailureKind.UNREACHABLE, message="Gone."))
        return await super().answer(request)


def test_the_recovery_ladder_goes_on_where_a_breaker_is_open() -> None:
    it = office()
    provider = Unreachable(it.model.script)
    rules = BreakerRules(failures=3, cooldown_s=1_000.0)
    breakers = Breakers(it.log, it.clock, CountingIds(start=10**6), "here:1:a", rules)
    it.model = cast("ScriptedModel", GuardedModel(provider, breakers))
    ladder = RecoveryRules(other_models={"medium": ("large",)})
    policy = Policy(version="2", retry_wait_s=0.0, recovery=ladder)

    folds = [it.run(policy), it.run(policy)]

    assert {fold.session.status for fold in folds} == {SessionStatus.COMPLETED}
    medium = Guarded(kind=EffectKind.MODEL, name="medium")
    assert breakers.states[medium] is BreakerState.OPEN
    assert sum(request.model == "medium" for request in provider.requests) == 3
    for fold in folds:
        assert verified(it.log, fold.session_id).differences == ()
