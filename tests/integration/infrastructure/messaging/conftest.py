"""Fixtures of messaging on a real log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from functools import partial
from typing import Any

import pytest

from application.messaging.messaging import Messaging
from application.messaging.messenger import Messenger
from infrastructure.database import connect, open_pool, prepare_writer
from infrastructure.event_log.lease import PostgresSessionLease
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.event_log.writer import GroupWriter
from infrastructure.messaging.feed import LogMessageFeed
from infrastructure.system import SystemClock, Uuid7Factory
from tests.support.messaging import KnownRecipients

OpenMessaging = Callable[..., AbstractAsyncContextManager[Messaging]]


@asynccontextmanager
async def open_messaging(database_url: str, **choices: Any) -> AsyncIterator[Messaging]:
    """Open messaging with connections of its own, as another process would."""
    opened = partial(connect, database_url, autocommit=True, prepare=prepare_writer)
    ids = Uuid7Factory()
    with (
        open_pool(database_url, prepare=prepare_writer) as pool,
        closing(Wakeup(opened)) as wakeup,
        closing(GroupWriter(opened, wakeup.appended)) as writer,
        closing(PostgresSessionLease(opened)) as lease,
    ):
        recorder = PostgresEventRecorder(pool, writer, ids, wakeup=wakeup)
        log = PostgresEventLog(recorder, EventMapper())
        feed = LogMessageFeed(log, wakeup, **choices)
        messenger = Messenger(log, SystemClock(), ids, KnownRecipients(), feed, who="a test")
        await messenger.open()
        try:
            yield Messaging(messenger, lease)
        finally:
            await messenger.close()


@pytest.fixture
def opened(database_url: str) -> OpenMessaging:
    """Opens messaging on a fresh database; twice, for two processes."""
    return partial(open_messaging, database_url)
