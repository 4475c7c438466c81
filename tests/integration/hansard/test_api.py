"""The Python API on a real database, as a program uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hansard
from application.errors import BadRequestError, ConflictError, NotFoundError
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.task import TaskStatus


@pytest.fixture
def h(database_url: str, tmp_path: Path) -> Iterator[hansard.Hansard]:
    with hansard.open(database_url=database_url, output_root=tmp_path / "out") as opened:
        yield opened


def test_a_run_gives_the_session_as_it_is_shown_later(h: hansard.Hansard, tmp_path: Path) -> None:
    heard: list[RecordedEvent] = []

    view = h.run("What is 6 * 7?", on_event=heard.append)

    assert view.status is SessionStatus.COMPLETED
    assert "42" in view.answer
    assert h.session(view.session_id) == h.session(str(view.session_id)) == view
    assert h.session(hansard.LAST) == view
    assert [event.position for event in heard] == sorted({event.position for event in heard})
    assert heard[-1].position == view.position
    assert Path(view.output_folder) == tmp_path / "out" / str(view.session_id)


def test_a_default_folder_that_nothing_was_written_to_goes_again(
    h: hansard.Hansard, tmp_path: Path
) -> None:
    view = h.run("What is 6 * 7?")
    assert not Path(view.output_folder).exists()

    chosen = tmp_path / "chosen"
    h.run("What is 6 * 7?", output=chosen)
    assert chosen.is_dir()


def test_a_session_can_be_seen_at_every_event(h: hansard.Hansard) -> None:
    heard: list[RecordedEvent] = []
    session = h.run("What is 6 * 7?", on_event=heard.append).session_id

    for recorded in heard:
        view = h.session(session, at=recorded.position)
        assert view.position == recorded.position
        assert h.session(session, at=recorded.envelope.event_id) == view
    assert h.session(session, at=heard[-1].recorded_at) == h.session(session)
    with pytest.raises(NotFoundError, match="opened after position"):
        h.session(session, at=heard[0].position - 1)


def test_figures_lists_and_reasons_agree(h: hansard.Hansard) -> None:
    view = h.run("What is 6 * 7?")

    (summary,) = h.sessions(status=SessionStatus.COMPLETED).items
    decisions = h.audit(view.session_id).items
    task = view.tasks[-1]
    why = h.why(task.task_id)

    assert summary.session_id == view.session_id
    assert h.sessions(status=SessionStatus.FAILED).items == ()
    assert [item.decision_id for item in decisions if item.task_id == task.task_id] == [
        item.decision.decision_id for item in why.decisions
    ]
    assert why.task.status is TaskStatus.COMPLETED
    assert {item.agent for item in h.stats().items} >= {"NOVA_001", "MM_001", task.holder}
    assert h.agent(task.holder) in h.agents()


def test_errors_say_what_is_wrong(h: hansard.Hansard) -> None:
    view = h.run("What is 6 * 7?")

    with pytest.raises(BadRequestError, match="outcome 'lost' cannot be used"):
        h.audit(outcome="lost")
    with pytest.raises(BadRequestError, match="until '2026-01-01T00:00:00' cannot be used"):
        h.audit(until="2026-01-01T00:00:00")
    with pytest.raises(NotFoundError, match="No agent 'FIN_999' is known"):
        h.stats("FIN_999")
    with pytest.raises(ConflictError, match="has ended already: completed"):
        h.cancel(view.session_id, "Too late.")
    assert h.unfinished() == []


def test_many_threads_may_share_one_hansard(h: hansard.Hansard) -> None:
    with ThreadPoolExecutor(4) as threads:
        views = list(threads.map(lambda n: h.run(f"What is {n} * 10?"), range(11, 15)))

    assert [f"{n}0" in view.answer for n, view in zip(range(11, 15), views, strict=True)] == [
        True
    ] * 4
    assert len(h.sessions().items) == 4


def test_an_asynchronous_program_runs_several_sessions_at_once(
    database_url: str, tmp_path: Path
) -> None:
    async def work() -> list[str]:
        async with await hansard.open_async(
            database_url=database_url, output_root=tmp_path
        ) as opened:
            views = await asyncio.gather(
                opened.run("What is 6 * 7?"), opened.run("What is 100 / 8?")
            )
            return [view.answer for view in views]

    first, second = asyncio.run(work())

    assert "42" in first
    assert "12.5" in second


def test_a_cancelled_run_can_be_resumed(database_url: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with await hansard.open_async(
            database_url=database_url, output_root=tmp_path
        ) as opened:
            begun = asyncio.Event()
            running = asyncio.create_task(
                opened.run("What is 6 * 7?", on_event=lambda _: begun.set())
            )
            await begun.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            (session,) = await opened.unfinished()
            view = await opened.resume(session)
            assert view.status is SessionStatus.COMPLETED
            assert view.resumptions == 1

    asyncio.run(work())
