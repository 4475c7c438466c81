"""Stopping: a session ends when that is requested, in one clear error, and can go on later."""

from __future__ import annotations

import asyncio
from threading import Thread
from uuid import UUID

import pytest

from application.errors import ConflictError, SessionStoppedError
from application.stopping import StopRequest
from domain.session import SessionStatus
from tests.support.office import Office, charter, office

SESSION = UUID("01999999-0000-7000-8000-000000000001")
NEVER_S = 3600.0


def stopped_run(it: Office, key: str) -> tuple[UUID, SessionStoppedError]:
    """Run a session and ask it to stop from another thread while its model is asked."""
    session_id = it.ids.new()
    asking: list[Thread] = []

    def ask() -> None:
        asking.append(Thread(target=it.lease.request_stop, args=(session_id, 60.0)))
        asking[0].start()

    async def run() -> None:
        it.model.when_asked[key] = ask
        await it.sessions.run(charter(), it.heard.append, session_id=session_id)

    it.model.pause_s[key] = NEVER_S
    with pytest.raises(SessionStoppedError) as stopped:
        asyncio.run(run())
    asking[0].join()
    it.model.when_asked.clear()
    it.model.pause_s.clear()
    return session_id, stopped.value


def test_a_run_that_is_asked_to_stop_ends_in_an_error_that_says_so() -> None:
    session_id, error = stopped_run(office(), "charts")

    assert isinstance(error, ConflictError)
    assert (error.session_id, error.by) == (session_id, "a test")
    assert str(error) == (
        f"Session '{session_id}' was stopped by request of a test: unless it was cancelled,"
        f" `hansard resume {session_id}` goes on."
    )


def test_what_was_begun_stays_pending_and_is_finished_by_resume() -> None:
    it = office()
    session_id, _ = stopped_run(it, "extract")
    left = it.sessions.fold(session_id)
    assert left.session.status is SessionStatus.RUNNING
    [pending] = [effect for task in left.tasks for effect in task.pending]

    fold = it.resume(session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    first, again, *_ = it.model.asked("extract")
    assert first.effect_id == again.effect_id == pending


def test_a_stopped_session_can_be_cancelled_at_once() -> None:
    it = office()
    session_id, _ = stopped_run(it, "charts")

    fold = asyncio.run(it.sessions.cancel(session_id, "No.", it.heard.append))

    assert fold.session.status is SessionStatus.CANCELLED


def test_stopping_a_session_that_nobody_runs_returns_at_once() -> None:
    asyncio.run(office().sessions.stop(SESSION))


def test_a_resumed_session_can_be_stopped_as_well() -> None:
    it = office()
    session_id = it.interrupt("extract")

    async def resume() -> None:
        await asyncio.gather(
            it.sessions.resume(session_id, it.heard.append), it.sessions.stop(session_id)
        )

    it.model.pause_s["extract"] = NEVER_S
    with pytest.raises(SessionStoppedError):
        asyncio.run(resume())


def test_a_request_that_comes_before_the_context_counts_when_it_begins() -> None:
    async def run() -> None:
        stop = StopRequest(SESSION)
        stop.request("x")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with stop:
            await asyncio.sleep(NEVER_S)

    with pytest.raises(SessionStoppedError):
        asyncio.run(run())


def test_a_request_that_comes_after_the_context_is_let_pass() -> None:
    async def run() -> str:
        stop = StopRequest(SESSION)
        with stop:
            await asyncio.sleep(0)
        stop.request("x")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "done"

    assert asyncio.run(run()) == "done"


def test_a_request_after_the_loop_has_closed_is_let_pass() -> None:
    async def make() -> StopRequest:
        return StopRequest(SESSION)

    asyncio.run(make()).request("x")


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def run(*, with_request: bool) -> None:
        task = asyncio.current_task()
        assert task is not None
        stop = StopRequest(SESSION)
        with stop:
            if with_request:
                stop.request("x")
            asyncio.get_running_loop().call_soon(task.cancel)
            await asyncio.sleep(NEVER_S)

    for with_request in (False, True):
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(run(with_request=with_request))


def test_an_error_of_the_work_itself_is_not_hidden_by_a_request() -> None:
    async def run() -> None:
        stop = StopRequest(SESSION)
        with stop:
            stop.request("x")
            try:
                await asyncio.sleep(NEVER_S)
            finally:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
