"""Waiting for humans: crashes, rewinds, forks, and answers while the rest of a session goes on."""

from __future__ import annotations

import asyncio

import pytest

from application.branching import Branch, Branching
from domain.approval import ApprovalStatus
from domain.approval_rule import ApprovalRule
from domain.session import SessionStatus
from tests.support.approvals import (
    WRITES,
    JumpingClock,
    agree_to_all,
    asking,
    grant,
    human,
    reject,
    topics,
    waiting,
)
from tests.support.branches import NoFiles
from tests.support.office import Office, charter, office
from tests.support.replaying import verified
from tests.support.scripted import Crash, CrashingLog

CHARTS = ApprovalRule(name="charts", tools=("draw_chart",))
RULES = (WRITES, CHARTS, ApprovalRule(name="cheap", cost_over_usd=0.006))


def run_until_it_dies(it: Office, fuse: int, *, recorded: bool) -> bool:
    """Run or take up the session, with a human who agrees, in a process that dies at an append."""
    log = it.log
    it.log = CrashingLog(log, fuse, recorded=recorded)
    opened = it.events("session.opened")
    try:
        if opened:
            session_id = opened[0].event.originator_id
            agree_to_all(it, it.sessions.fold(session_id))
        else:
            agree_to_all(it, it.run(asking(*RULES)))
    except Crash:
        return True
    finally:
        it.log = log
    return False


@pytest.mark.parametrize("recorded", [False, True], ids=["before", "after"])
def test_whatever_append_a_process_dies_at_nobody_is_asked_twice(*, recorded: bool) -> None:
    fuse = 1
    while run_until_it_dies(it := office(), fuse, recorded=recorded):
        opened = it.events("session.opened")
        if opened:
            fold = it.resume(opened[0].event.originator_id)
            fold = agree_to_all(it, fold)
            assert fold.session.status is SessionStatus.COMPLETED
            asked = topics(it)
            assert asked.count("approval.requested") == asked.count("approval.received") == 3
            assert asked.count("approval.granted") == 3
            assert len([each for each in it.toolbox.requests if each.call.tool == "draw_chart"]) < 3
            assert verified(it.log, fold.session_id).is_verified
        fuse += 1

    assert fuse > 15


def test_an_answer_reaches_a_session_that_goes_on_meanwhile_at_once() -> None:
    it = office()
    released = asyncio.Event()

    async def answer_while_it_runs() -> None:
        session_id = it.ids.new()
        it.model.pause_s["metrics"] = 30.0  # it never ends by itself
        running = asyncio.ensure_future(
            it.sessions.run(charter(policy=asking(CHARTS)), it.heard.append, session_id=session_id)
        )
        while not (found := await human(it).find()):  # noqa: ASYNC110 - somebody else asks
            await asyncio.sleep(0.005)
        await human(it).grant(found[0].approval_id)
        drawn = it.toolbox.requests
        while "draw_chart" not in [each.call.tool for each in drawn]:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        released.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(answer_while_it_runs(), 10))

    assert released.is_set()
    assert topics(it) == ["approval.requested", "approval.granted", "approval.received"]
    [asked] = it.events("approval.requested")
    session_id = asked.envelope.session_id
    assert session_id is not None
    assert verified(it.log, session_id).is_verified


def test_time_that_is_over_while_the_rest_goes_on_is_noticed() -> None:
    it = office()
    it.clock = clock = JumpingClock()
    rule = CHARTS.model_copy(update={"timeout_s": 60.0})
    it.model.pause_s["metrics"] = 0.05
    it.model.when_asked["metrics"] = lambda: clock.jump(61)

    fold = it.run(asking(rule))

    assert fold.session.status is SessionStatus.COMPLETED
    assert topics(it) == ["approval.requested", "approval.expired", "approval.received"]
    assert verified(it.log, fold.session_id).is_verified


def test_an_answer_that_was_taken_back_is_asked_for_again() -> None:
    """D10: rewinds hold for what humans said."""
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)
    [requested] = it.events("approval.requested")
    grant(it, asked)
    it.resume(asked.session_id)
    branching = Branching(it.sessions, NoFiles())

    asyncio.run(branching.rewind(asked.session_id, requested.position, "Not like that."))

    [again] = waiting(it)
    assert (again.approval_id, again.status) == (asked.approval_id, ApprovalStatus.OPEN)
    reject(it, again)
    fold = it.resume(asked.session_id)
    assert fold.approval(asked.approval_id).status is ApprovalStatus.REJECTED
    assert verified(it.log, asked.session_id).is_verified


def test_a_fork_waits_for_a_word_of_its_own() -> None:
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)
    fork_id = it.ids.new()
    branching = Branching(it.sessions, NoFiles())
    asyncio.run(
        branching.fork(
            asked.session_id,
            it.log.last_position(),
            Branch("Try it.", lambda own: own),
            fork_id=fork_id,
        )
    )

    found = {view.session_id: view for view in waiting(it)}
    assert found.keys() == {asked.session_id, fork_id}
    reject(it, found[fork_id])
    fork = it.resume(fork_id)

    assert fork.approval(asked.approval_id).status is ApprovalStatus.REJECTED
    [left] = waiting(it)
    assert left.session_id == asked.session_id
    grant(it, left)
    assert it.resume(asked.session_id).session.status is SessionStatus.COMPLETED
    assert verified(it.log, fork_id).is_verified
    assert verified(it.log, asked.session_id).is_verified


def test_a_word_about_what_was_taken_back_meanwhile_changes_nothing() -> None:
    it = office()
    it.run(asking(WRITES))
    [asked] = waiting(it)
    [requested] = it.events("approval.requested")
    late = it.sessions.take_up(asked.session_id)
    branching = Branching(it.sessions, NoFiles())
    asyncio.run(branching.rewind(asked.session_id, requested.position - 1, "Earlier."))

    late.approval(asked.approval_id).grant("ada", "ada", "", it.clock.now())
    journal = it.sessions.journal(late, lambda _: None)
    journal.collect(late.approval(asked.approval_id), "ada")
    asyncio.run(journal.flush())

    fold = it.resume(asked.session_id)
    assert fold.session.status is SessionStatus.RUNNING
    [again] = waiting(it)
    assert again.approval_id != asked.approval_id
    assert verified(it.log, asked.session_id).is_verified
