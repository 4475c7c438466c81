"""A19: an organisation of more than 100 agents, used and changed by many threads at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from application.directory import load_directory
from application.orchestration.placing import Placement, place
from application.orchestration.procedures import HIERARCHY
from application.registration import (
    Member,
    activate_agent,
    adopt_roster,
    deactivate_agent,
    register_agent,
)
from domain.agent import AgentCapabilities, Level, Post
from domain.decision import Decision
from domain.organisation import DuplicateAgentNameError
from domain.routing import Ground
from infrastructure.roster import load_roster
from infrastructure.system import SystemClock, Uuid7Factory
from tests.support.read_side import open_read_side
from tests.support.scripted import TOOLS
from tests.unit.application.orchestration.test_placing import task

THREADS = 8
PER_THREAD = 4
IDS, CLOCK = Uuid7Factory(), SystemClock()
GROUND = Ground(decision_id=UUID(int=1), policy_version="1", threshold=0.3, knowledge_position=9)


def member(handle: str) -> Member:
    post = Post(level=Level.SPECIALIST, department="finance", supervisor="DIR_FINANCE")
    return Member(
        handle=handle,
        display_name=handle.title(),
        post=post,
        capabilities=AgentCapabilities(skills=("ledgers",)),
    )


def test_many_threads_register_pause_and_route_and_nothing_is_lost(database_url: str) -> None:
    with open_read_side(database_url) as side, ThreadPoolExecutor(THREADS) as threads:
        log = side.log
        adopt_roster(log, IDS, CLOCK, load_roster(None, TOOLS))
        handles = [f"NEW_{n:03}" for n in range(THREADS * PER_THREAD)]

        def join(handle: str) -> int:
            try:
                register_agent(log, IDS, CLOCK, member(handle))
            except DuplicateAgentNameError:
                return 0
            return 1

        # Everybody is registered by two threads at once, and every second one pauses and returns.
        joined = Counter(dict.fromkeys(handles, 0))
        for handle, number in zip(
            [*handles, *handles], threads.map(join, [*handles, *handles]), strict=True
        ):
            joined[handle] += number

        def pause(handle: str) -> None:
            deactivate_agent(log, IDS, CLOCK, handle, "on leave")
            if int(handle[-1]) % 2:
                activate_agent(log, IDS, CLOCK, handle)

        list(threads.map(pause, handles))
        directory = load_directory(log)

        assert set(joined.values()) == {1}
        assert directory.count() == 119 + len(handles) > 150
        assert directory.count(Level.SPECIALIST, active=False) == len(handles) // 2

        def decide(_: object) -> Decision:
            it = task("DIR_FINANCE", "finance", ("ledgers",))
            return place(Placement(it, directory, HIERARCHY), GROUND)

        made = list(threads.map(decide, range(200)))
        assert all(decision == made[0] for decision in made)
        assert made[0].chosen == "NEW_001"
