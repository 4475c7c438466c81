"""Halting: all work stands still when somebody says so, and goes on when somebody says so."""

from __future__ import annotations

import asyncio

import pytest

from application.errors import BadRequestError, HaltedError, SessionStoppedError
from application.halting import Halting
from domain.session import SessionStatus
from tests.support.office import Office, charter, office


def halting_of(desk: Office) -> Halting:
    return Halting(desk.log, desk.clock, desk.ids, desk.lease)


def test_a_halt_is_recorded_with_who_and_why_and_stays_until_the_release() -> None:
    desk = office()
    halting = halting_of(desk)

    assert halting.halt("ada", "wrong invoices").by == "ada"
    assert halting.halt("bob", "me too").by == "ada"
    released = halting.release("bob", "all is well")
    assert released is not None
    assert released.reason == "wrong invoices"
    assert halting.release("bob") is None
    kinds = [recorded.type for recorded in desk.log.read(types=HALTS)]
    assert kinds == ["organisation.halted", "organisation.released"]


HALTS = ("organisation.halted", "organisation.released")


def test_nothing_begins_while_all_work_stands_still() -> None:
    """D10: stop."""
    desk = office()
    halting_of(desk).halt("ada", "wrong invoices")

    with pytest.raises(HaltedError, match="wrong invoices"):
        desk.run()
    assert not desk.model.requests
    [session_id] = {each.session_id for each in desk.log.events if each.session_id}
    with pytest.raises(HaltedError):
        desk.resume(session_id)

    halting_of(desk).release("ada")
    assert desk.resume(session_id).session.status is SessionStatus.COMPLETED


def test_what_runs_stops_and_can_go_on_after_the_release() -> None:
    desk = office()
    session_id = desk.ids.new()
    halting = halting_of(desk)

    async def run() -> None:
        desk.model.when_asked["metrics"] = lambda: halting.halt("ada", "wrong invoices")
        desk.model.pause_s["metrics"] = 10
        await desk.sessions.run(charter(), desk.heard.append, session_id=session_id)

    with pytest.raises(SessionStoppedError):
        asyncio.run(run())
    desk.model.when_asked.clear()
    desk.model.pause_s.clear()
    halting.release("ada")
    assert desk.resume(session_id).session.status is SessionStatus.COMPLETED


def test_a_halt_needs_a_reason() -> None:
    with pytest.raises(BadRequestError):
        halting_of(office()).halt("ada", "  ")
