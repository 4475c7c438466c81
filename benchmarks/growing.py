"""Growing: long talks of ours and of the peer's, whose turns are taken side by side."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import NamedTuple
from uuid import UUID

from application.ports import EventLog
from benchmarks.peers.langgraph_saver import Saver
from benchmarks.talk_stage import THREAD, TalkStage
from benchmarks.talks import Exchange, Talk

STEP = 10
"""Turns that each takes before the next one has its turn."""

WINDOW = 20
"""Turns whose median is told: that many more of a long talk, and the first ones of a short one."""

OURS, COLD = "ours", "cold"
"""Our talks: held by a process manager, and read anew for each turn."""

Take = Callable[[Exchange], float]
"""Takes a turn, and tells how many milliseconds that took."""


class LongTalk(NamedTuple):
    """A talk of ours, beside those of the peer's modes.

    Attributes:
        middle: time between the halves of all of them, ISO 8601.
    """

    talk: Talk
    middle: str


class Cost(NamedTuple):
    """What turns took, by who took them.

    Attributes:
        late_ms: median milliseconds of a turn of a long talk.
        early_ms: of one around the tenth of a talk, taken at the same time.
    """

    late_ms: dict[str, float]
    early_ms: dict[str, float]

    def ratio(self, whose: str) -> float:
        """Tell how many times as much a late turn costs."""
        return self.late_ms[whose] / self.early_ms[whose]


async def take(talk: Talk, *exchanges: Exchange) -> float:
    """Take turns, and tell how many milliseconds the last one took."""
    started = perf_counter()
    for exchange in exchanges:
        started = perf_counter()
        await talk.take(exchange)
    return (perf_counter() - started) * 1000


def holding(talk: Talk) -> Take:
    """Take turns as the process manager, which holds the session's state."""
    return lambda exchange: asyncio.run(take(talk, exchange))


def taking_up(log: EventLog, session_id: UUID) -> Take:
    """Take turns as somebody who has to read the session first, each time."""

    def take_one(exchange: Exchange) -> float:
        started = perf_counter()
        asyncio.run(Talk.take_up(log, session_id).take(exchange))
        return (perf_counter() - started) * 1000

    return take_one


def asking(peer: Saver, thread: str) -> Take:
    """Let the peer take turns."""

    def take_one(exchange: Exchange) -> float:
        latencies: list[float] = peer.do("take", thread=thread, turns=[exchange])["latencies"]
        return latencies[0] * 1000

    return take_one


def grow(stage: TalkStage) -> LongTalk:
    """Take the turns of the long talks, a few of each in turns."""
    talk, middle = asyncio.run(Talk.open(stage.house.log)), ""
    for step in range(stage.turns // STEP):
        if 2 * step * STEP == stage.turns:
            middle = datetime.now(UTC).isoformat()
        exchanges = stage.some(STEP)
        asyncio.run(take(talk, *exchanges))
        for peer in stage.peers.values():
            peer.do("take", thread=THREAD, turns=exchanges)
    return LongTalk(talk, middle)


def compare(stage: TalkStage) -> Cost:
    """Let long talks go on beside short ones, turn by turn, so that both meet the same load."""
    log, (held, _), (read, _) = stage.spare.log, *stage.long_talks[:2]
    late = {OURS: holding(Talk.take_up(log, held)), COLD: taking_up(log, read)}
    late |= {mode: asking(peer, THREAD) for mode, peer in stage.peers.items()}
    late_ms: dict[str, list[float]] = {whose: [] for whose in late}
    early_ms: dict[str, list[float]] = {whose: [] for whose in late}
    for short in map(str, range(1 if stage.bench.quick else 3)):
        short_ones = [asyncio.run(Talk.open(log)) for _ in range(2)]
        early = {OURS: holding(short_ones[0]), COLD: taking_up(log, short_ones[1].session_id)}
        early |= {mode: asking(peer, short) for mode, peer in stage.spare_peers.items()}
        for number, exchange in enumerate(stage.some(WINDOW)):
            for whose, take_late in late.items():
                both = [(late_ms, take_late), (early_ms, early[whose])]
                for ms, take_one in both if number % 2 else both[::-1]:  # the first one is colder
                    ms[whose].append(take_one(exchange))
    return Cost(_medians(late_ms), _medians(early_ms))


def _medians(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(each) for name, each in values.items()}
