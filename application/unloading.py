"""Unloading: specialists that nobody uses take no more work until they are activated."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from application.directory import fold_organisation
from application.errors import NotFoundError
from application.ports import Clock, EventLog, IdFactory
from application.registration import deactivate_agent
from domain.agent import Level
from domain.errors import TransitionError

NEVER = datetime.min.replace(tzinfo=UTC)


def unload_idle(  # noqa: PLR0913 - the ports, and what is asked
    log: EventLog,
    ids: IdFactory,
    clock: Clock,
    last_used: Mapping[str, datetime],
    idle: timedelta,
    *,
    dry_run: bool = False,
) -> tuple[str, ...]:
    """Deactivate the specialists that were not used for a time; whoever leads stays.

    Sessions that run go on with the organisation as it was when they were opened.

    Args:
        last_used: when each agent was last used, by handle; who never was counts from when it was
            registered, changed or activated.
        dry_run: change nothing.

    Returns:
        Handles of those that were, or would be, deactivated, in order of registration.

    Raises:
        UnavailableError: the database cannot be used.
    """
    before = clock.now() - idle
    members = fold_organisation(log).members
    found = [
        handle
        for handle, agent in members.items()
        if agent.active
        and agent.post.level is Level.SPECIALIST
        and max(last_used.get(handle, NEVER), agent.modified_on) < before
    ]
    if dry_run:
        return tuple(found)
    unloaded = []
    for handle in found:
        with suppress(TransitionError, NotFoundError):  # somebody else was faster
            deactivate_agent(
                log, ids, clock, handle, f"Not used since {before:%Y-%m-%d %H:%M} UTC."
            )
            unloaded.append(handle)
    return tuple(unloaded)
