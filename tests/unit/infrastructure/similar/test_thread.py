"""The thread embeds what is new, waits for what is away, and lets nothing through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from application.errors import UnavailableError
from infrastructure.embedders.errors import EmbedderUnavailableError
from infrastructure.similar import thread as thread_module
from infrastructure.similar.thread import EmbeddingThread
from tests.support.processes import PATIENCE_S, eventually


class Worker:
    """Counts its rounds, and fails when it is told to."""

    def __init__(self) -> None:
        self.rounds = 0
        self.error: Exception | None = None
        self.closed = Event()

    def advance(self) -> bool:
        self.rounds += 1
        if self.error is not None:
            raise self.error
        return True

    def close(self) -> None:
        self.closed.set()


@contextmanager
def running(worker: Any) -> Iterator[EmbeddingThread]:
    thread = EmbeddingThread(worker)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_module, "FIRST_PAUSE_S", 0.001)


def test_whoever_waits_sees_a_round_that_began_after_the_question() -> None:
    worker = Worker()
    with running(worker) as thread:
        for _ in range(20):
            before = worker.rounds
            thread.await_round(PATIENCE_S)
            assert worker.rounds > before
    assert worker.closed.is_set()


@pytest.mark.parametrize(
    "error", [EmbedderUnavailableError("asleep"), UnavailableError("away"), ValueError("a bug")]
)
def test_whatever_fails_is_tried_again_and_disturbs_nobody(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker()
    worker.error = error
    with running(worker) as thread:
        eventually(lambda: worker.rounds > 2)
        thread.await_round(PATIENCE_S)  # returns, because there is nothing to wait for
        worker.error = None
        before = worker.rounds
        eventually(lambda: worker.rounds > before)
    assert str(error) in caplog.text


def test_an_embedder_may_ask_for_a_pause() -> None:
    worker = Worker()
    worker.error = EmbedderUnavailableError("busy", retry_after_s=10_000)
    with running(worker) as thread:
        eventually(lambda: worker.rounds == 1)
        thread.wake()
        thread.await_round(0.01)
    assert worker.rounds == 1


def test_stopping_ends_a_long_pause_at_once() -> None:
    worker = Worker()
    worker.error = EmbedderUnavailableError("busy", retry_after_s=10_000)
    with running(worker):
        eventually(lambda: worker.rounds == 1)
    assert worker.closed.is_set()
