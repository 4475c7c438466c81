"""Messages through the durable log: how long from the call that sends to the one that received.

Run with `python -m benchmarks.messages [--quick] [--json]`. Messages are sent one by one on a fixed
schedule, whatever became of those before; a hundred agents receive, each one message after the
other. Latency begins when a message is due to be sent, so that waiting counts (no coordinated
omission), and ends when its receiver has it; its sending and its delivery are recorded by then.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from application.messaging.messaging import Messaging
from application.messaging.messenger import Messenger
from benchmarks.event_log import Bench
from benchmarks.figures import Figures, figure, main
from domain.message import DeadReason, Message, MessageType
from infrastructure.database import EmbeddedServer, connect, open_pool
from infrastructure.event_log.lease import PostgresSessionLease
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.event_log.writer import GroupWriter
from infrastructure.messaging.feed import LogMessageFeed
from infrastructure.system import SystemClock, Uuid7Factory

RATE_PER_S = 1_000
AGENTS = tuple(f"AGENT_{number}" for number in range(100))
MOST_MS = 20.0
IDS = Uuid7Factory()
CONVERSATION = UUID(int=1)
TEXT = "x" * 200


class Anybody:
    """Lets everybody receive; who may is looked up in memory in the product, too."""

    async def refusal(self, _handle: str) -> DeadReason | None:
        """Refuse nobody."""
        return None


@asynccontextmanager
async def open_messaging(conninfo: str, who: str) -> AsyncIterator[Messaging]:
    """Open messaging with connections of its own, as a process does."""
    opened = partial(connect, conninfo, autocommit=True)
    with (
        open_pool(conninfo) as pool,
        closing(Wakeup(opened)) as wakeup,
        closing(GroupWriter(opened, wakeup.appended)) as writer,
        closing(PostgresSessionLease(opened)) as lease,
    ):
        recorder = PostgresEventRecorder(pool, writer, IDS, wakeup=wakeup)
        log = PostgresEventLog(recorder, EventMapper())
        feed = LogMessageFeed(log, wakeup)
        messenger = Messenger(log, SystemClock(), IDS, Anybody(), feed, who=who)
        await messenger.open()
        try:
            yield Messaging(messenger, lease)
        finally:
            await messenger.close()


def a_message(number: int, **fields: Any) -> Message:
    """Make a message to one of the agents."""
    return Message(
        message_id=IDS.new(),
        conversation_id=CONVERSATION,
        from_agent="NOVA",
        to_agent=AGENTS[number % len(AGENTS)],
        content={"text": TEXT},
        sent_at=datetime.now(UTC),
        time_to_live_s=60.0,
        **fields,
    )


async def send_on_schedule(
    sender: Messaging, receiver: Messaging, seconds: float, per_s: int = RATE_PER_S
) -> list[float]:
    """Send at a fixed rate and receive; give the milliseconds that each message took."""
    due: dict[UUID, float] = {}
    took_ms: list[float] = []
    count = int(seconds * per_s)

    async def receive(agent: str) -> None:
        while True:
            message = await receiver.messenger.receive(agent)
            assert message is not None
            took_ms.append((perf_counter() - due.pop(message.message_id)) * 1000)

    receiving = [asyncio.ensure_future(receive(agent)) for agent in AGENTS]
    sending: set[asyncio.Task[Any]] = set()
    gc.collect()
    gc.freeze()
    begun = perf_counter()
    for number in range(count):
        at = begun + number / per_s
        ahead_s = at - perf_counter()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        message = a_message(number)
        due[message.message_id] = at
        task = asyncio.ensure_future(sender.messenger.send(message))
        sending.add(task)
        task.add_done_callback(sending.discard)
    while due:  # noqa: ASYNC110 - nobody tells when the last arrived
        await asyncio.sleep(0.001)
    for each in receiving:
        each.cancel()
    await asyncio.gather(*receiving, *sending, return_exceptions=True)
    return took_ms


async def measure_within(conninfo: str, seconds: float) -> list[float]:
    """Send and receive in one process."""
    async with open_messaging(conninfo, "one") as one:
        await send_on_schedule(one, one, 1.0)
        return await send_on_schedule(one, one, seconds)


async def measure_across(conninfo: str, seconds: float) -> list[float]:
    """Send with one messenger and receive with another, which learns of messages from the log."""
    async with open_messaging(conninfo, "one") as one, open_messaging(conninfo, "other") as other:
        await send_on_schedule(one, other, 1.0, RATE_PER_S // 4)
        return await send_on_schedule(one, other, seconds, RATE_PER_S // 4)


async def measure_requests(conninfo: str, count: int) -> list[float]:
    """Ask and be answered, one request after the other; milliseconds of each."""
    async with open_messaging(conninfo, "one") as one:

        async def answer() -> None:
            while True:
                request = await one.messenger.receive(AGENTS[0])
                assert request is not None
                await one.requests.reply(request, {"text": TEXT})

        answering = asyncio.ensure_future(answer())
        took_ms = []
        for _ in range(count):
            started = perf_counter()
            await one.requests.request(a_message(0, type=MessageType.QUERY))
            took_ms.append((perf_counter() - started) * 1000)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        return took_ms


async def measure_throughput(conninfo: str, count: int) -> float:
    """Send in batches of 100 and receive as fast as it goes; messages a second."""
    async with open_messaging(conninfo, "one") as one:
        left = count

        async def receive(agent: str) -> None:
            nonlocal left
            while left > 0 and await one.messenger.receive(agent, timeout_s=0.5) is not None:
                left -= 1

        receiving = [asyncio.ensure_future(receive(agent)) for agent in AGENTS]
        started = perf_counter()
        for first in range(0, count, 100):
            await one.messenger.send_many([a_message(first + n) for n in range(100)])
        while left > 0:  # noqa: ASYNC110 - nobody tells when the last was taken
            await asyncio.sleep(0.001)
        took_s = perf_counter() - started
        await asyncio.gather(*receiving)
        return count / took_s


def percentile(values: list[float], part: int) -> float:
    """Give a percentile."""
    return statistics.quantiles(values, n=100)[part - 1]


def figures_of(conninfo: str, *, quick: bool) -> Figures:
    """Measure everything in one database."""
    seconds = 3.0 if quick else 20.0
    within = asyncio.run(measure_within(conninfo, seconds))
    across = asyncio.run(measure_across(conninfo, seconds))
    requests = asyncio.run(measure_requests(conninfo, 200 if quick else 2_000))
    per_s = asyncio.run(measure_throughput(conninfo, 2_000 if quick else 20_000))
    name = f"message latency p99 at {RATE_PER_S:,}/s (ms)"
    return {
        name: figure(percentile(within, 99), at_most=MOST_MS),
        name.replace("p99", "p50"): figure(percentile(within, 50)),
        f"message latency p99 between processes at {RATE_PER_S // 4}/s (ms)": figure(
            percentile(across, 99), at_most=100.0
        ),
        f"message latency p50 between processes at {RATE_PER_S // 4}/s (ms)": figure(
            percentile(across, 50)
        ),
        "request and reply p50 (ms)": figure(percentile(requests, 50)),
        "request and reply p99 (ms)": figure(percentile(requests, 99)),
        "messages sent and delivered/s": figure(per_s),
    }


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure on an embedded server."""
    with ExitStack() as closing_:
        folder = Path(closing_.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = closing_.enter_context(EmbeddedServer(folder / "postgres").joined())
        bench = Bench(server, closing_, quick=quick)
        return figures_of(bench.database("messages"), quick=quick)


if __name__ == "__main__":
    main(measure, __doc__)
