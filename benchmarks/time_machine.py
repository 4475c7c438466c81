"""The time machine beside LangGraph's PostgresSaver, on one server.

Run with `python -m benchmarks.time_machine [--quick] [--json]` after `make bench-setup`. A turn is
what the user says and what is answered, of 200 characters each.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from benchmarks.asking import Answers, ask
from benchmarks.event_log import Bench
from benchmarks.figures import Figures, figure, main
from benchmarks.growing import COLD, OURS, LongTalk, compare, grow, take
from benchmarks.main_job import LEDGER, REQUEST
from benchmarks.peers.langgraph_saver import DEFAULT, DELTA, langgraph_saver
from benchmarks.talk_stage import MODES, THREAD, TalkStage, read_bytes
from benchmarks.talks import Exchange, Talk
from benchmarks.writers import write_at_once
from domain.session import SessionStatus
from hansard.api.asynchronous import AsyncHansard
from infrastructure.database import EmbeddedServer

if TYPE_CHECKING:
    from hansard.bootstrap import House

SESSIONS, SESSION_TURNS = 100, 20
WRITERS = 8
MESSAGES = 2 * (1 + WRITERS)
"""Of a session in which a turn was taken before each writer takes one."""

MEGABYTE, KILOBYTE = 1_000_000, 1_000
MOST_MEGABYTES = 2
FORKS = 25


def measure_growth(stage: TalkStage) -> tuple[LongTalk, Figures]:
    """What a turn costs late in a talk, and how many bytes the talk is."""
    _ = stage.long_talks  # made before the others, whose bytes are told
    before = stage.log_bytes()
    grown = grow(stage)
    ours = (stage.log_bytes() - before) / MEGABYTE
    theirs = {mode: stage.peer_bytes(mode) / MEGABYTE for mode in MODES}
    cost = compare(stage)
    last, late = stage.turns, cost.late_ms
    figures = {
        f"turn {last} : turn 10": figure(cost.ratio(OURS), at_most=1.2),
        f"turn {last} : turn 10, session read anew": figure(cost.ratio(COLD)),
        f"turn {last} (ms)": figure(late[OURS]),
        f"turn {last}, session read anew (ms)": figure(late[COLD]),
        f"MB of {last} turns": figure(ours, at_most=MOST_MEGABYTES),
    }
    for mode in MODES:
        figures |= {
            f"turn {last} : turn 10 : {mode}": figure(cost.ratio(OURS), peer=cost.ratio(mode)),
            f"turn {last} (ms) : {mode}": figure(late[OURS], peer=late[mode], at_most=0.1),
            f"turn {last}, session read anew (ms) : {mode}": figure(late[COLD], peer=late[mode]),
            f"MB of {last} turns : {mode}": figure(ours, peer=theirs[mode]),
        }
    return grown, figures


def measure_read_models(stage: TalkStage) -> Figures:
    """How many bytes a long talk adds to the read models, with vectors for similar queries."""
    conninfo, house = stage.open("read")
    catch_up(house)
    before = read_bytes(conninfo)
    asyncio.run(stage.hold(house.log))
    catch_up(house)
    megabytes = (read_bytes(conninfo) - before) / MEGABYTE
    return {f"MB of {stage.turns} turns in read models": figure(megabytes)}


def catch_up(house: House) -> None:
    """Bring the read models and the vectors up to date."""
    house.catch_up()
    assert house.similar.worker.advance(), "nobody else keeps the vectors"


class Asked(NamedTuple):
    """What fresh processes were told.

    Attributes:
        then: of our long talks at the time between their halves.
        now: of our long talks.
        theirs_ms: the peer's answers, in milliseconds, by mode and question.
    """

    then: list[Answers]
    now: list[Answers]
    theirs_ms: dict[str, list[float]]


def ask_in_turns(stage: TalkStage, grown: LongTalk) -> Asked:
    """Let fresh processes of ours and of the peer ask for long talks as they were and are."""
    warm = str(asyncio.run(Talk.open(stage.spare.log)).session_id)
    asked = Asked([], [], {})
    for _ in range(1 if stage.bench.quick else 3):
        spare, home = stage.spare_conninfo, stage.folder / "spare"
        then = ask(spare, home, warm, [(str(one), at) for one, at in stage.long_talks])
        assert set(then.turns) == {stage.turns // 2 * 2 + 1}, then
        asked.then.append(then)
        asked.now.append(ask(spare, home, warm, [(str(one), None) for one, _ in stage.long_talks]))
        for mode in MODES:
            with langgraph_saver(stage.databases[mode], mode) as peer:
                past = peer.do("at_by_id", thread=THREAD, moment=grown.middle, rounds=5)
                now = peer.do("latest", thread=THREAD, rounds=5)
            assert past["messages"] == stage.turns // 2 * 2, past
            for question, answer in (("by id", past), ("latest", now)):
                ms = asked.theirs_ms.setdefault(f"{mode}, {question}", [])
                ms += [s * 1000 for s in answer["latencies"]]
    return asked


def measure_asking(stage: TalkStage, grown: LongTalk) -> Figures:
    """How long it takes to tell the state at a past moment and now, and how much memory."""
    asked = ask_in_turns(stage, grown)
    past_ms = statistics.median(ms for answers in asked.then for ms in answers.first_ms)
    latest_ms = statistics.median(ms for answers in asked.now for ms in answers.first_ms)
    again_ms = statistics.median(ms for answers in asked.now for ms in answers.again_ms)
    memory = max(answers.peak_kb for answers in asked.then) * 1024 / MEGABYTE
    theirs_ms = {name: statistics.median(values) for name, values in asked.theirs_ms.items()}
    past = f"state at the time of turn {stage.turns // 2}"
    return {
        f"{past} (ms)": figure(past_ms, at_most=10),
        f"{past} (MB more memory)": figure(memory, at_most=20),
        "latest state (ms)": figure(latest_ms, at_most=5),
        "latest state, asked again (ms)": figure(again_ms),
        **{
            f"{past} (ms) : {mode}, by id": figure(past_ms, peer=theirs_ms[f"{mode}, by id"])
            for mode in MODES
        },
        **{
            f"latest state (ms) : {mode}": figure(latest_ms, peer=theirs_ms[f"{mode}, latest"])
            for mode in MODES
        },
        **measure_history(stage, grown, past_ms, memory),
    }


def measure_history(stage: TalkStage, grown: LongTalk, past_ms: float, memory: float) -> Figures:
    """What the peer's call for the past takes, once, in a fresh process: of 1,000 turns 8 GB."""
    half = stage.turns // 2
    figures: Figures = {}
    for mode in MODES:
        with langgraph_saver(stage.databases[mode], mode) as peer:
            found = peer.do("at_by_history", thread=THREAD, moment=grown.middle, rounds=1)
        assert found["messages"] == 2 * half, found
        took, peak = found["latencies"][0] * 1000, found["peak_kb"] * 1024 / MEGABYTE
        name = f"state at the time of turn {half}"
        figures |= {
            f"{name} (ms) : {mode}, by history": figure(past_ms, peer=took),
            f"{name} (MB more memory) : {mode}, by history": figure(memory, peer=peak),
        }
    return figures


async def fork(house: House, session_id: UUID, at: str, output: Path, first: Exchange) -> float:
    """Fork a session through the Python API, take the fork up, and take its first turn.

    Returns:
        Milliseconds it took.
    """
    api = AsyncHansard(house)
    started = perf_counter()
    made = await api.fork(session_id, at, reason="to be measured", output=output)
    assert made.session_id is not None
    fold = await asyncio.to_thread(house.sessions.take_up, made.session_id)
    await Talk(house.log, fold).take(first)
    return (perf_counter() - started) * 1000


def measure_forks(stage: TalkStage, grown: LongTalk) -> Figures:
    """What a fork in the middle and its first turn take; at first of talks never looked at."""
    folder = stage.folder / "forks"
    before = {OURS: stage.log_bytes()} | {mode: stage.peer_bytes(mode) for mode in MODES}
    ms: dict[str, list[float]] = {OURS: [], DEFAULT: [], DELTA: [], COLD: []}
    for (session_id, at), first in zip(
        stage.long_talks, stage.some(len(stage.long_talks)), strict=True
    ):
        ms[COLD].append(
            asyncio.run(fork(stage.spare, session_id, at, folder / str(session_id), first))
        )
    session_id, at = grown.talk.session_id, grown.middle
    for number, first in enumerate(stage.some(FORKS)):
        ms[OURS].append(asyncio.run(fork(stage.house, session_id, at, folder / str(number), first)))
        for mode, peer in stage.peers.items():
            answer = peer.do("fork", thread=THREAD, moment=at, turns=[first])
            ms[mode].append(answer["latencies"][0] * 1000)
    after = {OURS: stage.log_bytes()} | {mode: stage.peer_bytes(mode) for mode in MODES}
    took = {name: statistics.median(values) for name, values in ms.items()}
    size = {name: (after[name] - before[name]) / FORKS / KILOBYTE for name in before}
    name = f"fork at turn {stage.turns // 2} and its first turn"
    return {
        f"{name} (ms)": figure(took[COLD], at_most=15),
        f"{name}, again in the same process (ms)": figure(took[OURS]),
        f"{name} (kB)": figure(size[OURS], at_most=4),
        **{f"{name} (ms) : {mode}": figure(took[COLD], peer=took[mode]) for mode in MODES},
        **{f"{name} (kB) : {mode}": figure(size[OURS], peer=size[mode]) for mode in MODES},
    }


def measure_side_by_side(stage: TalkStage) -> Figures:
    """How many turns a second many sessions take at once, in one process."""
    turns = 3 if stage.bench.quick else SESSION_TURNS
    threads = [stage.some(turns) for _ in range(SESSIONS)]

    async def talks() -> float:
        opened = [await Talk.open(stage.spare.log) for _ in threads]
        started = perf_counter()
        await asyncio.gather(
            *(take(talk, *said) for talk, said in zip(opened, threads, strict=True))
        )
        return SESSIONS * turns / (perf_counter() - started)

    rounds: dict[str, list[float]] = {}
    for _ in range(1 if stage.bench.quick else 2):
        rounds.setdefault(OURS, []).append(asyncio.run(talks()))
        for mode, peer in stage.spare_peers.items():
            for shared in (False,) if stage.bench.quick else (False, True):
                answer = peer.do(
                    "take_side_by_side", threads=threads, callers=SESSIONS, shared=shared
                )
                per_s = SESSIONS * turns / answer["seconds"]
                which = "one saver" if shared else "a saver each"
                rounds.setdefault(f"{mode}, {which}", []).append(per_s)
    speed = {name: statistics.median(values) for name, values in rounds.items()}
    ours = speed.pop(OURS)
    name = f"turns/s, {SESSIONS} sessions x {turns} turns"
    return {
        name: figure(ours, at_least=1_500),
        **{f"{name} : {which}": figure(ours, peer=theirs) for which, theirs in speed.items()},
    }


def measure_writers(stage: TalkStage) -> Figures:
    """What is left when processes write into one session at the same time."""
    first, *others = stage.some(1 + WRITERS)
    talk = asyncio.run(Talk.open(stage.spare.log))
    asyncio.run(talk.take(first))
    collision = write_at_once(stage.spare_conninfo, talk.session_id, others)
    said = stage.spare.sessions.fold(talk.session_id).conversation.turns[1:]
    assert {turn.text for turn in said} <= {
        text for exchange in [first, *others] for text in exchange
    }
    name = f"messages of {WRITERS} writers kept, of {MESSAGES}"
    figures = {
        name: figure(len(said), at_least=MESSAGES),
        "conflicts told to them": figure(collision.conflicts),
    }
    for mode in (DEFAULT,) if stage.bench.quick else MODES:
        thread = f"written at once, {mode}"
        stage.spare_peers[mode].do("take", thread=thread, turns=[first])
        with ExitStack() as closing:
            peers = [
                closing.enter_context(langgraph_saver(stage.spare_databases[mode], mode))
                for _ in others
            ]
            for peer in peers:
                peer.wait()
            for peer, exchange in zip(peers, others, strict=True):
                peer.begin("take", thread=thread, turns=[exchange])
            for peer in peers:
                peer.answer()
        kept = stage.spare_peers[mode].do("count", thread=thread)["messages"]
        figures[f"{name} : {mode}"] = figure(len(said), peer=kept)
    return figures


def measure_replay(stage: TalkStage) -> Figures:
    """How many events a second are recomputed, which the peer does not offer."""
    api = AsyncHansard(stage.spare)
    jobs = [str(run_job(stage, number)) for number in range(2 if stage.bench.quick else 5)]
    talks = [str(session_id) for session_id, _ in stage.long_talks]

    async def verified_per_s(sessions: list[str]) -> float:
        events, started = 0, perf_counter()
        for session in sessions:
            found = await api.verify_replay(session)
            assert found.is_verified, found
            events += found.events
        return events / (perf_counter() - started)

    rounds = range(3 if stage.bench.quick else 7)
    both = [(asyncio.run(verified_per_s(talks)), asyncio.run(verified_per_s(jobs))) for _ in rounds]
    of_talks, of_jobs = (statistics.median(column) for column in zip(*both, strict=True))
    return {
        f"replay --verify, {stage.turns} turns (events/s)": figure(of_talks, at_least=50_000),
        "replay --verify, main job (events/s)": figure(of_jobs),
    }


def run_job(stage: TalkStage, number: int) -> UUID:
    """Let the organisation do the main job with the offline model."""
    folder = stage.folder / "jobs" / str(number)
    view = asyncio.run(AsyncHansard(stage.spare).run(REQUEST, [LEDGER], output=folder))
    assert view.status is SessionStatus.COMPLETED, view.answer
    return view.session_id


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything on one embedded server."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = closing.enter_context(EmbeddedServer(folder / "postgres").joined())
        stage = TalkStage(Bench(server, closing, quick=quick), folder, closing)
        grown, figures = measure_growth(stage)
        return (
            figures
            | measure_asking(stage, grown)
            | measure_forks(stage, grown)
            | measure_side_by_side(stage)
            | measure_writers(stage)
            | measure_replay(stage)
            | measure_read_models(stage)
        )


if __name__ == "__main__":
    main(measure, __doc__)
